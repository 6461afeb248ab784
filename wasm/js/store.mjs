import { NOT_FOUND, VERSION, StrataError, errorOf } from './errors.mjs';
import { checkData, bytesOf, put, roomOf, textOf } from './bytes.mjs';
import { clockOf, encodeOptions, modeOf, msOf } from './options.mjs';
import { decodeAnswers, decodeRecords, encodeKeys, encodeOps } from './records.mjs';
import { blocksOf, join } from './snapshot.mjs';
import { Persistence } from './persist.mjs';

const CHUNK = 256; // records of one call that walks

const STATS = ['hits', 'misses', 'writes', 'swept', 'evictions', 'records', 'liveBytes', 'rawBytes', 'storedBytes',
  'usedBytes', 'maxBytes', 'version', 'clock'];

/** A store. index.d.ts says what each method promises. */
export class Store {
  #runtime;
  #wasm; // the exports
  #handle;
  #clock;

  constructor(runtime, options) {
    this.#runtime = runtime;
    this.#wasm = runtime.exports;
    this.#clock = clockOf(options);
    const bytes = encodeOptions(options, this.#clock);
    const at = runtime.reserve(bytes.length);
    runtime.u8.set(bytes, at);
    this.#handle = runtime.check(this.#wasm.open(bytes.length));
  }

  /** The time for a call; the store is told the wall clock now and then. */
  #boot() {
    if (this.#clock.look()) this.#runtime.check(this.#wasm.look(this.#handle, this.#clock.wall(), this.#clock.boot()));
    return this.#clock.boot();
  }

  /** Whether key was found; then it is lent. */
  #find(key) {
    checkData('key', key);
    const runtime = this.#runtime;
    const length = runtime.one(key);
    return runtime.allow(this.#wasm.get(this.#handle, length, this.#boot()), NOT_FOUND) !== NOT_FOUND;
  }

  get(key) {
    return this.#find(key) ? this.#runtime.lent().slice() : undefined;
  }

  getText(key) {
    return this.#find(key) ? textOf(this.#runtime.lent()) : undefined;
  }

  getView(key) {
    return this.#find(key) ? this.#runtime.lent() : undefined;
  }

  getInto(key, target, offset = 0) {
    if (!this.#find(key)) return undefined;
    const { length } = this.#runtime;
    if (length <= target.length - offset) target.set(this.#runtime.lent(), offset);
    return length;
  }

  getItem(key) {
    if (!this.#find(key)) return undefined;
    const { version, deadline } = this.#runtime;
    return { key, value: this.#runtime.lent().slice(), version, expires: deadline === 0 ? undefined : deadline };
  }

  has(key) {
    checkData('key', key);
    const length = this.#runtime.one(key);
    return this.#runtime.check(this.#wasm.has(this.#handle, length, this.#boot())) === 1;
  }

  /** Puts key and value into the buffer; gives the key's length and the value's. */
  #pair(key, value) {
    checkData('key', key);
    checkData('value', value);
    const runtime = this.#runtime;
    const at = runtime.reserve(roomOf(key) + roomOf(value));
    const keyLength = put(runtime.u8, at, key);
    this.#valueLength = put(runtime.u8, at + keyLength, value);
    return keyLength;
  }

  #valueLength = 0;

  set(key, value, options) {
    const length = this.#pair(key, value);
    this.#runtime.check(this.#wasm.set(this.#handle, length, this.#valueLength, this.#mode(options, false), msOf(options), this.#boot()));
    return this.#runtime.version;
  }

  cas(key, version, value, options) {
    const length = this.#pair(key, value);
    const code = this.#wasm.compare_and_set(this.#handle, length, this.#valueLength, version, this.#mode(options, true), msOf(options), this.#boot());
    return this.#runtime.allow(code, VERSION) === VERSION ? undefined : this.#runtime.version;
  }

  #mode(options, keeps) {
    const mode = modeOf(options);
    if (mode === 3 && !keeps) throw errorOf(-3);
    return mode;
  }

  touch(key, options) {
    checkData('key', key);
    const length = this.#runtime.one(key);
    const code = this.#wasm.touch(this.#handle, length, this.#mode(options, false), msOf(options), this.#boot());
    return this.#runtime.allow(code, NOT_FOUND) !== NOT_FOUND;
  }

  delete(key, options) {
    checkData('key', key);
    const length = this.#runtime.one(key);
    if (options?.version === undefined) {
      return this.#runtime.check(this.#wasm.delete(this.#handle, length, this.#boot())) === 1;
    }
    const code = this.#wasm.compare_and_delete(this.#handle, length, options.version, this.#boot());
    return this.#runtime.allow(code, VERSION) !== VERSION;
  }

  getMany(keys) {
    const all = [...keys];
    const values = [];
    for (let rest = all; rest.length > 0; rest = all.slice(values.length)) {
      const bytes = encodeKeys(rest, CHUNK);
      this.#send(bytes);
      this.#runtime.check(this.#wasm.get_many(this.#handle, bytes.length, this.#boot()));
      decodeAnswers(this.#runtime.lent(), this.#runtime.count, values);
    }
    return values;
  }

  setMany(entries, options) {
    const pairs = Symbol.iterator in entries ? entries : Object.entries(entries);
    this.write(Array.from(pairs, ([key, value]) => ({ type: 'set', key, value, ...options })));
  }

  write(ops) {
    const bytes = encodeOps(ops);
    this.#send(bytes);
    const code = this.#wasm.write(this.#handle, bytes.length, this.#boot());
    if (this.#runtime.u8.length === 0) this.#runtime.refresh();
    if (code >= 0) return;
    const error = errorOf(code);
    error.op = this.#runtime.count;
    throw error;
  }

  #send(bytes) {
    const at = this.#runtime.reserve(bytes.length);
    this.#runtime.u8.set(bytes, at);
  }

  *scan(prefix = '', options = {}) {
    checkData('prefix', prefix);
    const start = options.from ?? '';
    checkData('from', start);
    for (let from = start, more = 1; more === 1;) {
      const length = this.#pair(prefix, from);
      more = this.#runtime.check(this.#wasm.scan(
        this.#handle, length, this.#valueLength, CHUNK, 0, options.keysOnly ? 1 : 0, this.#boot()));
      const { ptr, length: size, next } = this.#runtime;
      from = this.#runtime.u8.slice(ptr + size, ptr + size + next);
      yield* decodeRecords(this.#runtime.lent(), this.#runtime.count, options);
    }
  }

  *keys(prefix = '') {
    for (const { key } of this.scan(prefix, { keysOnly: true })) yield key;
  }

  *entries(prefix = '') {
    for (const { key, value } of this.scan(prefix)) yield [key, value];
  }

  *values(prefix = '') {
    for (const { value } of this.scan(prefix)) yield value;
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  deletePrefix(prefix) {
    checkData('prefix', prefix);
    let removed = 0;
    for (let more = 1; more === 1;) {
      const length = this.#runtime.one(prefix);
      more = this.#runtime.check(this.#wasm.delete_prefix(this.#handle, length, CHUNK, this.#boot()));
      removed += this.#runtime.count;
    }
    return removed;
  }

  sweep(limit = CHUNK) {
    this.#alive();
    return this.#runtime.check(this.#wasm.sweep(this.#handle, limit, this.#boot()));
  }

  clear() {
    this.#alive();
    this.#runtime.check(this.#wasm.clear(this.#handle));
  }

  #alive() {
    this.#runtime.reserve(0);
  }

  stats() {
    this.#alive();
    this.#boot();
    this.#runtime.check(this.#wasm.stats(this.#handle));
    const at = this.#runtime.ptr;
    const view = new DataView(this.#runtime.memory.buffer, at);
    const stats = Object.fromEntries(STATS.map((name, i) => [name, view.getFloat64(8 * i, true)]));
    stats.memoryBytes = this.#runtime.memory.buffer.byteLength;
    return stats;
  }

  get size() {
    return this.stats().records;
  }

  *exportBlocks() {
    this.#alive();
    this.#runtime.check(this.#wasm.export_begin(this.#handle));
    for (let more = 1; more === 1;) {
      more = this.#runtime.check(this.#wasm.export_next(this.#handle, 0, this.#boot()));
      if (this.#runtime.length > 0) yield this.#runtime.lent().slice();
    }
  }

  export() {
    return join([...this.exportBlocks()]);
  }

  import(snapshot) {
    const blocks = blocksOf(bytesOf(snapshot));
    this.#restore(blocks, 1);
    this.#restore(blocks, 0);
  }

  #restore(blocks, check) {
    this.#alive();
    this.#runtime.check(this.#wasm.import_begin(this.#handle, check));
    let done = 0;
    for (const block of blocks) {
      if (done === 1) throw new StrataError('CORRUPT', 'corrupt data: bytes behind the snapshot');
      this.#send(block);
      done = this.#runtime.check(this.#wasm.import_next(this.#handle, block.length, this.#boot()));
    }
    if (done !== 1) throw new StrataError('CORRUPT', 'corrupt data: the snapshot is not whole');
  }

  persist(adapter) {
    return new Persistence(this, adapter);
  }

  /** Lets the module's runtime do what it has put off. */
  yield() {
    this.#alive();
    this.#wasm.yield();
  }

  close() {
    if (this.#handle === 0) return;
    const handle = this.#handle;
    this.#handle = 0;
    if (this.#runtime.dead === null) this.#runtime.check(this.#wasm.close(handle));
  }
}
