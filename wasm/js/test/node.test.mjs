import { test } from 'node:test';
import { readFile } from 'node:fs/promises';
import { load } from '../index.mjs';
import { cases } from './suite.mjs';

const module = await WebAssembly.compile(await readFile(new URL('../strata.wasm', import.meta.url)));

for (const [name, run] of Object.entries(cases)) {
  test(name, async () => run({ module: await load(module) }));
}
