import { test } from 'node:test';
import * as realFS from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { file } from '../file.mjs';
import { load } from '../index.mjs';
import { equal, ok } from './check.mjs';

const wasm = await WebAssembly.compile(await realFS.readFile(new URL('../strata.wasm', import.meta.url)));

async function withDirectory(run) {
  const dir = await realFS.mkdtemp(join(tmpdir(), 'strata-'));
  try {
    await run(dir);
  } finally {
    await realFS.rm(dir, { recursive: true });
  }
}

/** node:fs whose n-th call that may change something fails. */
function failing(n) {
  let calls = 0;
  const step = async (name, call) => {
    if (++calls === n) throw Object.assign(new Error(`${name} fails`), { code: 'EIO' });
    return call();
  };
  const handle = (h) => ({
    writeFile: (bytes) => step('write', async () => h.writeFile(bytes)),
    sync: () => step('sync', () => h.sync()),
    close: () => h.close(),
  });
  return {
    ...realFS,
    open: (...args) => step('open', async () => handle(await realFS.open(...args))),
    rename: (...args) => step('rename', () => realFS.rename(...args)),
    get calls() { return calls; },
  };
}

test('a file carries a store over a restart', () => withDirectory(async (dir) => {
  const path = join(dir, 'store');
  const store = (await load(wasm)).open();
  equal(await store.persist(file(path)).load(), false, 'load of no file');
  for (let i = 0; i < 2000; i++) store.set(`k${i}`, `value ${i}`);
  await store.persist(file(path)).save();
  const other = (await load(wasm)).open();
  equal(await other.persist(file(path)).load(), true, 'load');
  equal([other.size, other.getText('k1999')], [2000, 'value 1999'], 'what was loaded');
  equal(await realFS.readdir(dir), ['store'], 'files left');
}));

test('a save that fails at any step leaves the snapshot before, or has written the new one', () => withDirectory(async (dir) => {
  const path = join(dir, 'store');
  const module = await load(wasm);
  const store = module.open({ maxBytes: 1 << 20 });
  const steps = failing(0);
  await store.persist(file(path, { fs: steps })).save();
  ok(steps.calls >= 5, `a save: got ${steps.calls} steps, want open, write, sync, rename, open, sync`);
  for (let n = 1; n <= steps.calls; n++) {
    store.set('k', 'before');
    await store.persist(file(path)).save();
    store.set('k', 'after');
    const failed = await store.persist(file(path, { fs: failing(n) })).save().then(() => false, () => true);
    ok(failed, `step ${n} fails: got no error`);
    const other = module.open({ maxBytes: 1 << 20 });
    await other.persist(file(path)).load();
    const got = other.getText('k');
    ok(got === 'before' || got === 'after', `step ${n} fails: got ${got}`);
    other.close();
    equal(await realFS.readdir(dir), ['store'], `files left after step ${n} failed`);
  }
}));

test('a damaged file changes nothing', () => withDirectory(async (dir) => {
  const path = join(dir, 'store');
  const store = (await load(wasm)).open();
  store.set('k', 'v');
  await store.persist(file(path)).save();
  const whole = await realFS.readFile(path);
  for (const bytes of [whole.subarray(0, whole.length - 1), Buffer.concat([whole, whole]), Buffer.alloc(0)]) {
    await realFS.writeFile(path, bytes);
    const other = (await load(wasm)).open();
    const code = await other.persist(file(path)).load().then(() => 'loaded', (error) => error.code);
    equal([code, other.size], ['CORRUPT', 0], `a file of ${bytes.length} bytes`);
  }
}));
