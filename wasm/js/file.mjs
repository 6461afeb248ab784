import * as nodeFS from 'node:fs/promises';
import { dirname } from 'node:path';
import { randomUUID } from 'node:crypto';

/**
 * A file, by node:fs: written under another name beside it, synced, renamed, and
 * the directory synced. `fs` replaces node:fs/promises.
 */
export function file(path, { fs = nodeFS } = {}) {
  return {
    load: async () => {
      try {
        return new Uint8Array(await fs.readFile(path));
      } catch (error) {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      }
    },
    save: async (bytes) => {
      const draft = `${path}.${randomUUID()}.tmp`;
      try {
        await write(fs, draft, bytes);
        await fs.rename(draft, path);
      } catch (error) {
        await fs.rm(draft, { force: true }).catch(() => {});
        throw error;
      }
      await syncDirectory(fs, dirname(path));
    },
  };
}

async function write(fs, path, bytes) {
  const out = await fs.open(path, 'wx', 0o600);
  try {
    await out.writeFile(bytes);
    await out.sync();
  } finally {
    await out.close();
  }
}

/** Makes the rename durable, where directories can be synced. */
async function syncDirectory(fs, path) {
  if (process.platform === 'win32') return;
  const directory = await fs.open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
