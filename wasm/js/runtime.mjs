import { StrataError, errorOf } from './errors.mjs';
import { importsOf, wasi } from './wasi.mjs';
import { put, roomOf } from './bytes.mjs';

const ABI_VERSION = 1;
const KEPT = 1 << 20; // the largest buffer that is kept for the next call

/**
 * One instance of the module, with the views over its memory. Stores share it:
 * a call's bytes are good until the next call of any of them.
 */
export class Runtime {
  #cells;
  #at = 0;
  #room = 0;

  /** What the last call left, behind the cells' address. */
  exports;
  memory;
  u8;
  u32;
  f64;
  dead = null;

  /** Starts an instance of a compiled module. */
  static async start(module) {
    const runtime = new Runtime();
    const imports = importsOf(module, wasi({
      memory: () => runtime.memory,
      exit: (code) => {
        runtime.dead = new StrataError('DEAD', `the module has ended with code ${code}; its stores are gone`);
        throw runtime.dead;
      },
    }));
    const instance = await WebAssembly.instantiate(module, imports);
    runtime.exports = instance.exports;
    runtime.memory = instance.exports.memory;
    runtime.exports._initialize();
    const version = runtime.exports.abi_version();
    if (version !== ABI_VERSION) {
      throw new StrataError('ARGUMENT', `the module's calls have version ${version}, this package knows ${ABI_VERSION}`);
    }
    runtime.#cells = runtime.exports.cells() >>> 0;
    runtime.refresh();
    return runtime;
  }

  /** Makes the views anew after the memory has grown. */
  refresh() {
    const { buffer } = this.memory;
    this.u8 = new Uint8Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
  }

  /** The code of a call, unless it is an error; the views are good after it. */
  check(code) {
    if (this.u8.length === 0) this.refresh();
    if (code < 0) throw errorOf(code);
    return code;
  }

  /** Like check, but gives `code` back if it is `expected`. */
  allow(code, expected) {
    if (code === expected) {
      if (this.u8.length === 0) this.refresh();
      return code;
    }
    return this.check(code);
  }

  /** The address of an I/O buffer with room for n bytes. */
  reserve(n) {
    if (this.dead !== null) throw this.dead;
    if (n > this.#room || (this.#room > KEPT && n <= KEPT)) {
      const room = Math.max(n, 4096);
      if (room > 0x7fffffff) throw errorOf(-4);
      const at = this.exports.buffer(room);
      this.check(at);
      this.#at = at >>> 0;
      this.#room = room;
    }
    if (this.u8.length === 0) this.refresh();
    return this.#at;
  }

  /** Puts a key into the buffer and returns its length. */
  one(key) {
    const at = this.reserve(roomOf(key));
    return put(this.u8, at, key);
  }

  get ptr() { return this.u32[this.#cells >>> 2]; }
  get length() { return this.u32[(this.#cells >>> 2) + 1]; }
  get count() { return this.u32[(this.#cells >>> 2) + 2]; }
  get next() { return this.u32[(this.#cells >>> 2) + 3]; }
  get version() { return this.u32[(this.#cells >>> 2) + 4] + this.u32[(this.#cells >>> 2) + 5] * 4294967296; }
  get deadline() { return this.f64[(this.#cells >>> 3) + 3]; }

  /** What the last call gave, lent. */
  lent() {
    const { ptr } = this;
    return this.u8.subarray(ptr, ptr + this.length);
  }
}

/**
 * A compiled module of whatever the caller has: a WebAssembly.Module, its bytes,
 * a Response, a URL; nothing: strata.wasm beside this file.
 */
export async function compile(source = new URL('./strata.wasm', import.meta.url)) {
  if (source instanceof WebAssembly.Module) return source;
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return WebAssembly.compile(source);
  if (typeof Response !== 'undefined' && source instanceof Response) {
    return WebAssembly.compile(await source.arrayBuffer());
  }
  const url = new URL(source, import.meta.url);
  if (url.protocol === 'file:') {
    // No import: bundlers for places without files would stumble over it.
    return WebAssembly.compile(await process.getBuiltinModule('node:fs').promises.readFile(url));
  }
  const response = await fetch(url);
  if (!response.ok) throw new StrataError('UNAVAILABLE', `the module was answered with status ${response.status}`);
  return WebAssembly.compile(await response.arrayBuffer());
}
