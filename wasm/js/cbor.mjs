// CBOR (RFC 8949) in its core deterministic form, as far as sessions need it.

import { StrataError } from './errors.mjs';

const UINT = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const TAG = 6;
const SIMPLE = 7;

const MAX_DEPTH = 64;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const broken = () => new StrataError('CORRUPT', 'corrupt data: bytes that are no record or value of a session');
const refused = (what) => new StrataError('ARGUMENT', `a session holds no ${what}`);

/** Compares bytes as unsigned numbers. */
export function compare(a, b) {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

/** Takes items and gives their bytes. */
export class Writer {
  #bytes = new Uint8Array(256);
  #length = 0;

  #room(n) {
    if (this.#length + n > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + n));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#length += n;
    return new DataView(this.#bytes.buffer, this.#length - n, n);
  }

  #head(major, value) {
    const first = major << 5;
    if (value < 24) this.#room(1).setUint8(0, first | Number(value));
    else if (value < 0x100) this.#sized(first | 24, 2, (v) => v.setUint8(1, Number(value)));
    else if (value < 0x10000) this.#sized(first | 25, 3, (v) => v.setUint16(1, Number(value)));
    else if (value < 0x100000000) this.#sized(first | 26, 5, (v) => v.setUint32(1, Number(value)));
    else this.#sized(first | 27, 9, (v) => v.setBigUint64(1, BigInt(value)));
  }

  #sized(first, size, set) {
    const view = this.#room(size);
    view.setUint8(0, first);
    set(view);
  }

  integer(value) { this.#head(UINT, value); }

  array(length) { this.#head(ARRAY, length); }

  bytes(value) {
    this.#head(BYTES, value.length);
    const at = this.#room(value.length).byteOffset;
    this.#bytes.set(value, at);
  }

  text(value) {
    const bytes = encoder.encode(value);
    this.#head(TEXT, bytes.length);
    const at = this.#room(bytes.length).byteOffset;
    this.#bytes.set(bytes, at);
  }

  /** Any value that JSON has, and bytes, dates, maps, integers of 64 bits. */
  value(value, depth = 0) {
    if (depth > MAX_DEPTH) throw refused('value so deep, or that contains itself');
    if (value === null || value === undefined) this.#head(SIMPLE, 22);
    else if (typeof value === 'boolean') this.#head(SIMPLE, value ? 21 : 20);
    else if (typeof value === 'string') this.text(value);
    else if (typeof value === 'number') this.#number(value);
    else if (typeof value === 'bigint') this.#bigint(value);
    else if (value instanceof Uint8Array) this.bytes(value);
    else if (value instanceof Date) this.#date(value);
    else if (Array.isArray(value)) {
      this.array(value.length);
      for (const item of value) this.value(item, depth + 1);
    } else if (value instanceof Map) this.#map([...value], depth);
    else if (typeof value === 'object') this.#map(Object.entries(value).filter(([, v]) => v !== undefined), depth);
    else throw refused(typeof value);
  }

  #number(value) {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
      if (value >= 0) this.#head(UINT, value);
      else this.#head(NEGATIVE, -1 - value);
      return;
    }
    const half = toHalf(value);
    if (half !== undefined) this.#sized(SIMPLE << 5 | 25, 3, (v) => v.setUint16(1, half));
    else if (Math.fround(value) === value) this.#sized(SIMPLE << 5 | 26, 5, (v) => v.setFloat32(1, value));
    else this.#sized(SIMPLE << 5 | 27, 9, (v) => v.setFloat64(1, value));
  }

  #bigint(value) {
    const magnitude = value >= 0n ? value : -1n - value;
    if (magnitude >= 1n << 64n) throw refused('integer of more than 64 bits');
    this.#head(value >= 0n ? UINT : NEGATIVE, magnitude);
  }

  #date(value) {
    if (Number.isNaN(value.getTime())) throw refused('invalid date');
    this.#head(TAG, 0);
    this.text(value.toISOString());
  }

  #map(entries, depth) {
    const pairs = entries.map(([key, value]) => {
      const writer = new Writer();
      writer.value(key, depth + 1);
      return [writer.done(), value];
    }).sort(([a], [b]) => compare(a, b));
    this.#head(MAP, pairs.length);
    for (const [key, value] of pairs) {
      const at = this.#room(key.length).byteOffset;
      this.#bytes.set(key, at);
      this.value(value, depth + 1);
    }
  }

  done() {
    return this.#bytes.slice(0, this.#length);
  }
}

/** The 16 bits of value, if they hold it exactly. */
function toHalf(value) {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size === 0) return sign;
  if (size === Infinity) return sign | 0x7c00;
  const exponent = Math.max(Math.floor(Math.log2(size)), -14);
  const fraction = size / 2 ** exponent * 1024;
  if (size > 65504 || fraction !== Math.trunc(fraction) || fraction >= 2048) return undefined;
  return sign | (fraction < 1024 ? fraction : (exponent + 15) << 10 | (fraction - 1024));
}

function fromHalf(bits) {
  const exponent = bits >> 10 & 31;
  const fraction = bits & 1023;
  let size = fraction * 2 ** -24;
  if (exponent === 31) size = fraction ? NaN : Infinity;
  else if (exponent > 0) size = (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -size : size;
}

/** Gives the items of bytes; what is not in its shortest, definite form is CORRUPT. */
export class Reader {
  #bytes;
  #view;
  #at = 0;

  constructor(bytes) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  #skip(n) {
    if (n > this.#bytes.length - this.#at) throw broken();
    this.#at += n;
    return this.#at - n;
  }

  /** The next head: its major type, and its number, a BigInt above 2⁵³ − 1. */
  #head() {
    const first = this.#bytes[this.#skip(1)];
    const [major, info] = [first >> 5, first & 31];
    if (major === SIMPLE || info < 24) return [major, info];
    if (info > 27) throw broken();
    const size = 1 << (info - 24);
    const at = this.#skip(size);
    let value;
    if (size === 1) value = this.#bytes[at];
    else if (size === 2) value = this.#view.getUint16(at);
    else if (size === 4) value = this.#view.getUint32(at);
    else value = this.#view.getBigUint64(at);
    if (value < [24, 0x100, 0x10000, 0, 0x100000000][size >> 1]) throw broken();
    return [major, value <= Number.MAX_SAFE_INTEGER ? Number(value) : value];
  }

  #expect(major) {
    const [got, value] = this.#head();
    if (got !== major || typeof value !== 'number') throw broken();
    return value;
  }

  integer() { return this.#expect(UINT); }

  array() { return this.#expect(ARRAY); }

  bytes() {
    return this.#slice(this.#expect(BYTES));
  }

  text() {
    return this.#text(this.#expect(TEXT));
  }

  #slice(n) {
    const at = this.#skip(n);
    return this.#bytes.slice(at, at + n);
  }

  #text(n) {
    const at = this.#skip(n);
    try {
      return decoder.decode(this.#bytes.subarray(at, at + n));
    } catch {
      throw broken();
    }
  }

  value(depth = 0) {
    if (depth > MAX_DEPTH) throw broken();
    const [major, n] = this.#head();
    if (major !== UINT && major !== NEGATIVE && typeof n !== 'number') throw broken();
    switch (major) {
      case UINT: return n;
      case NEGATIVE: return typeof n === 'number' && n < Number.MAX_SAFE_INTEGER ? -1 - n : -1n - BigInt(n);
      case BYTES: return this.#slice(n);
      case TEXT: return this.#text(n);
      case ARRAY: return this.#items(n, depth);
      case MAP: return this.#map(n, depth);
      case TAG: {
        const value = this.value(depth + 1);
        return n === 0 && typeof value === 'string' ? new Date(value) : value;
      }
    }
    return this.#simple(n);
  }

  #items(n, depth) {
    if (n > this.#bytes.length - this.#at) throw broken();
    const items = [];
    for (let i = 0; i < n; i++) items.push(this.value(depth + 1));
    return items;
  }

  #map(n, depth) {
    if (n > this.#bytes.length - this.#at) throw broken();
    const map = new Map();
    for (let i = 0; i < n; i++) map.set(this.value(depth + 1), this.value(depth + 1));
    if (map.size !== n) throw broken();
    return [...map.keys()].every((key) => typeof key === 'string') ? Object.fromEntries(map) : map;
  }

  #simple(info) {
    switch (info) {
      case 20: return false;
      case 21: return true;
      case 22:
      case 23: return null;
      case 25: return fromHalf(this.#view.getUint16(this.#skip(2)));
      case 26: return this.#view.getFloat32(this.#skip(4));
      case 27: return this.#view.getFloat64(this.#skip(8));
    }
    throw broken();
  }

  /** That nothing follows. */
  end() {
    if (this.#at !== this.#bytes.length) throw broken();
  }
}

export function encode(value) {
  const writer = new Writer();
  writer.value(value);
  return writer.done();
}

export function decode(bytes) {
  const reader = new Reader(bytes);
  const value = reader.value();
  reader.end();
  return value;
}
