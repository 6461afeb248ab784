import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Miniflare } from 'miniflare';
import { equal, ok } from './check.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

const miniflare = new Miniflare({
  rootPath: root,
  modulesRoot: root,
  scriptPath: 'test/workerd/worker.mjs',
  modules: true,
  modulesRules: [{ type: 'ESModule', include: ['**/*.mjs'] }, { type: 'CompiledWasm', include: ['**/*.wasm'] }],
  compatibilityDate: '2026-04-01',
  kvNamespaces: ['KV'],
  durableObjects: { KEEPER: { className: 'Keeper', useSQLite: true } },
});
after(() => miniflare.dispose());

async function ask(path) {
  const response = await miniflare.dispatchFetch(`http://localhost${path}`);
  const text = await response.text();
  equal(response.status, 200, `${path}: ${text.slice(0, 300)}`);
  return JSON.parse(text);
}

test('workerd: the suite', async (t) => {
  for (const { name, error } of await ask('/suite')) {
    await t.test(name, () => ok(error === undefined, error));
  }
});

test('workerd: state is kept from request to request', async () => {
  equal((await ask('/count')).count, '1', 'the first request');
  for (let i = 2; i < 6; i++) equal((await ask('/count')).count, String(i), `request ${i}`);
});

test('workerd: the global scope has no time and no entropy; opening there is refused, not unsafe', async () => {
  const { clock, opened } = await ask('/global');
  equal(clock, 0, 'performance.now() in the global scope');
  ok(/random|global scope/i.test(opened), `open in the global scope: got ${opened}`);
});

for (const [path, what] of [['/kv', 'Workers KV'], ['/durable', 'a Durable Object’s storage']]) {
  test(`workerd: snapshots in ${what}`, async () => {
    const { loaded, error, first, second, records, keys } = await ask(path);
    equal(loaded, [false, true, true], 'loads');
    equal([error, first], ['put fails', 'value 1'.repeat(20)], 'a save that fails midway leaves the one before');
    equal([second, records], ['kept', 3000], 'the next save');
    equal(keys, { '/kv': 5, '/durable': 9 }[path], 'keys left: those of one snapshot');
  });
}
