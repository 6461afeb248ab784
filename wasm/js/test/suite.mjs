// What the package promises, on any host: node, workerd and a browser run these
// cases. Each gets `load`, which starts a module.
import { AsyncMap, StrataError, keyvStore, unstorageDriver } from '../index.mjs';
import { bytes, equal, noise, ok, random, text, throws } from './check.mjs';
import { longRun } from './longrun.mjs';

/** A clock that is moved by hand. */
function clock() {
  let now = 1_800_000_000_000;
  return { now: () => now, advance: (ms) => { now += ms; } };
}

export const cases = {
  'what is set is read, by every way to read': ({ module }) => {
    const store = module.open();
    const version = store.set('key', 'value');
    equal(store.get('key'), bytes('value'), 'get');
    equal(store.getText('key'), 'value', 'getText');
    equal(store.getView('key').slice(), bytes('value'), 'getView');
    const into = new Uint8Array(8);
    equal(store.getInto('key', into, 2), 5, 'getInto');
    equal(into, bytes('\0\0value\0'), 'getInto at 2');
    equal(store.getInto('key', into.subarray(0, 3)), 5, 'getInto of too small a target');
    equal(text(into), '\0\0value\0', 'a target that was too small');
    equal(store.getItem('key'), { key: 'key', value: bytes('value'), version, expires: undefined }, 'getItem');
    equal(store.has('key'), true, 'has');
    for (const miss of [store.get('no'), store.getText('no'), store.getView('no'), store.getInto('no', into), store.getItem('no')]) {
      equal(miss, undefined, 'a miss');
    }
    equal(store.has('no'), false, 'has of a miss');
    equal(store.size, 1, 'size');
  },

  'keys and values are text or bytes': ({ module }) => {
    const store = module.open();
    const keys = ['', 'a', 'Grüße', '鍵'.repeat(50), 'x'.repeat(32_000), '\0', '🔑'];
    for (const key of keys) {
      store.set(key, key);
      equal(store.getText(bytes(key)), key, 'a key as text and as bytes');
    }
    const odd = new Uint8Array([255, 0, 128]);
    store.set(odd, odd.buffer);
    equal(store.get(new DataView(odd.buffer)), odd, 'bytes of any kind');
    equal([...store.scan(odd, { bytesKeys: true })].map(({ key }) => key), [odd], 'a key that is no text');
    equal(store.size, keys.length + 1, 'size');
    store.set('shared', new Uint8Array([1, 2, 3, 4]).subarray(1, 3));
    equal(store.get('shared'), new Uint8Array([2, 3]), 'a part of an array');
    for (const bad of [5, null, undefined, {}, ['a']]) {
      for (const call of [() => store.set('k', bad), () => store.set(bad, 'v'), () => store.get(bad), () => store.write([{ type: 'set', key: 'k', value: bad }])]) {
        let error;
        try { call(); } catch (e) { error = e; }
        ok(error instanceof TypeError, `a key or value that is ${bad}: got ${error}, want a TypeError`);
      }
    }
  },

  'bytes are the caller’s own': ({ module }) => {
    const store = module.open();
    const value = bytes('value');
    store.set('key', value);
    value.fill(0);
    const got = store.get('key');
    got.fill(1);
    equal(store.getText('key'), 'value', 'after the caller changed what it gave and got');
    const view = store.getView('key');
    equal(view.byteLength, 5, 'a view');
  },

  'expiry is exact': ({ module }) => {
    const time = clock();
    const store = module.open({ now: time.now, ttl: 50 });
    store.set('default', 'v');
    store.set('own', 'v', { ttl: 100 });
    store.set('never', 'v', { ttl: 0 });
    store.set('until', 'v', { expires: new Date(time.now() + 70) });
    store.set('past', 'v', { expires: time.now() - 1 });
    equal(store.has('past'), false, 'a deadline in the past');
    equal(store.getItem('own').expires, time.now() + 100, 'expires');
    const alive = () => ['default', 'own', 'never', 'until'].filter((key) => store.has(key)).join();
    time.advance(49);
    equal(alive(), 'default,own,never,until', 'after 49 ms');
    time.advance(1);
    equal(alive(), 'own,never,until', 'after 50 ms');
    equal(store.touch('default', { ttl: 9 }), false, 'touch of what has expired');
    equal(store.touch('own', { ttl: 10 }), true, 'touch');
    time.advance(10);
    equal(alive(), 'never,until', 'after 60 ms');
    time.advance(10);
    equal([...store.keys()], ['never'], 'keys after 70 ms');
    time.advance(-1e6);
    equal(alive(), 'never', 'after the clock was set back');
    for (const ttl of [-1, NaN, Infinity]) throws('TTL', () => store.set('k', 'v', { ttl }), `ttl ${ttl}`);
    throws('TTL', () => store.set('k', 'v', { keepTtl: true }), 'keepTtl of set');
    const bounded = module.open({ maxTtl: 100 });
    throws('TTL', () => bounded.set('k', 'v'), 'no ttl where there is a bound');
    throws('TTL', () => bounded.set('k', 'v', { ttl: 101 }), 'a ttl above the bound');
    bounded.set('k', 'v', { ttl: 100 });
  },

  'compare and set, compare and delete': ({ module }) => {
    const time = clock();
    const store = module.open({ now: time.now });
    equal(store.cas('key', 1, 'v'), undefined, 'cas of an absent key over a version');
    const first = store.cas('key', 0, 'first', { ttl: 100 });
    ok(first > 0, 'cas over nothing');
    equal(store.cas('key', 0, 'other'), undefined, 'cas over nothing where there is something');
    const second = store.cas('key', first, 'second', { keepTtl: true });
    ok(second > first, 'cas');
    equal(store.getItem('key'), { key: 'key', value: bytes('second'), version: second, expires: time.now() + 100 }, 'the record after it');
    equal(store.delete('key', { version: first }), false, 'delete of another version');
    equal(store.delete('key', { version: second }), true, 'delete of the version');
    equal(store.delete('key', { version: 0 }), true, 'delete of nothing');
    equal(store.delete('key'), false, 'delete of an absent key');
    throws('ARGUMENT', () => store.cas('key', 1.5, 'v'), 'a version that is none');
  },

  'many at once': ({ module }) => {
    const store = module.open();
    const keys = Array.from({ length: 2500 }, (_, i) => `k${i}`);
    for (let i = 0; i < keys.length; i += 500) store.setMany(keys.slice(i, i + 500).map((key) => [key, `value of ${key}`]));
    const got = store.getMany([...keys, 'absent', 'k7']);
    equal(got.length, keys.length + 2, 'getMany');
    got.forEach((value, i) => {
      const key = i === keys.length ? undefined : i > keys.length ? 'k7' : keys[i];
      equal(value && text(value), key && `value of ${key}`, `value ${i}`);
    });
    equal(store.getMany([]), [], 'getMany of nothing');
    store.setMany({ a: '1', b: '2' }, { ttl: 1000 });
    ok(store.getItem('b').expires > 0, 'setMany with a ttl');
    store.setMany(new Map([['c', '3']]));
    equal(store.getText('c'), '3', 'setMany of a Map');
    const large = Array.from({ length: 40 }, (_, i) => [`large${i}`, noise(random(i + 1), 100_000)]);
    for (const [key, value] of large) store.set(key, value);
    equal(store.getMany(large.map(([key]) => key)), large.map(([, value]) => value), 'getMany of megabytes');
  },

  'a write is all or nothing': ({ module }) => {
    const store = module.open();
    const version = store.set('a', 'old');
    const ops = [{ type: 'set', key: 'a', value: 'new' }, { type: 'delete', key: 'absent' }, { type: 'set', key: 'b', value: 'b', ttl: 9e6 }];
    const refused = throws('VERSION', () => store.write([...ops, { type: 'check', key: 'a', version }]), 'a check of the version before');
    equal(refused.op, 3, 'the op that refused');
    ok(refused instanceof StrataError && !/\ba\b|old|new/.test(refused.message), 'an error that names no key or value');
    throws('NOT_FOUND', () => store.write([...ops, { type: 'touch', key: 'nobody' }]), 'a touch of an absent key');
    throws('TTL', () => store.write([...ops, { type: 'set', key: 'c', value: '', ttl: -1 }]), 'a bad ttl');
    throws('TOO_LARGE', () => store.write([...ops, { type: 'set', key: 'x'.repeat(32_001), value: '' }]), 'too long a key');
    throws('ARGUMENT', () => store.write([{ type: 'get', key: 'a' }]), 'an unknown op');
    throws('TOO_LARGE', () => store.write(Array.from({ length: 1001 }, () => ops[0])), 'too many ops');
    equal([store.getText('a'), store.has('b')], ['old', false], 'after refusals');
    store.write([{ type: 'check', key: 'a', version }, ...ops, { type: 'touch', key: 'b', ttl: 0 }, { type: 'set', key: 'a', value: 'newer', version: version + 1 }]);
    equal([store.getText('a'), store.getItem('b').expires], ['newer', undefined], 'after a write');
    store.write([]);
  },

  'scans are ordered and whole': ({ module }) => {
    const store = module.open();
    const want = [];
    for (let i = 0; i < 1300; i++) {
      const key = `k/${String(i).padStart(4, '0')}`;
      store.set(key, key);
      want.push(key);
    }
    store.set('j', '');
    store.set('l', '');
    equal([...store.keys('k/')], want, 'keys of a prefix');
    equal([...store.scan('k/', { from: 'k/1290' })].map(({ key }) => key), want.slice(1290), 'from');
    equal([...store].length, 1302, 'the store itself');
    equal([...store.entries('k/00')].map(([key, value]) => key === text(value)).includes(false), false, 'entries');
    equal([...store.values('j')].length, 1, 'values');
    let met = 0;
    for (const { key } of store.scan('k/')) { // the loop's body may call the store
      store.delete(key);
      store.set(`z${key}`, '');
      met++;
    }
    equal(met, 1300, 'a scan whose loop writes');
    equal(store.deletePrefix('zk/01'), 100, 'deletePrefix');
    equal(store.deletePrefix(''), 1202, 'deletePrefix of all');
    store.setMany({ a: '', b: '' });
    store.clear();
    equal([store.size, [...store.keys()].length], [0, 0], 'after clear');
  },

  'a full store refuses and keeps, a cache evicts': ({ module }) => {
    const next = random(7);
    const value = noise(next, 1000);
    const store = module.open({ maxBytes: 256 << 10 });
    let n = 0;
    throws('FULL', () => { for (;; n++) store.set(`k${n}`, value); }, 'a full store');
    ok(n > 150, `a full store: got room for ${n} records`);
    for (let i = 0; i < n; i++) equal(store.get(`k${i}`), value, 'a record of a full store');
    throws('FULL', () => store.set('k0', noise(next, 9000)), 'a larger value in a full store');
    equal(store.get('k0'), value, 'the value before');
    store.delete('k1');
    store.set('again', value);
    equal(store.stats().evictions, 0, 'evictions of a store');
    const cache = module.open({ maxBytes: 256 << 10, mode: 'cache' });
    cache.set('hot', 'hot');
    for (let i = 0; i < 3000; i++) {
      cache.set(`k${i}`, value);
      equal(cache.getText('hot'), 'hot', 'what is read again and again');
    }
    const { evictions, usedBytes, maxBytes } = cache.stats();
    ok(evictions > 2000 && usedBytes <= maxBytes, `a cache: got ${evictions} evictions, ${usedBytes} of ${maxBytes} bytes`);
  },

  'limits and arguments': ({ module }) => {
    const store = module.open({ maxValueBytes: 1000 });
    throws('TOO_LARGE', () => store.set('k', new Uint8Array(1001)), 'too large a value');
    throws('TOO_LARGE', () => store.set('k'.repeat(32_001), ''), 'too long a key');
    throws('TOO_LARGE', () => store.get('k'.repeat(32_001)), 'get of too long a key');
    store.set('k', new Uint8Array(1000));
    for (const [what, options] of Object.entries({
      'a tiny cap': { maxBytes: 1000 }, 'a negative cap': { maxBytes: -1 }, 'half a byte': { maxBytes: 65_536.5 },
      'an endless cap': { maxBytes: Infinity }, 'an unknown mode': { mode: 'lru' }, 'a level': { zstd: { level: 9 } },
      'a dictionary': { dictionaries: ['none'] }, 'a negative ttl': { ttl: -1 },
    })) throws('ARGUMENT', () => module.open(options), what);
    throws('MEMORY', () => module.open({ maxBytes: 2 ** 30 }), 'a gigabyte beside others');
    store.close();
    store.close();
    for (const call of [() => store.get('k'), () => store.set('k', 'v'), () => store.stats(), () => store.export(), () => [...store.keys()], () => store.clear()]) {
      throws('CLOSED', call, 'a call after close');
    }
  },

  'snapshots': ({ module }) => {
    const time = clock();
    const store = module.open({ now: time.now });
    for (let i = 0; i < 1000; i++) store.set(`k${i}`, `value ${i} `.repeat(i % 40), { ttl: i % 2 ? 1000 : 0 });
    const snapshot = store.export();
    time.advance(500);
    const other = module.open({ now: time.now });
    other.set('k2', 'replaced');
    other.set('own', 'stays');
    const before = store.stats().version;
    other.import(snapshot);
    equal(other.size, 1001, 'records after an import');
    for (let i = 0; i < 1000; i++) {
      const item = other.getItem(`k${i}`);
      equal(text(item.value), `value ${i} `.repeat(i % 40), `value ${i}`);
      equal(item.expires, i % 2 ? time.now() + 500 : undefined, `deadline ${i}`);
      ok(item.version > before, 'a version above those of the store before');
    }
    time.advance(500);
    const late = module.open({ now: time.now });
    late.import(snapshot);
    equal(late.size, 500, 'an import after half has expired');
    const next = random(3);
    for (let i = 0; i < 300; i++) {
      const bad = snapshot.slice(0, i % 3 ? snapshot.length : next(snapshot.length));
      if (i % 3) bad[next(bad.length)] ^= 1 + next(255);
      const empty = module.open({ maxBytes: 1 << 20 });
      throws('CORRUPT', () => empty.import(bad), 'a damaged snapshot');
      equal(empty.size, 0, 'records of a damaged snapshot');
      empty.close();
    }
    const blocks = [...store.exportBlocks()];
    ok(blocks.length > 2, 'a snapshot in pieces');
  },

  'a snapshot is kept whole or not at all': async ({ module }) => {
    const store = module.open();
    let kept, fail = false;
    const adapter = {
      load: async () => kept,
      save: async (snapshot) => {
        await Promise.resolve();
        if (fail) throw new Error('disk');
        kept = snapshot;
      },
    };
    const persistence = store.persist(adapter);
    equal(await persistence.load(), false, 'load of nothing');
    store.set('k', '1');
    await persistence.save();
    store.set('k', '2');
    fail = true;
    const failed = await persistence.save().then(() => false, () => true);
    ok(failed, 'a save that fails');
    fail = false;
    const other = module.open();
    equal(await other.persist(adapter).load(), true, 'load');
    equal(other.getText('k'), '1', 'the last snapshot that was saved');
    store.set('k', '3');
    const saves = [persistence.save(), persistence.save()];
    store.set('k', '4');
    await Promise.all(saves);
    await other.persist(adapter).load();
    equal(other.getText('k'), '4', 'the last of several saves');
  },

  'the faces for others': async ({ module }) => {
    const store = module.open();
    const map = new AsyncMap(store, 'p:');
    equal(await map.get('k'), undefined, 'AsyncMap: a miss');
    equal(await (await map.set('k', 'v', 1000)).get('k'), 'v', 'AsyncMap: set and get');
    store.set('other', 'o');
    const entries = [];
    for await (const entry of map) entries.push(entry);
    equal(entries, [['k', 'v']], 'AsyncMap: entries below the prefix');
    await map.clear();
    equal([await map.has('k'), store.has('other')], [false, true], 'AsyncMap: clear');
    const keyv = keyvStore(store);
    await keyv.set('ns:a', '1', 1000);
    equal([await keyv.get('ns:a'), await keyv.get('ns:b'), await keyv.has('ns:a')], ['1', undefined, true], 'keyv');
    const driver = unstorageDriver(store);
    driver.setItem('u:a', 'x', { ttl: 1 });
    equal([driver.getItem('u:a'), driver.getItem('u:b'), driver.getKeys('u:')], ['x', null, ['u:a']], 'unstorage');
    ok(store.getItem('u:a').expires > Date.now() - 10, 'unstorage: a ttl in seconds');
  },

  'stores of a module do not meet': ({ module }) => {
    const one = module.open({ maxBytes: 1 << 20 });
    const two = module.open({ maxBytes: 1 << 20 });
    one.set('k', '1');
    two.set('k', '2');
    equal([one.getText('k'), two.getText('k')], ['1', '2'], 'two stores');
    one.close();
    equal(two.getText('k'), '2', 'a store beside one that was closed');
  },

  'a long run, with collections of garbage': longRun,
};

/** Runs all cases; gives what each came to. */
export async function runAll(load) {
  const results = [];
  for (const [name, run] of Object.entries(cases)) {
    let error;
    try {
      await run({ module: await load() });
    } catch (e) {
      error = String(e?.stack ?? e);
    }
    results.push({ name, error });
  }
  return results;
}
