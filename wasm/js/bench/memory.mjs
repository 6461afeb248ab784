// What a store of one kind takes for sessions, bytes a record: heap, external and
// linear memory together. Run by figures.mjs.
import { readFileSync } from 'node:fs';
import { LRUCache } from 'lru-cache';
import { open } from '../index.mjs';
import { session, sessionKey } from './sessions.mjs';

const [kind, count] = [process.argv[2], Number(process.argv[3])];
const read = (path) => readFileSync(new URL(path, import.meta.url));
const lru = () => new LRUCache({ ttl: 3_600_000, maxSize: 2 ** 31, sizeCalculation: (v) => (v.length ?? 400) + 40 });
const strata = (options) => open({ module: read('../strata.wasm'), maxBytes: 64 << 20, ttl: 3_600_000, ...options });

/** A string that shares memory with nothing, as one that came from the network. */
const own = (text) => Buffer.from(text).toString('latin1');

const kinds = {
  'map of strings': [() => new Map(), (text) => own(text)],
  'map of objects': [() => new Map(), (text) => JSON.parse(text)],
  'map of bytes': [() => new Map(), (text) => new Uint8Array(Buffer.from(text))],
  'lru-cache of strings': [lru, (text) => own(text)],
  'lru-cache of objects': [lru, (text) => JSON.parse(text)],
  'strata, zstd off': [() => strata({ zstd: false }), (text) => text],
  strata: [() => strata(), (text) => text],
  'strata, dictionary': [() => strata({ dictionaries: [read('../test/sessions.dict')] }), (text) => text],
};

const [make, valueOf] = kinds[kind];
const store = await make();

function used() {
  for (let i = 0; i < 4; i++) gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external - (store.stats ? store.stats().memoryBytes : 0);
}

const before = used();
for (let i = 0; i < count; i++) store.set(own(sessionKey(i)), valueOf(session(i)));
const outside = used() - before;
const inside = store.stats ? store.stats().usedBytes * 65 / 64 : 0; // blocks and their share of the directory
if ((store.size ?? 0) !== count) throw new Error(`${store.size} records, want ${count}`);
console.log(((Math.max(outside, 0) + inside) / count).toFixed(0));
