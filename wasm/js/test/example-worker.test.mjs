import { test } from 'node:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { Miniflare } from 'miniflare';
import { equal, ok } from './check.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

const start = (persist) => new Miniflare({
  rootPath: root,
  modulesRoot: root,
  scriptPath: 'examples/worker/worker.mjs',
  modules: true,
  modulesRules: [{ type: 'ESModule', include: ['**/*.mjs'] }, { type: 'CompiledWasm', include: ['**/*.wasm'] }],
  compatibilityDate: '2026-04-01',
  durableObjects: { HOME: { className: 'Home', useSQLite: true } },
  durableObjectsPersist: persist,
});

test('the example Worker keeps its users over a restart', { timeout: 60_000 }, async () => {
  const persist = await mkdtemp(join(tmpdir(), 'strata-worker-'));
  let cookie;
  const ask = async (miniflare, path) => {
    const response = await miniflare.dispatchFetch(`https://example.com${path}`, { headers: cookie ? { cookie } : {} });
    const set = response.headers.get('set-cookie');
    if (set !== null) cookie = set.split(';')[0];
    return response.json();
  };
  try {
    const first = start(persist);
    try {
      equal(await ask(first, '/'), { user: null, visits: 1, notes: [] }, 'the first visit');
      equal(await ask(first, '/login?user=alice'), { user: 'alice', visits: 1, notes: [] }, 'the login');
      equal(await ask(first, '/'), { user: 'alice', visits: 2, notes: ['welcome'] }, 'a visit after it');
      for (let saves = 0; saves < 1;) { // an alarm saves after a second
        ({ saves } = await ask(first, '/status'));
        await pause(100);
      }
    } finally {
      await first.dispose();
    }
    const second = start(persist);
    try {
      equal(await ask(second, '/'), { user: 'alice', visits: 3, notes: [] }, 'a visit after a restart');
      const before = cookie;
      equal((await ask(second, '/logout')).user, null, 'the logout');
      cookie = before;
      equal(await ask(second, '/'), { user: null, visits: 1, notes: [] }, 'the cookie of before');
      ok(cookie !== before, 'a session was made under an old id');
    } finally {
      await second.dispose();
    }
  } finally {
    await rm(persist, { recursive: true, force: true });
  }
});
