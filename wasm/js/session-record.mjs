// The records of sessions, as session/FORMAT.md gives them, byte by byte.

import { StrataError } from './errors.mjs';
import { Reader, Writer, compare } from './cbor.mjs';
import { bytesOf } from './bytes.mjs';

const FORMAT = 1;
const SESSION = 0;
const MOVED = 1;
const INDEX = 2;

export const CONFIRMED = 1;
export const PERSISTENT = 2;

const NUMBERS = ['created', 'begun', 'seen', 'expires', 'end', 'idle', 'life', 'flags'];
const broken = () => new StrataError('CORRUPT', 'corrupt data: bytes that are no record of a session');
const encoder = new TextEncoder();

/** A new record, of now. */
export const freshRecord = (now) => ({
  lineage: crypto.getRandomValues(new Uint8Array(16)), user: '', created: now, begun: now, seen: now, expires: 0, end: 0,
  idle: 0, life: 0, flags: 0, address: '', agent: '', generation: 0, values: new Map(), flashes: [],
});

export function encodeRecord(record) {
  const writer = new Writer();
  writer.array(17);
  writer.integer(FORMAT);
  writer.integer(SESSION);
  writer.bytes(record.lineage);
  writer.text(record.user);
  for (const name of NUMBERS) writer.integer(record[name]);
  writer.text(record.address);
  writer.text(record.agent);
  writer.integer(record.generation);
  const keys = [...record.values.keys()].sort((a, b) => compare(encoder.encode(a), encoder.encode(b)));
  writer.array(keys.length);
  for (const key of keys) {
    const { expires, value } = record.values.get(key);
    writer.array(3);
    writer.text(key);
    writer.integer(expires);
    writer.bytes(value);
  }
  writer.array(record.flashes.length);
  for (const { generation, key, value } of record.flashes) {
    writer.array(3);
    writer.integer(generation);
    writer.text(key);
    writer.bytes(value);
  }
  return writer.done();
}

/** A session's record, or `{ to, until }` of one that has moved. */
export function decodeRecord(bytes) {
  const reader = new Reader(bytesOf(bytes));
  const fields = reader.array();
  const [version, kind] = [reader.integer(), reader.integer()];
  let found;
  if (version === FORMAT && kind === MOVED && fields === 4) found = { to: fixed(reader, 32), until: reader.integer() };
  else if (version === FORMAT && kind === SESSION && fields === 17) found = decodeSession(reader);
  else throw broken();
  reader.end();
  return found;
}

function fixed(reader, length) {
  const bytes = reader.bytes();
  if (bytes.length !== length) throw broken();
  return bytes;
}

function decodeSession(reader) {
  const record = { lineage: fixed(reader, 16), user: reader.text() };
  for (const name of NUMBERS) record[name] = reader.integer();
  if (record.flags & ~(CONFIRMED | PERSISTENT) || record.flags > 3) throw broken();
  record.address = reader.text();
  record.agent = reader.text();
  record.generation = reader.integer();
  record.values = decodeValues(reader);
  record.flashes = decodeFlashes(reader, record.generation);
  return record;
}

function decodeValues(reader) {
  const values = new Map();
  let last;
  for (let n = reader.array(); n > 0; n--) {
    if (reader.array() !== 3) throw broken();
    const key = reader.text();
    const bytes = encoder.encode(key);
    if (last !== undefined && compare(last, bytes) >= 0) throw broken();
    last = bytes;
    values.set(key, { expires: reader.integer(), value: reader.bytes() });
  }
  return values;
}

function decodeFlashes(reader, generation) {
  const flashes = [];
  for (let n = reader.array(); n > 0; n--) {
    if (reader.array() !== 3) throw broken();
    const flash = { generation: reader.integer(), key: reader.text(), value: reader.bytes() };
    if (flash.generation > generation || flash.generation <= (flashes.at(-1)?.generation ?? -1)) throw broken();
    flashes.push(flash);
  }
  return flashes;
}

/** What stands in an old id's place. */
export function encodeMoved(to, until) {
  const writer = new Writer();
  writer.array(4);
  writer.integer(FORMAT);
  writer.integer(MOVED);
  writer.bytes(to);
  writer.integer(until);
  return writer.done();
}

/** The index entry that leads to the record of an id with hash `to`. */
export function encodeIndex(to) {
  const writer = new Writer();
  writer.array(3);
  writer.integer(FORMAT);
  writer.integer(INDEX);
  writer.bytes(to);
  return writer.done();
}

/** base64url without padding. */
export const base64 = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');

export const sha256 = async (text) => new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text)));

export const newID = () => base64(crypto.getRandomValues(new Uint8Array(32)));

/** Whether text could be an id: 32 bytes in their one spelling. */
export const isID = (text) => /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/.test(text);
