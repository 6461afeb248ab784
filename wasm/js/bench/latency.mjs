// The longest calls of a store of a million records: `node bench/latency.mjs
// [records]`. A call here is one of the module's: a chunk of a scan, one set.
import { readFileSync } from 'node:fs';
import { load } from '../index.mjs';
import { noise, random } from '../test/check.mjs';

const count = Number(process.argv[2] ?? 1_000_000);
const module = await load(readFileSync(new URL('../strata.wasm', import.meta.url)));
const store = module.open({ maxBytes: count * 400 });
const next = random(3);
const values = Array.from({ length: 64 }, () => noise(next, 100));
const key = (i) => `session:${(i * 2654435761 % 4294967296).toString(16).padStart(8, '0')}:${i}`;

function timed(name, n, call) {
  const times = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const start = performance.now();
    call(i);
    times[i] = performance.now() - start;
  }
  times.sort();
  const at = (p) => times[Math.min(Math.floor(n * p), n - 1)].toFixed(3).padStart(9);
  console.log(`${name.padEnd(34)}${at(0.5)}${at(0.999)}${at(0.99999)}${at(1)}`);
  return times[n - 1];
}

console.log(`${''.padEnd(34)}   median    99.9%  99.999%  longest, ms`);
const worst = [timed('set, from none to all', count, (i) => store.set(key(i), values[i & 63], { ttl: i % 3 ? 3_600_000 + next(1e6) : 0 }))];
worst.push(
  timed('set over', 200_000, () => store.set(key(next(count)), values[next(64)], { ttl: 3_600_000 })),
  timed('getView', 200_000, () => store.getView(key(next(count)))),
  timed('cas', 50_000, () => { const k = key(next(count)); const it = store.getItem(k); store.cas(k, it.version, values[next(64)]); }),
  timed('touch', 50_000, () => store.touch(key(next(count)), { ttl: 7_200_000 })),
  timed('delete and set', 50_000, () => { const k = key(next(count)); store.delete(k); store.set(k, values[0]); }),
);
const scan = store.scan('');
worst.push(timed('256 records of a scan', 500, () => { for (let i = 0; i < 256; i++) scan.next(); }));
const blocks = store.exportBlocks();
worst.push(timed('a block of a snapshot', 500, () => blocks.next()));
worst.push(timed('setMany of 100', 500, (i) => store.setMany(Array.from({ length: 100 }, (_, j) => [key(i * 100 + j), values[j & 63]]))));
worst.push(timed('a collection of garbage', 5, () => module.collect()));
worst.push(timed('clear', 1, () => store.clear()));
console.log(`${count} records, memory ${(module.memoryBytes / 2 ** 20).toFixed(0)} MiB; longest of all ${Math.max(...worst).toFixed(1)} ms`);
