// The Worker under test: the suite, and what is special to Workers.
import { DurableObject } from 'cloudflare:workers';
import wasm from '../../strata.wasm';
import { load, open } from '../../index.mjs';
import { durableObject, workersKV } from '../../adapters.mjs';
import { runAll } from '../suite.mjs';

// What a Worker's global scope is like: no time, no entropy.
const globalClock = performance.now();
const atGlobalScope = open({ module: wasm }).then(() => 'opened', (error) => String(error));

// As a Worker should: started by the first request, kept for those that follow.
let store;
const started = () => (store ??= open({ module: wasm, maxBytes: 1 << 20 }));

/** Saves and loads `parts` parts by an adapter, then lets a save fail midway. */
async function carry(adapter, faulty) {
  const module = await load(wasm);
  const one = module.open({ maxBytes: 4 << 20, zstd: false });
  const loaded = [await one.persist(adapter).load()];
  for (let i = 0; i < 3000; i++) one.set(`k${i}`, `value ${i}`.repeat(20));
  await one.persist(adapter).save();
  one.set('k1', 'lost');
  const error = await one.persist(faulty).save().then(() => 'none', (e) => e.message);
  const two = module.open({ maxBytes: 4 << 20 });
  loaded.push(await two.persist(adapter).load());
  const first = two.getText('k1');
  one.set('k1', 'kept');
  await one.persist(adapter).save();
  two.clear();
  loaded.push(await two.persist(adapter).load());
  return { loaded, error, first, second: two.getText('k1'), records: two.size };
}

/** A service whose n-th put fails. */
function failing(service, n) {
  let puts = 0;
  return {
    get: (...args) => service.get(...args),
    delete: (...args) => service.delete(...args),
    put: (...args) => (++puts === n ? Promise.reject(new Error('put fails')) : service.put(...args)),
  };
}

export class Keeper extends DurableObject {
  async fetch() {
    const { storage } = this.ctx;
    const result = await carry(durableObject(storage, 'strata', { partBytes: 100_000 }), durableObject(failing(storage, 3), 'strata', { partBytes: 100_000 }));
    result.keys = [...(await storage.list()).keys()].length;
    return Response.json(result);
  }
}

const routes = {
  '/global': async () => ({ clock: globalClock, opened: await atGlobalScope }),
  '/suite': () => runAll(() => load(wasm)),
  '/count': async () => {
    const kept = await started();
    const version = kept.set('count', String(Number(kept.getText('count') ?? 0) + 1));
    return { count: kept.getText('count'), version };
  },
  '/kv': async (env) => {
    const result = await carry(workersKV(env.KV, 'strata', { partBytes: 200_000 }), workersKV(failing(env.KV, 2), 'strata', { partBytes: 200_000 }));
    result.keys = (await env.KV.list()).keys.length;
    return result;
  },
};

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === '/durable') return env.KEEPER.get(env.KEEPER.idFromName('one')).fetch(request);
    return Response.json(await routes[pathname](env));
  },
};
