import { StrataError } from './errors.mjs';
import { join } from './snapshot.mjs';

// Each adapter has load(), the last whole snapshot or undefined, and
// save(bytes), which keeps it whole or not at all.

const broken = (what) => new StrataError('CORRUPT', `corrupt data: ${what}`);

/**
 * A snapshot over several values of a key-value service, for those whose values
 * are bounded. A save writes the parts under a name of their own, then the entry
 * that names them, and last deletes the parts before: who reads in between finds
 * the one snapshot or the other.
 */
class Parts {
  #service;
  #name;
  #size;

  constructor(service, name, size) {
    this.#service = service;
    this.#name = name;
    this.#size = size;
  }

  async #entry() {
    const entry = await this.#service.get(this.#name);
    return entry === undefined ? undefined : JSON.parse(new TextDecoder().decode(entry));
  }

  #part(id, i) {
    return `${this.#name}.${id}.${i}`;
  }

  async load() {
    const entry = await this.#entry();
    if (entry === undefined) return undefined;
    const parts = [];
    for (let i = 0; i < entry.parts; i++) {
      const part = await this.#service.get(this.#part(entry.id, i));
      if (part === undefined) throw broken('a part of the snapshot is missing');
      parts.push(part);
    }
    const snapshot = join(parts);
    if (snapshot.length !== entry.bytes) throw broken('the snapshot has another length');
    return snapshot;
  }

  async save(bytes) {
    const before = await this.#entry().catch(() => undefined);
    const entry = { id: crypto.randomUUID(), parts: Math.ceil(bytes.length / this.#size), bytes: bytes.length };
    try {
      for (let i = 0; i < entry.parts; i++) {
        await this.#service.put(this.#part(entry.id, i), bytes.slice(i * this.#size, (i + 1) * this.#size));
      }
    } catch (error) {
      await this.#remove(entry).catch(() => {});
      throw error;
    }
    // Should this fail, nobody knows whether it was written: both snapshots stay.
    await this.#service.put(this.#name, new TextEncoder().encode(JSON.stringify(entry)));
    if (before !== undefined) await this.#remove(before);
  }

  async #remove(entry) {
    for (let i = 0; i < entry.parts; i++) await this.#service.delete(this.#part(entry.id, i));
  }
}

/** Workers KV. Other places may see a save only after a minute. */
export function workersKV(namespace, name = 'strata', { partBytes = 20 << 20 } = {}) {
  return new Parts({
    get: async (key) => {
      const value = await namespace.get(key, 'arrayBuffer');
      return value === null ? undefined : new Uint8Array(value);
    },
    put: (key, value) => namespace.put(key, value),
    delete: (key) => namespace.delete(key),
  }, name, partBytes);
}

/** The storage of a Durable Object. */
export function durableObject(storage, name = 'strata', { partBytes = 120 << 10 } = {}) {
  return new Parts({
    get: (key) => storage.get(key),
    put: (key, value) => storage.put(key, value),
    delete: (key) => storage.delete(key),
  }, name, partBytes);
}

/** A promise of an IndexedDB request or transaction. */
function done(request, success = 'onsuccess') {
  return new Promise((resolve, reject) => {
    request[success] = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onabort = () => reject(request.error);
  });
}

/** IndexedDB: one record, written in one transaction. */
export function indexedDB(name = 'strata', { factory = globalThis.indexedDB } = {}) {
  const use = async (mode, run) => {
    const opening = factory.open(name, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore('snapshots');
    const db = await done(opening);
    try {
      const transaction = db.transaction('snapshots', mode, { durability: 'strict' });
      const ended = done(transaction, 'oncomplete');
      const request = run(transaction.objectStore('snapshots'));
      await ended;
      return request.result;
    } finally {
      db.close();
    }
  };
  return {
    load: () => use('readonly', (snapshots) => snapshots.get('last')),
    save: async (bytes) => {
      await use('readwrite', (snapshots) => snapshots.put(bytes, 'last'));
    },
  };
}

/** The origin's private file system. What is written replaces the file when it is closed, not before. */
export function opfs(name = 'strata.snapshot', { directory } = {}) {
  const root = async () => directory ?? navigator.storage.getDirectory();
  return {
    load: async () => {
      let handle;
      try {
        handle = await (await root()).getFileHandle(name);
      } catch (error) {
        if (error.name === 'NotFoundError') return undefined;
        throw error;
      }
      const file = await handle.getFile();
      // A file that was made and never written is one whose first save did not end.
      return file.size === 0 ? undefined : new Uint8Array(await file.arrayBuffer());
    },
    save: async (bytes) => {
      const handle = await (await root()).getFileHandle(name, { create: true });
      const out = await handle.createWritable();
      try {
        await out.write(bytes);
      } catch (error) {
        await out.abort().catch(() => {});
        throw error;
      }
      await out.close();
    },
  };
}
