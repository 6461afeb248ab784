import { test } from 'node:test';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { load } from '../index.mjs';
import { Sessions } from '../sessions.mjs';
import { decode, encode } from '../cbor.mjs';
import { base64, decodeRecord, encodeIndex, encodeMoved, encodeRecord, isID, sha256 } from '../session-record.mjs';
import { bytes, equal, noise, ok, random, throws } from './check.mjs';

const wasm = await WebAssembly.compile(await readFile(new URL('../strata.wasm', import.meta.url)));

const MINUTE = 60_000;

/** A manager over a store of its own, with a clock that is moved by hand, and a client that keeps its cookie. */
async function world(options) {
  const time = { now: 1_800_000_000_000 };
  const store = (await load(wasm)).open({ maxBytes: 4 << 20, now: () => time.now });
  const sessions = new Sessions(store, options);
  const client = { cookie: undefined, headers: undefined };
  const ask = async (handler, who = client) => {
    const request = new Request('https://example.com/', { headers: { 'user-agent': 'test', ...(who.cookie && { cookie: who.cookie }) } });
    let result;
    const response = await sessions.handle(request, async (session) => {
      result = await handler(session);
      return new Response('body', { status: 201, headers: { 'x-own': 'kept' } });
    });
    equal([response.status, response.headers.get('x-own'), await response.text()], [201, 'kept', 'body'], 'the handler’s response');
    who.headers = response.headers;
    const set = response.headers.get('set-cookie');
    if (set !== null) who.cookie = /Max-Age=0/.test(set) ? undefined : set.split(';')[0];
    return result;
  };
  return { time, store, sessions, client, ask };
}

test('a session is kept from request to request', async () => {
  const { client, ask, store } = await world();
  equal(await ask((s) => [s.get('a'), s.exists, s.user]), [undefined, false, undefined], 'without a session');
  equal([client.cookie, store.size], [undefined, 0], 'a request that sets nothing');
  await ask((s) => s.set('a', { list: [1, 'two', null], at: new Date(5), raw: bytes('x') }));
  const set = client.headers.get('set-cookie');
  ok(/^__Host-session=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/.test(set), `the cookie: got ${set}`);
  equal(client.headers.get('cache-control'), 'no-cache="Set-Cookie"', 'beside the cookie');
  equal(await ask((s) => s.get('a')), { list: [1, 'two', null], at: new Date(5), raw: bytes('x') }, 'the next request');
  equal(client.headers.get('set-cookie'), null, 'a cookie that is there');
  await ask((s) => { s.set('b', 1); s.delete('a'); });
  equal(await ask((s) => [s.keys(), s.has('a')]), [['b'], false], 'after a deletion');
  ok(![...store.keys()].some((key) => key.includes(client.cookie.slice(15))), 'an id is in the store');
});

test('ids that nobody made are no sessions', async () => {
  const { client, ask, store } = await world();
  for (const id of ['', 'x', 'A'.repeat(43), `${'A'.repeat(42)}B`, 'A'.repeat(44), `${'A'.repeat(42)}=`]) {
    client.cookie = `__Host-session=${id}`;
    equal(await ask((s) => s.exists), false, id);
    equal(client.headers.get('set-cookie'), null, 'a cookie for it');
  }
  await ask((s) => s.set('a', 1));
  ok(client.cookie !== `__Host-session=${'A'.repeat(43)}` && store.size === 1, 'an id was taken over from a client');
  const good = client.cookie;
  client.cookie = `other=1; __Host-session=bad; ${good}; __Host-session=${'A'.repeat(43)}`;
  equal(await ask((s) => s.get('a')), 1, 'the first cookie that could be one');
});

test('login makes another id and ends the one before', async () => {
  const { client, ask, store } = await world();
  await ask((s) => s.set('cart', ['tea']));
  const before = client.cookie;
  await ask((s) => s.login('alice'));
  ok(client.cookie !== before, 'the id is the same');
  equal(await ask((s) => [s.user, s.get('cart')]), ['alice', ['tea']], 'after the login');
  equal(await ask((s) => s.exists, { cookie: before }), false, 'the id before');
  equal([...store.keys('web:u:')].length, 1, 'index entries');
  const handle = [...store.keys('web:u:')][0];
  await ask((s) => s.login('bob'));
  equal([...store.keys('web:u:')].includes(handle), false, 'the index entry of the user before');
  equal([...store.keys()].length, 2, 'records of one session');
  await ask((s) => s.destroy());
  equal([client.cookie, store.size], [undefined, 0], 'after destroy');
  ok(/Max-Age=0/.test(client.headers.get('set-cookie')), 'the cookie is not cleared');
});

test('lifetimes', async () => {
  const { client, ask, time, store } = await world();
  await ask((s) => s.set('a', 1));
  time.now += 10 * MINUTE - 1;
  equal(await ask((s) => s.exists), true, 'a new session, just before ten minutes');
  time.now += 31 * MINUTE + 29_000;
  equal(await ask((s) => s.exists), true, 'a session that was used 31½ minutes ago');
  time.now += 31 * MINUTE + 30_000;
  equal(await ask((s) => s.exists), false, 'one that was not');
  client.cookie = undefined;
  await ask((s) => s.login('alice'));
  for (let t = 0; t < 23 * 60 + 50; t += 20) {
    equal(await ask((s) => s.user), 'alice', `after ${t} minutes`);
    time.now += 20 * MINUTE;
  }
  equal(await ask((s) => s.user), undefined, 'after a day of use');
  await ask((s) => { s.configure({ idle: 5 * MINUTE, persistent: true }); s.set('a', 1); s.set('short', 1, { ttl: 1000 }); s.login('alice'); });
  ok(/Max-Age=315/.test(client.headers.get('set-cookie')), `persistent: got ${client.headers.get('set-cookie')}`);
  time.now += 1000;
  equal(await ask((s) => [s.keys(), s.has('short')]), [['a'], false], 'a value with a time of its own');
  const writes = store.stats().writes;
  for (let i = 0; i < 10; i++) await ask((s) => s.get('a'));
  equal(store.stats().writes, writes, 'writes of requests that only read');
});

test('flashes are shown once', async () => {
  const { ask } = await world();
  await ask((s) => { s.flash('note', 'one'); s.flash('note', 'two'); s.flash('other', 3); });
  equal(await ask((s) => s.flashes('note')), ['one', 'two'], 'the next request');
  equal(await ask((s) => [s.flashes('note'), s.flashes('other')]), [[], [3]], 'the one after');
  await ask((s) => { for (let i = 0; i < 70; i++) s.flash('many', i); });
  equal((await ask((s) => s.flashes('many'))).length, 64, 'at most 64');
});

test('requests beside each other are merged, and none brings a session back', async () => {
  const { client, sessions, ask } = await world();
  await ask((s) => { s.set('a', 0); s.set('b', 0); });
  const request = () => new Request('https://example.com/', { headers: { cookie: client.cookie } });
  const [one, two, three] = [await sessions.open(request()), await sessions.open(request()), await sessions.open(request())];
  one.set('a', 1);
  two.set('b', 2);
  three.get('a');
  await Promise.all([sessions.commit(one), sessions.commit(two)]);
  await sessions.commit(three);
  equal(await ask((s) => [s.get('a'), s.get('b')]), [1, 2], 'both');
  const [late, reader, login] = [await sessions.open(request()), await sessions.open(request()), await sessions.open(request())];
  late.set('a', 3);
  reader.flashes('none');
  login.login('alice');
  login.set('c', 1);
  await ask((s) => s.destroy(), { cookie: client.cookie });
  const code = await sessions.commit(late).then(() => 'saved', (e) => e.code);
  equal(code, 'VERSION', 'a change of a session that was ended');
  equal(await sessions.commit(reader), [], 'a read of it');
  await sessions.commit(login);
  equal(await ask((s) => s.exists), false, 'the session that was ended');
  throws('CLOSED', () => late.set('a', 4), 'a change after the commit');
});

test('Hono’s middleware', async () => {
  const { sessions } = await world();
  const vars = {};
  const c = { req: { raw: new Request('https://example.com/') }, res: new Response('x'), set: (k, v) => { vars[k] = v; } };
  await sessions.hono()(c, async () => { vars.session.set('a', 1); });
  ok(c.res.headers.get('set-cookie').startsWith('__Host-session='), 'no cookie');
});

// What session/FORMAT.md gives as vectors.
const vectors = Object.fromEntries((await readFile(new URL('../../../session/FORMAT.md', import.meta.url), 'utf8'))
  .split('## Vectors')[1].split('```')[1].trim().split(/\n(?=\S)/).map((part) => {
    const [name, ...lines] = part.split('\n');
    return [name.replace(':', ''), lines.map((line) => line.trim()).join('')];
  }));
const unhex = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));

test('the vectors of the format', async () => {
  const { id } = vectors;
  ok(isID(id) && !isID(`${id.slice(0, 42)}9`), 'the id');
  const hash = await sha256(id);
  equal(`web:s:${base64(hash)}`, vectors['key of its record'], 'the key of its record');
  for (const name of ['anonymous session record', 'full session record']) {
    const record = decodeRecord(unhex(vectors[name]));
    equal(encodeRecord(record), unhex(vectors[name]), name);
  }
  const full = decodeRecord(unhex(vectors['full session record']));
  const handle = `${base64(await sha256(full.user))}${base64(full.lineage)}`;
  equal(handle, vectors['handle of the full record'], 'the handle');
  equal(`web:u:${handle}`, vectors['key of its index entry'], 'the key of the index entry');
  equal(encodeIndex(hash), unhex(vectors['index entry to the id']), 'the index entry');
  const moved = decodeRecord(unhex(vectors['moved record to the id']));
  equal(moved.to, hash, 'where the moved record leads');
  equal(encodeMoved(moved.to, moved.until), unhex(vectors['moved record to the id']), 'the moved record');
});

test('a record that has moved leads to the new one, for its time, once', async () => {
  const { client, ask, store, time } = await world();
  await ask((s) => s.login('alice'));
  const at = `web:s:${base64(await sha256(client.cookie.slice(15)))}`;
  const other = 'B'.repeat(42) + 'A';
  const hash = await sha256(client.cookie.slice(15));
  store.set(`web:s:${base64(await sha256(other))}`, encodeMoved(hash, time.now + 1000));
  equal(await ask((s) => s.user, { cookie: `__Host-session=${other}` }), 'alice', 'within its time');
  time.now += 1000;
  equal(await ask((s) => s.user, { cookie: `__Host-session=${other}` }), undefined, 'after it');
  ok(store.has(at), 'the session itself');
});

test('damaged records are errors, not other sessions', async () => {
  for (const name of ['anonymous session record', 'full session record', 'moved record to the id']) {
    const sound = unhex(vectors[name]);
    const next = random(9);
    for (let i = 0; i < 3000; i++) {
      const bad = i % 3 ? sound.slice() : sound.slice(0, next(sound.length));
      if (i % 3) bad[next(bad.length)] = next(256);
      let record;
      try {
        record = decodeRecord(bad);
      } catch (error) {
        equal(error.code, 'CORRUPT', `${name}: ${error}`);
        continue;
      }
      const again = record.to ? encodeMoved(record.to, record.until) : encodeRecord(record);
      equal(again, bad, `${name}: bytes that were taken`);
    }
    throws('CORRUPT', () => decodeRecord(Uint8Array.from([...sound, 0])), 'bytes behind a record');
  }
});

test('values come back as they were', () => {
  const values = [0, 1, 23, 24, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER, -1, -24, -25, -(2 ** 31), -Number.MAX_SAFE_INTEGER,
    0.5, -0, 1.1, 65504.5, 5.960464477539063e-8, 1e300, NaN, Infinity, -Infinity, 2n ** 63n, -(2n ** 64n), true, false, null, '', 'Grüße', 'x'.repeat(300),
    bytes('raw'), [], [1, [2, []]], {}, { b: 1, a: [{ long: 'x' }], '': null }, new Date(1_800_000_000_123), new Map([[1, 'a'], ['b', 2]])];
  for (const value of values) {
    const encoded = encode(value);
    const got = decode(encoded);
    equal(got instanceof Map ? [...got] : got, value instanceof Map ? [...value] : value, `${typeof value} of ${encoded.length} bytes`);
    equal(encode(got), encoded, 'encoded again');
  }
  equal(encode({ bb: 1, a: 2 }), unhex('a2616102626262' + '01'), 'keys in order');
  equal(encode(1.5), unhex('f93e00'), 'a short float');
  for (const bad of [() => {}, Symbol('x'), 2n ** 64n, new Date(NaN)]) throws('ARGUMENT', () => encode(bad), String(bad));
  const loop = [];
  loop.push(loop);
  throws('ARGUMENT', () => encode(loop), 'a value that contains itself');
  const next = random(4);
  for (let i = 0; i < 3000; i++) {
    try {
      decode(noise(next, next(40)));
    } catch (error) {
      equal(error.code, 'CORRUPT', String(error));
    }
  }
});

test('users move from a Go server to a worker and back', async () => {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const dir = await mkdtemp(join(tmpdir(), 'strata-peer-'));
  const peer = (...args) => {
    const run = spawnSync('go', ['run', './wasm/js/test/peer', ...args], { cwd: root, encoding: 'utf8', env: { ...process.env, GOOS: '', GOARCH: '' } });
    equal(run.status, 0, `peer ${args[0]}: ${run.stderr}`);
    return run.stdout.trim();
  };
  try {
    const file = join(dir, 'snapshot');
    const cookie = peer('make', file);
    const store = (await load(wasm)).open();
    store.import(await readFile(file));
    const sessions = new Sessions(store);
    const request = new Request('https://example.com/', { headers: { cookie } });
    let found;
    const response = await sessions.handle(request, (s) => {
      found = [s.user, s.get('cart'), s.get('visits')];
      s.set('visits', s.get('visits') + 1);
      s.set('cart', { items: [...s.get('cart').items, 'bread'], total: 6.5 });
      return new Response();
    });
    equal(found, ['alice', { items: ['tea', 'milk'], total: 4.25 }, 41], 'what the worker finds');
    equal(response.headers.get('set-cookie'), null, 'a new cookie');
    await writeFile(file, store.export());
    equal(JSON.parse(peer('check', file, cookie)), {
      user: 'alice', cart: { items: ['tea', 'milk', 'bread'], total: 6.5 }, visits: 42, flashes: ['welcome'], devices: 1,
    }, 'what the server finds');
  } finally {
    await rm(dir, { recursive: true });
  }
});

