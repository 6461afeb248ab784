// Runs the suite on whatever runs this file, and prints what came of it as JSON.
import { readFileSync } from 'node:fs';
import { load } from '../index.mjs';
import { runAll } from './suite.mjs';

const module = await WebAssembly.compile(readFileSync(new URL('../strata.wasm', import.meta.url)));
console.log(JSON.stringify(await runAll(() => load(module))));
