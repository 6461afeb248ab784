import { textOf } from './bytes.mjs';

/**
 * A store, or the part of it below a prefix, with the methods of a Map that
 * answer with promises, and text as values: what wants something like a Map, a
 * cache or a small database takes it.
 */
export class AsyncMap {
  #store;
  #prefix;

  constructor(store, prefix = '') {
    this.#store = store;
    this.#prefix = prefix;
  }

  async get(key) {
    return this.#store.getText(this.#prefix + key);
  }

  /** `ttl` in milliseconds; without one, the store's own. */
  async set(key, value, ttl) {
    this.#store.set(this.#prefix + key, value, typeof ttl === 'number' ? { ttl } : undefined);
    return this;
  }

  async has(key) {
    return this.#store.has(this.#prefix + key);
  }

  async delete(key) {
    return this.#store.delete(this.#prefix + key);
  }

  async clear() {
    if (this.#prefix === '') this.#store.clear();
    else this.#store.deletePrefix(this.#prefix);
  }

  async *keys() {
    for (const key of this.#store.keys(this.#prefix)) yield key.slice(this.#prefix.length);
  }

  async *entries() {
    for (const { key, value } of this.#store.scan(this.#prefix)) yield [key.slice(this.#prefix.length), textOf(value)];
  }

  [Symbol.asyncIterator]() {
    return this.entries();
  }
}

/** What Keyv takes as its `store`. Keyv iterates over a list of stores that it knows, and this is none of them. */
export function keyvStore(store) {
  const map = new AsyncMap(store);
  return {
    opts: {},
    get: (key) => map.get(key),
    getMany: async (keys) => store.getMany(keys).map((value) => value && textOf(value)),
    set: async (key, value, ttl) => {
      await map.set(key, value, ttl ?? 0);
      return true;
    },
    has: (key) => map.has(key),
    delete: (key) => map.delete(key),
    clear: async function clear() {
      if (this.namespace) store.deletePrefix(`${this.namespace}:`);
      else store.clear();
    },
    on() { return this; },
    disconnect: async () => {},
  };
}

/** What unstorage takes as a driver. `ttl` of an item is in seconds, as its other drivers have it. */
export function unstorageDriver(store) {
  const life = (options) => (typeof options?.ttl === 'number' ? { ttl: options.ttl * 1000 } : undefined);
  return {
    name: 'strata',
    options: {},
    hasItem: (key) => store.has(key),
    getItem: (key) => store.getText(key) ?? null,
    getItemRaw: (key) => store.get(key) ?? null,
    setItem: (key, value, options) => { store.set(key, value, life(options)); },
    setItemRaw: (key, value, options) => { store.set(key, value, life(options)); },
    removeItem: (key) => { store.delete(key); },
    getKeys: (base) => [...store.keys(base)],
    clear: (base) => { if (base) store.deletePrefix(base); else store.clear(); },
    dispose: () => { store.close(); },
  };
}
