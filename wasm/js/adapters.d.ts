import type { Adapter } from './index.js';

/** What is used of a Workers KV namespace. */
export interface KVLike {
  get(key: string, type: 'arrayBuffer'): Promise<ArrayBuffer | null>;
  put(key: string, value: Uint8Array): Promise<void>;
  delete(key: string): Promise<void>;
}

/** What is used of a Durable Object's storage. */
export interface StorageLike {
  get<T>(key: string): Promise<T | undefined>;
  put<T>(key: string, value: T): Promise<void>;
  delete(key: string): Promise<boolean>;
}

/** Workers KV, in parts of at most 20 MiB. Other places may see a save only after a minute. */
export function workersKV(namespace: KVLike, name?: string, options?: { partBytes?: number }): Adapter;
/** The storage of a Durable Object, in parts of at most 120 KiB. */
export function durableObject(storage: StorageLike, name?: string, options?: { partBytes?: number }): Adapter;
/** IndexedDB: one record of the database `name`. */
export function indexedDB(name?: string, options?: { factory?: IDBFactory }): Adapter;
/** A file of the origin's private file system. */
export function opfs(name?: string, options?: { directory?: FileSystemDirectoryHandle }): Adapter;
