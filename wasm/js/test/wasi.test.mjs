import { test } from 'node:test';
import { readFile } from 'node:fs/promises';
import { load } from '../index.mjs';
import { importsOf, wasi } from '../wasi.mjs';
import { equal, ok } from './check.mjs';

const wasm = await WebAssembly.compile(await readFile(new URL('../strata.wasm', import.meta.url)));

test('a monotonic clock at 0 does not end the module', async () => {
  const real = performance.now;
  performance.now = () => 0;
  try {
    const module = await load(wasm);
    const store = module.open({ maxBytes: 1 << 20, ttl: 1000 });
    store.set('k', 'v');
    module.collect();
    equal(store.getText('k'), 'v', 'get where no time passes');
  } finally {
    performance.now = real;
  }
});

test('each module has entropy of its own', async () => {
  const asked = [];
  const real = crypto.getRandomValues;
  crypto.getRandomValues = (array) => {
    asked.push(array.length);
    return real.call(crypto, array);
  };
  try {
    await load(wasm);
  } finally {
    crypto.getRandomValues = real;
  }
  ok(asked.length > 0, 'the module asked for no random bytes');
});

test('what the module imports is there, or says that it is not', () => {
  const imports = importsOf(wasm, wasi({ memory: () => undefined, exit: () => {} })).wasi_snapshot_preview1;
  for (const { module, name, kind } of WebAssembly.Module.imports(wasm)) {
    equal([module, kind, typeof imports[name]], ['wasi_snapshot_preview1', 'function', 'function'], name);
  }
  equal(imports.path_open?.() ?? 52, 52, 'opening a file');
});

test('too many stores are refused, and the module goes on', async () => {
  const module = await load(wasm);
  const store = module.open({ maxBytes: 1 << 20 });
  store.set('k', 'v');
  let error;
  try {
    for (let i = 0; i < 300; i++) module.open({ maxBytes: 64 << 10 });
  } catch (e) {
    error = e;
  }
  equal([error?.code, store.getText('k')], ['MEMORY', 'v'], 'after 300 stores');
});
