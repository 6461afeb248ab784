// The figures of README.md in one run: `node bench/figures.mjs` (minutes), or with
// --quick (seconds, noisy). It needs strata.wasm and the packages of package.json.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import Keyv from 'keyv';
import { createStorage } from 'unstorage';
import { open } from '../index.mjs';
import { noise, random } from '../test/check.mjs';

const quick = process.argv.includes('--quick');
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const wasm = readFileSync(here('../strata.wasm'));

const KEYS = 1000;
const OPS = quick ? 20_000 : 100_000;
const TRIES = quick ? 2 : 5;
const keys = Array.from({ length: KEYS }, (_, i) => `session:${i.toString().padStart(8, '0')}`);

/** Nanoseconds of processor time of a call, the best of some tries: what else the machine does counts little. */
async function time(call, promises) {
  let best = Infinity;
  for (let t = 0; t <= TRIES; t++) {
    const start = process.cpuUsage();
    if (promises) for (let i = 0; i < OPS; i++) await call(keys[i % KEYS]);
    else for (let i = 0; i < OPS; i++) call(keys[i % KEYS]);
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) * 1000 / OPS);
  }
  return best;
}

const TTL = 3_600_000;

/** Each peer: how it sets and gets, and whether with promises. */
async function peers(value) {
  const raw = await open({ module: wasm, maxBytes: 16 << 20, zstd: false });
  const zstd = await open({ module: wasm, maxBytes: 16 << 20 });
  const map = new Map();
  const lru = new LRUCache({ max: 100_000 });
  const full = new LRUCache({ ttl: TTL, maxSize: 64 << 20, sizeCalculation: (v) => v.length });
  const keyv = new Keyv();
  const storage = createStorage();
  const into = new Uint8Array(4096);
  const text = Buffer.from(value).toString('latin1');
  return [
    ['Map', { set: (k) => map.set(k, value), get: (k) => map.get(k) }],
    ['lru-cache', { set: (k) => lru.set(k, value), get: (k) => lru.get(k) }],
    ['lru-cache, ttl and size', { set: (k) => full.set(k, value), get: (k) => full.get(k) }],
    ['strata, zstd off', { set: (k) => raw.set(k, value, { ttl: TTL }), get: (k) => raw.get(k), view: (k) => raw.getView(k), into: (k) => raw.getInto(k, into) }],
    ['strata', { set: (k) => zstd.set(k, value, { ttl: TTL }), get: (k) => zstd.get(k), view: (k) => zstd.getView(k), into: (k) => zstd.getInto(k, into) }],
    ['keyv', { promises: true, set: (k) => keyv.set(k, text, TTL), get: (k) => keyv.get(k) }],
    ['unstorage', { promises: true, set: (k) => storage.setItem(k, text), get: (k) => storage.getItem(k) }],
  ];
}

const cell = (ns) => (ns === undefined ? '' : ns.toFixed(0));

async function speed(what, value) {
  console.log(`\n${what}, ns of processor time a call\n\n| store | set | get | getView | getInto |\n|---|---|---|---|---|`);
  for (const [name, peer] of await peers(value)) {
    const set = await time(peer.set, peer.promises);
    const get = await time(peer.get, peer.promises);
    const view = peer.view && await time(peer.view);
    const into = peer.into && await time(peer.into);
    console.log(`| ${name} | ${cell(set)} | ${cell(get)} | ${cell(view)} | ${cell(into)} |`);
  }
}

function sizes() {
  console.log('\nThe module, bytes\n\n| build | raw | gzip -9 |\n|---|---|---|');
  console.log(`| with zstd | ${wasm.length} | ${gzipSync(wasm, { level: 9 }).length} |`);
  const out = here('../../../bin/nozstd.wasm');
  const built = spawnSync('go', ['run', './wasm/build', '-nozstd', '-o', out], { cwd: here('../../..') });
  if (built.status !== 0) return;
  const small = readFileSync(out);
  console.log(`| nozstd | ${small.length} | ${gzipSync(small, { level: 9 }).length} |`);
}

async function startup() {
  const times = [];
  for (let i = 0; i < (quick ? 3 : 10); i++) {
    const start = performance.now();
    const module = await WebAssembly.compile(wasm);
    const compiled = performance.now();
    const store = await open({ module });
    times.push([compiled - start, performance.now() - compiled]);
    store.close();
  }
  const best = (i) => Math.min(...times.map((t) => t[i])).toFixed(1);
  console.log(`\nStart-up: compile ${best(0)} ms, start and open ${best(1)} ms (best of ${times.length})`);
}

/** Memory of one kind of store, in a process of its own. */
function memory() {
  const records = quick ? 20_000 : 100_000;
  console.log(`\nMemory of ${records} sessions of about 360 bytes of JSON under keys of 40, bytes a record\n\n| store | bytes |\n|---|---|`);
  for (const kind of ['map of strings', 'map of objects', 'map of bytes', 'lru-cache of strings', 'lru-cache of objects', 'strata, zstd off', 'strata', 'strata, dictionary']) {
    const child = spawnSync(process.execPath, ['--expose-gc', here('memory.mjs'), kind, String(records)], { encoding: 'utf8' });
    console.log(`| ${kind} | ${child.stdout.trim() || child.stderr.trim()} |`);
  }
}

console.log(`node ${process.version}, ${cpus()[0].model}, ${cpus().length} cores`);
sizes();
await startup();
await speed('100 bytes that do not compress', noise(random(1), 100));
await speed('1 KB of JSON', new TextEncoder().encode(JSON.stringify(Array.from({ length: 24 }, (_, i) => ({ id: i * 7919, name: `item ${i * 31}`, price: i * 3 })))));
memory();
