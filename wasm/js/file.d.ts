import type { Adapter } from './index.js';

/** A file, by node:fs: written beside, synced and renamed. `fs` replaces node:fs/promises. */
export function file(path: string, options?: { fs?: unknown }): Adapter;
