import { test } from 'node:test';
import { readFile } from 'node:fs/promises';
import { load } from '../index.mjs';
import { equal, noise, ok, random } from './check.mjs';

const wasm = await WebAssembly.compile(await readFile(new URL('../strata.wasm', import.meta.url)));

const RECORDS = 200_000;
const ROUNDS = 10;
const SLACK = 16 << 20;

const keys = Array.from({ length: RECORDS }, (_, i) => `session:${i}`);

/** RECORDS of 200 bytes, replaced by 300 bytes so many times; half of them compress. */
function fill(store, rounds) {
  const next = random(5);
  const values = Array.from({ length: 512 }, (_, i) => (i % 2 ? noise(next, 300) : new Uint8Array(300).fill(i)));
  for (let round = 0; round <= rounds; round++) {
    for (let i = 0; i < RECORDS; i++) {
      const value = values[(i * 7 + round) % values.length];
      store.set(keys[i], round === 0 ? value.subarray(0, 200) : value, { ttl: 3_600_000 });
    }
  }
  return (i) => values[(i * 7 + rounds) % values.length];
}

test('200,000 records stay under the cap while they are replaced', async (t) => {
  const module = await load(wasm);
  const maxBytes = 104 << 20;
  const store = module.open({ maxBytes });
  const valueOf = fill(store, ROUNDS);
  ok(module.memoryBytes <= maxBytes + SLACK, `memory: got ${module.memoryBytes}, want at most ${maxBytes + SLACK}`);
  t.diagnostic(`memory ${module.memoryBytes - maxBytes} bytes above the cap`);
  const stats = store.stats();
  equal([stats.records, stats.evictions], [RECORDS, 0], 'records and evictions');
  for (let i = 0; i < RECORDS; i += 101) equal(store.get(keys[i]), valueOf(i), `record ${i}`);
});

test('a cache of half the size evicts and stays under its cap', async () => {
  const module = await load(wasm);
  const maxBytes = 40 << 20;
  const store = module.open({ maxBytes, mode: 'cache' });
  fill(store, 3);
  ok(module.memoryBytes <= maxBytes + SLACK, `memory: got ${module.memoryBytes}, want at most ${maxBytes + SLACK}`);
  const { evictions, usedBytes } = store.stats();
  ok(evictions > RECORDS && usedBytes <= maxBytes, `got ${evictions} evictions, ${usedBytes} bytes used`);
});
