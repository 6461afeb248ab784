import { test } from 'node:test';
import { readFile } from 'node:fs/promises';
import { load } from '../index.mjs';
import { session, sessionKey } from '../bench/sessions.mjs';
import { equal, ok, throws } from './check.mjs';

const wasm = await WebAssembly.compile(await readFile(new URL('../strata.wasm', import.meta.url)));
// `node bench/sessions.mjs 500 | go run ../dictionary -id 1 -o test/sessions.dict`
const dictionary = await readFile(new URL('sessions.dict', import.meta.url));

const fill = (store) => { for (let i = 0; i < 500; i++) store.set(sessionKey(i), session(i)); };

test('a dictionary that was made natively makes sessions shorter', async () => {
  const module = await load(wasm);
  const plain = module.open({ maxBytes: 4 << 20 });
  const short = module.open({ maxBytes: 4 << 20, dictionaries: [dictionary] });
  fill(plain);
  fill(short);
  for (let i = 0; i < 500; i++) equal(short.getText(sessionKey(i)), session(i), `session ${i}`);
  const [long, kept] = [plain, short].map((store) => store.stats().storedBytes);
  ok(kept * 2 < long, `got ${kept} bytes with the dictionary, want at most half of ${long}`);
});

test('a snapshot goes where its dictionary is, and nowhere else', async () => {
  const module = await load(wasm);
  const store = module.open({ maxBytes: 4 << 20, dictionaries: [dictionary] });
  fill(store);
  const snapshot = store.export();
  const same = module.open({ maxBytes: 4 << 20, dictionaries: [dictionary] });
  same.import(snapshot);
  equal(same.getText(sessionKey(7)), session(7), 'after an import');
  const none = module.open({ maxBytes: 4 << 20 });
  throws('CORRUPT', () => none.import(snapshot), 'an import without the dictionary');
  equal(none.size, 0, 'records after a refused import');
});
