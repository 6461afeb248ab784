import { test } from 'node:test';
import { readFile } from 'node:fs/promises';
import Keyv from 'keyv';
import { createStorage } from 'unstorage';
import { keyvStore, load, unstorageDriver } from '../index.mjs';
import { equal } from './check.mjs';

const wasm = await WebAssembly.compile(await readFile(new URL('../strata.wasm', import.meta.url)));

test('Keyv over a store', async () => {
  let now = Date.now();
  const store = (await load(wasm)).open({ now: () => now });
  const keyv = new Keyv({ store: keyvStore(store), namespace: 'n' });
  await keyv.set('a', { x: [1, 'two'] }, 1000);
  await keyv.set('b', 'text');
  equal(await keyv.get('a'), { x: [1, 'two'] }, 'get');
  equal(await keyv.get('c'), undefined, 'a miss');
  equal(await keyv.getMany(['a', 'c', 'b']), [{ x: [1, 'two'] }, undefined, 'text'], 'getMany');
  equal(await keyv.has('b'), true, 'has');
  now += 1000;
  equal(await keyv.get('a'), undefined, 'at its deadline');
  equal(await keyv.delete('b'), true, 'delete');
  const other = new Keyv({ store: keyvStore(store), namespace: 'm' });
  await other.set('k', 1);
  await keyv.set('k', 2);
  await keyv.clear();
  equal([await keyv.get('k'), await other.get('k')], [undefined, 1], 'clear of one namespace');
});

test('unstorage over a store', async () => {
  let now = Date.now();
  const store = (await load(wasm)).open({ now: () => now });
  const storage = createStorage({ driver: unstorageDriver(store) });
  await storage.setItem('user:1', { name: 'a' }, { ttl: 1 });
  await storage.setItem('user:2', 'text');
  await storage.setItemRaw('raw', new Uint8Array([1, 2]));
  equal(await storage.getItem('user:1'), { name: 'a' }, 'getItem');
  equal(await storage.getItem('none'), null, 'a miss');
  equal(new Uint8Array(await storage.getItemRaw('raw')), new Uint8Array([1, 2]), 'getItemRaw');
  equal((await storage.getKeys('user')).sort(), ['user:1', 'user:2'], 'getKeys');
  now += 1000;
  equal(await storage.hasItem('user:1'), false, 'at its deadline');
  await storage.removeItem('user:2');
  await storage.clear();
  equal(await storage.getKeys(), [], 'after clear');
});
