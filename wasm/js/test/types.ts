// What a user of the types writes, and what they must refuse. Checked, not run.
import { AsyncMap, StrataError, load, open, type Adapter, type Item, type Op, type Store } from '@stratakv/strata';
import { durableObject, indexedDB, opfs, workersKV, type KVLike, type StorageLike } from '@stratakv/strata/adapters';
import { Sessions, type Session } from '@stratakv/strata/sessions';
import { file } from '@stratakv/strata/file';

export async function use(namespace: KVLike, storage: StorageLike): Promise<void> {
  const store: Store = await open({ maxBytes: 1 << 20, mode: 'cache', ttl: 60_000, zstd: { level: 2 }, dictionaries: [new Uint8Array(9)] });
  const bytes: Uint8Array | undefined = store.get('key');
  const text: string | undefined = store.getText(new Uint8Array([1]));
  const view: Uint8Array | undefined = store.getView('key');
  const length: number | undefined = store.getInto('key', new Uint8Array(10), 2);
  const version: number = store.set('key', 'value', { ttl: 1000 });
  const swapped: number | undefined = store.cas('key', version, new ArrayBuffer(3), { keepTtl: true });
  store.touch('key', { expires: new Date() });
  store.setMany({ a: 'b' }, { ttl: 5 });
  store.setMany(new Map([['a', new Uint8Array(1)]]));
  const ops: Op[] = [{ type: 'check', key: 'a', version: 0 }, { type: 'set', key: 'a', value: 'b', expires: null }, { type: 'delete', key: 'c' }];
  store.write(ops);
  for (const item of store.scan('prefix')) { const it: Item = item; it.value.length; it.key.toUpperCase(); }
  for (const item of store.scan('', { keysOnly: true })) { const none: undefined = item.value; item.key.length; void none; }
  for (const item of store.scan('', { bytesKeys: true })) item.key.byteLength;
  for (const [key, value] of store) key.length + value.length;
  const item: Item<'k'> | undefined = store.getItem('k');
  try {
    store.set('key', 'value');
  } catch (error) {
    if (error instanceof StrataError && error.code === 'FULL') store.sweep();
  }
  const adapters: Adapter[] = [workersKV(namespace), durableObject(storage, 'name', { partBytes: 9 }), indexedDB(), opfs(), file('path')];
  for (const adapter of adapters) await store.persist(adapter).save();
  const map = new AsyncMap(store, 'p');
  const got: string | undefined = await map.get('k');
  for await (const [key, value] of map) key + value;
  const module = await load(new URL('https://example.com/strata.wasm'));
  module.open().close();
  void [bytes, text, view, length, swapped, item, got];

  const sessions = new Sessions(store, { idle: 60_000 });
  const response: Response = await sessions.handle(new Request('https://example.com/'), (session: Session) => {
    session.set('cart', { items: ['tea'], at: new Date(), raw: new Uint8Array(2), none: undefined }, { ttl: 1000 });
    session.login('alice');
    return new Response(session.user ?? session.get('name'));
  });
  void response;

  // @ts-expect-error: a function is no value of a session
  sessions.handle(new Request('x'), (session) => { session.set('f', () => 1); return new Response(); });
  // @ts-expect-error: a number is no value
  store.set('key', 5);
  // @ts-expect-error: no such mode
  await open({ mode: 'lru' });
  // @ts-expect-error: a miss is undefined
  const sure: Uint8Array = store.get('key');
  // @ts-expect-error: a check names a version
  store.write([{ type: 'check', key: 'a' }]);
  // @ts-expect-error: only cas keeps a lifetime
  store.set('key', 'value', { keepTtl: true });
  // @ts-expect-error: no such code
  new StrataError().code === 'EXPIRED';
  void sure;
}
