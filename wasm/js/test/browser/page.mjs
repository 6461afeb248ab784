// The page under test: the suite, then stores that survive a reload.
import { load } from '../../index.mjs';
import { indexedDB as keptInDB, opfs } from '../../adapters.mjs';
import { equal, ok } from '../check.mjs';
import { runAll } from '../suite.mjs';

const compiled = await WebAssembly.compileStreaming(fetch(new URL('../../strata.wasm', import.meta.url)));

/** The factory of databases whose transactions are aborted before they end. */
const aborting = {
  open(...args) {
    const request = indexedDB.open(...args);
    request.addEventListener('success', () => {
      const db = request.result;
      const transaction = db.transaction.bind(db);
      db.transaction = (names, mode, options) => {
        const t = transaction(names, mode, options);
        if (mode === 'readwrite') queueMicrotask(() => t.abort());
        return t;
      };
    });
    return request;
  },
};

/** A directory whose files fail when half is written. */
async function halving() {
  const directory = await navigator.storage.getDirectory();
  return {
    getFileHandle: async (...args) => {
      const handle = await directory.getFileHandle(...args);
      return {
        getFile: () => handle.getFile(),
        createWritable: async () => {
          const out = await handle.createWritable();
          return {
            write: async (bytes) => {
              await out.write(bytes.slice(0, bytes.length >> 1));
              throw new Error('disk fails');
            },
            abort: () => out.abort(),
            close: () => out.close(),
          };
        },
      };
    },
  };
}

const adapters = {
  IndexedDB: { sound: () => keptInDB('strata-test'), faulty: () => keptInDB('strata-test', { factory: aborting }) },
  OPFS: { sound: () => opfs('test.snapshot'), faulty: async () => opfs('test.snapshot', { directory: await halving() }) },
};

const value = (i) => `value ${i} `.repeat(i % 50);

async function fill(adapter, faulty) {
  const store = (await load(compiled)).open();
  equal(await store.persist(faulty).save().then(() => 'saved', () => 'failed'), 'failed', 'a first save that fails');
  equal(await store.persist(adapter).load(), false, 'load of nothing');
  for (let i = 0; i < 3000; i++) store.set(`k${i}`, value(i), { ttl: 3_600_000 });
  await store.persist(adapter).save();
  store.set('k1', 'lost');
  equal(await store.persist(faulty).save().then(() => 'saved', () => 'failed'), 'failed', 'a save that fails');
}

async function find(adapter) {
  const store = (await load(compiled)).open();
  equal(await store.persist(adapter).load(), true, 'load after the reload');
  equal(store.size, 3000, 'records after the reload');
  for (let i = 0; i < 3000; i++) equal(store.getText(`k${i}`), value(i), `value ${i} after the reload`);
  ok(store.getItem('k5').expires > Date.now(), 'a deadline after the reload');
}

async function each(what, run) {
  const results = [];
  for (const [name, { sound, faulty }] of Object.entries(adapters)) {
    const error = await run(sound(), await faulty()).then(() => undefined, (e) => String(e?.stack ?? e));
    results.push({ name: `${name}: ${what}`, error });
  }
  return results;
}

const before = sessionStorage.getItem('results');
if (before === null) {
  const results = [...await runAll(() => load(compiled)), ...await each('a snapshot is kept whole or not at all', fill)];
  sessionStorage.setItem('results', JSON.stringify(results));
  location.reload();
} else {
  const results = [...JSON.parse(before), ...await each('a store survives a reload', find)];
  await fetch('/results', { method: 'POST', body: JSON.stringify(results) });
}
