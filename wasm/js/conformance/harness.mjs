// Loaded into node before the Go test: the npm package, as the test calls it.
// Each function answers with an object; `error` is a StrataError's code.
import { readFile } from 'node:fs/promises';
import { load } from '../index.mjs';

const module = await load(await readFile(new URL('../strata.wasm', import.meta.url)));
const clock = { wall: 0, boot: 0 };

const guarded = (call) => (...args) => {
  try {
    return call(...args) ?? {};
  } catch (error) {
    if (error.code === undefined) throw error;
    return { error: error.code };
  }
};

const wrap = (store) => ({
  get: guarded((key) => store.getItem(key) ?? { error: 'NOT_FOUND' }),
  set: guarded((key, value, options) => ({ version: store.set(key, value, options) })),
  cas: guarded((key, version, value, options) => {
    const now = store.cas(key, version, value, options);
    return now === undefined ? { error: 'VERSION' } : store.getItem(key);
  }),
  touch: guarded((key, options) => (store.touch(key, options) ? {} : { error: 'NOT_FOUND' })),
  remove: guarded((key) => { store.delete(key); }),
  removeVersion: guarded((key, version) => (store.delete(key, { version }) ? {} : { error: 'VERSION' })),
  write: guarded((ops) => { store.write(ops); }),
  scan: guarded((prefix, from) => {
    const records = [];
    for (const record of store.scan(prefix, { from, bytesKeys: true })) {
      records.push(record);
      if (records.length === 256) break;
    }
    return { records };
  }),
  deletePrefix: guarded((prefix) => ({ count: store.deletePrefix(prefix) })),
  sweep: guarded((limit) => ({ count: store.sweep(limit) })),
  stats: guarded(() => store.stats()),
  close: guarded(() => { store.close(); }),
});

globalThis.strata = {
  clock,
  open: guarded((options) => ({ store: wrap(module.open({ ...options, now: () => clock.wall, monotonic: () => clock.boot })) })),
};
