// The longest calls of a store of a million records: `node bench/latency.mjs
// [records] [runs]`. A call here is one of the module's: a chunk of a scan, one
// set. All runs make the same calls; of each call the shortest time counts, so
// that what else the machine does is left out, and what the module does at that
// call, such as making a table anew, is not.
import { readFileSync } from 'node:fs';
import { load } from '../index.mjs';
import { noise, random } from '../test/check.mjs';

const records = Number(process.argv[2] ?? 1_000_000);
const runs = Number(process.argv[3] ?? 4);
const wasm = await WebAssembly.compile(readFileSync(new URL('../strata.wasm', import.meta.url)));
const key = (i) => `session:${((i * 2654435761) % 4294967296).toString(16).padStart(8, '0')}:${i}`;

async function run(count, shortest) {
  const module = await load(wasm);
  const store = module.open({ maxBytes: count * 400 });
  const next = random(3);
  const values = Array.from({ length: 64 }, () => noise(next, 100));
  const pairs = (i) => Array.from({ length: 100 }, (_, j) => [key((i * 100 + j) % count), values[j & 63]]);
  const some = (n, call) => [Math.min(n, count), call];
  const phases = {
    'set, from none to all': [count, (i) => store.set(key(i), values[i & 63], { ttl: i % 3 ? 3_600_000 + next(1e6) : 0 })],
    'set over': some(200_000, () => store.set(key(next(count)), values[next(64)], { ttl: 3_600_000 })),
    getView: some(200_000, () => store.getView(key(next(count)))),
    'get and cas': some(50_000, () => { const k = key(next(count)); store.cas(k, store.getItem(k).version, values[next(64)]); }),
    touch: some(50_000, () => store.touch(key(next(count)), { ttl: 7_200_000 })),
    'delete and set': some(50_000, () => { const k = key(next(count)); store.delete(k); store.set(k, values[0]); }),
    '256 records of a scan': some(500, () => { for (let i = 0; i < 256; i++) scan.next(); }),
    'a block of a snapshot': some(500, () => blocks.next()),
    'setMany of 100': some(500, (i) => store.setMany(pairs(i))),
    'a collection of garbage': some(5, () => module.collect()),
    clear: [1, () => store.clear()],
  };
  const scan = store.scan('');
  const blocks = store.exportBlocks();
  for (const [name, [n, call]] of Object.entries(phases)) {
    const times = shortest.get(name) ?? new Float64Array(n).fill(Infinity);
    for (let i = 0; i < n; i++) {
      const start = performance.now();
      call(i);
      times[i] = Math.min(times[i], performance.now() - start);
    }
    shortest.set(name, times);
  }
  return module.memoryBytes;
}

await run(20_000, new Map()); // the engine compiles what it runs
const shortest = new Map(); // name → times
let memory;
for (let r = 0; r < runs; r++) memory = await run(records, shortest);

console.log(`${''.padEnd(30)}   median    99.9%  99.999%  longest, ms`);
let worst = 0;
for (const [name, times] of shortest) {
  const sorted = times.slice().sort();
  const at = (p) => sorted[Math.min(Math.floor(sorted.length * p), sorted.length - 1)];
  worst = Math.max(worst, at(1));
  console.log(name.padEnd(30) + [0.5, 0.999, 0.99999, 1].map((p) => at(p).toFixed(3).padStart(9)).join(''));
}
console.log(`${records} records, memory ${(memory / 2 ** 20).toFixed(0)} MiB, ${runs} runs; longest of all ${worst.toFixed(1)} ms`);
