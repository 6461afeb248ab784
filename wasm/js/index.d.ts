/**
 * strata's memory store for JavaScript: values that have a lifetime, under a hard
 * memory cap, compressed, synchronous. README.md says when it is the right thing
 * and when a plain Map or lru-cache is.
 */

/** A key or value: text, kept as UTF-8, or bytes. */
export type Data = string | Uint8Array | ArrayBufferView | ArrayBuffer;

export type ErrorCode =
  | 'NOT_FOUND' | 'CLOSED' | 'TTL' | 'TOO_LARGE' | 'FULL' | 'VERSION' | 'CORRUPT'
  | 'UNKNOWN_OUTCOME' | 'UNAVAILABLE' | 'LOCKED' | 'ARGUMENT' | 'BROKEN' | 'MEMORY' | 'DEAD';

/** What a store throws. It names no key or value. */
export class StrataError extends Error {
  readonly code: ErrorCode;
  /** Of a refused `write`: the index of the op that refused it. */
  readonly op?: number;
}

/** Where the module comes from. */
export type ModuleSource = WebAssembly.Module | ArrayBuffer | ArrayBufferView | Response | URL | string;

export interface StoreOptions {
  /** All the memory for records and their index, taken at once; default 32 MiB, at least 64 KiB. */
  maxBytes?: number;
  /** "store" (default): a full store throws FULL and never drops a live record. "cache": it evicts (SIEVE). */
  mode?: 'store' | 'cache';
  /** Lifetime in milliseconds of writes that name none; default 0: no expiry. */
  ttl?: number;
  /** A write without a lifetime, or with a longer one, is refused with TTL; default 0: no bound. */
  maxTtl?: number;
  /** The longest value in bytes; default 64 MiB, or maxBytes if that is less. */
  maxValueBytes?: number;
  /** Bounds of one `write` or `setMany`: 1,000 ops, 64 MiB or maxBytes. */
  batch?: { ops?: number; bytes?: number };
  /** false: keep values as they are. `level` 1 to 4, `minBytes` from which on a value is compressed (128). */
  zstd?: false | { level?: number; minBytes?: number };
  /** Trained zstd dictionaries. The last compresses, all are used to read. */
  dictionaries?: Data[];
  /** Replaces the clock: unix milliseconds. Going back is no harm. */
  now?: () => number;
  /**
   * Replaces the clock that time passes by: milliseconds since whenever, never
   * going back, a sleep of the host included. Without it the store takes
   * performance.now, which may stand still in a sleep, and counts a jump of the
   * wall clock as one. With it, jumps are followed by 10 % at most.
   */
  monotonic?: () => number;
}

export interface OpenOptions extends StoreOptions {
  /** Default: strata.wasm beside this package. Workers have to pass the module that they import. */
  module?: ModuleSource;
}

/** A lifetime; at most one field. None: the store's `ttl`. */
export interface Lifetime {
  /** Milliseconds from now, rounded up; 0: no expiry. */
  ttl?: number;
  /** A moment: unix milliseconds or a Date; null: no expiry. One in the past removes the record. */
  expires?: number | Date | null;
}

export interface CasLifetime extends Lifetime {
  /** Keep the deadline of the record that is there. */
  keepTtl?: boolean;
}

export interface Item<K = string, V = Uint8Array> {
  key: K;
  value: V;
  /** Grows by every write of the store. */
  version: number;
  /** Unix milliseconds; undefined: never. */
  expires: number | undefined;
}

export type Op =
  | ({ type: 'set'; key: Data; value: Data; version?: number } & CasLifetime)
  | { type: 'delete'; key: Data; version?: number }
  | ({ type: 'touch'; key: Data } & Lifetime)
  /** Refuses the whole write with VERSION unless the key has this version; 0: is absent. */
  | { type: 'check'; key: Data; version: number };

export interface ScanOptions {
  /** Begin at this key. */
  from?: Data;
  /** Without the values. */
  keysOnly?: boolean;
  /** Keys as bytes, for those that are no text. */
  bytesKeys?: boolean;
}

export interface Stats {
  hits: number;
  misses: number;
  /** Versions made. */
  writes: number;
  /** Expired records cleared away. */
  swept: number;
  evictions: number;
  /** Stored records, the expired that are not cleared away yet included. */
  records: number;
  /** Their keys and uncompressed values. */
  liveBytes: number;
  rawBytes: number;
  /** Their values as stored, with headers. */
  storedBytes: number;
  /** Taken of maxBytes. */
  usedBytes: number;
  maxBytes: number;
  /** The last one given. */
  version: number;
  /** The store's time. */
  clock: number;
  /** The whole module's memory. It never shrinks. */
  memoryBytes: number;
}

/** Keeps snapshots: each whole, or not at all. */
export interface Adapter {
  load(): Promise<Uint8Array | undefined>;
  save(snapshot: Uint8Array): Promise<void>;
}

export class Persistence {
  /** Imports the last snapshot; false if there is none. CORRUPT changes nothing. */
  load(): Promise<boolean>;
  /** Writes a snapshot of this moment, or of when the saves before it are done. */
  save(): Promise<void>;
}

/**
 * A store. All methods are synchronous; a miss is undefined; errors are thrown.
 * An expired record is absent for all of them, from its deadline on, to the
 * millisecond.
 */
export class Store implements Iterable<[string, Uint8Array]> {
  private constructor();
  /** A copy of the value. */
  get(key: Data): Uint8Array | undefined;
  /** The value as text. */
  getText(key: Data): string | undefined;
  /** The value where it lies, good until the next call of any store of this module: do not keep it. */
  getView(key: Data): Uint8Array | undefined;
  /** Copies the value into target and returns its length; if target is too small nothing is copied. */
  getInto(key: Data, target: Uint8Array, offset?: number): number | undefined;
  getItem<K extends Data>(key: K): Item<K> | undefined;
  has(key: Data): boolean;
  /** Stores a copy and returns its version. FULL: there is no room, the old value stays. */
  set(key: Data, value: Data, options?: Lifetime): number;
  /** Another lifetime for a record; false: there is none. */
  touch(key: Data, options?: Lifetime): boolean;
  /** Whether there was a record. With `version`: whether it was that one, and is gone; 0: whether there is none. */
  delete(key: Data, options?: { version?: number }): boolean;
  /** Sets over `version` (0: over nothing) and returns the new one; undefined: it is another version. */
  cas(key: Data, version: number, value: Data, options?: CasLifetime): number | undefined;
  /** Values in the order of keys. */
  getMany(keys: Iterable<Data>): (Uint8Array | undefined)[];
  /** All or none. */
  setMany(entries: Iterable<readonly [Data, Data]> | Record<string, Data>, options?: Lifetime): void;
  /** All or none. NOT_FOUND: a touch met no record; VERSION: a condition does not hold. */
  write(ops: readonly Op[]): void;
  /**
   * The live records of a prefix in the order of their keys' bytes, read in
   * chunks: what stays throughout is met once.
   */
  scan(prefix: Data | undefined, options: ScanOptions & { keysOnly: true; bytesKeys: true }): Generator<Item<Uint8Array, undefined>>;
  scan(prefix: Data | undefined, options: ScanOptions & { keysOnly: true; bytesKeys?: false }): Generator<Item<string, undefined>>;
  scan(prefix: Data | undefined, options: ScanOptions & { keysOnly?: false; bytesKeys: true }): Generator<Item<Uint8Array>>;
  scan(prefix?: Data, options?: ScanOptions & { keysOnly?: false; bytesKeys?: false }): Generator<Item>;
  keys(prefix?: Data): Generator<string>;
  values(prefix?: Data): Generator<Uint8Array>;
  entries(prefix?: Data): Generator<[string, Uint8Array]>;
  [Symbol.iterator](): Generator<[string, Uint8Array]>;
  /** Removes the records of a prefix, in chunks, and returns how many. */
  deletePrefix(prefix: Data): number;
  /** Clears away at most `limit` (256, at most 1,024) expired records and returns how many. Each write does so with a few. */
  sweep(limit?: number): number;
  /** Removes everything at once. */
  clear(): void;
  stats(): Stats;
  /** Stored records, the expired that are not cleared away yet included. */
  readonly size: number;
  /** A snapshot of this moment: the same form as that of the Go packages. */
  export(): Uint8Array;
  /** The same in pieces; writes between them may or may not be in it. */
  exportBlocks(): Generator<Uint8Array>;
  /**
   * Checks a snapshot whole, then stores its records over what is there. CORRUPT,
   * TTL, TOO_LARGE: nothing was stored. FULL: what was stored before stays.
   */
  import(snapshot: Uint8Array | ArrayBuffer): void;
  persist(adapter: Adapter): Persistence;
  /** Lets the module's runtime do what it has put off; a long run may call it where it has time. */
  yield(): void;
  /** Ends the store and gives its memory to those that are opened next in the module. */
  close(): void;
}

/** A running module. */
export interface Module {
  open(options?: StoreOptions): Store;
  /** The module's memory. It never shrinks. */
  readonly memoryBytes: number;
  /** Collects the module's garbage and returns how often that was done. */
  collect(): number;
}

/** Starts the module once, for several stores that share its memory. */
export function load(module?: ModuleSource): Promise<Module>;

/** Starts a module for one store. In a Worker: inside a handler, where there is entropy. */
export function open(options?: OpenOptions): Promise<Store>;

/** A store, or the part of it below a prefix, like a Map that answers with promises, with text as values. */
export class AsyncMap implements AsyncIterable<[string, string]> {
  constructor(store: Store, prefix?: string);
  get(key: string): Promise<string | undefined>;
  set(key: string, value: Data, ttl?: number): Promise<this>;
  has(key: string): Promise<boolean>;
  delete(key: string): Promise<boolean>;
  clear(): Promise<void>;
  keys(): AsyncGenerator<string>;
  entries(): AsyncGenerator<[string, string]>;
  [Symbol.asyncIterator](): AsyncGenerator<[string, string]>;
}

/** What Keyv takes as `store`; but for Keyv's iterator, which is for the stores that it knows. */
export function keyvStore(store: Store): {
  opts: Record<string, unknown>;
  namespace?: string;
  get(key: string): Promise<any>;
  getMany(keys: string[]): Promise<any[]>;
  set(key: string, value: any, ttl?: number): Promise<boolean>;
  has(key: string): Promise<boolean>;
  delete(key: string): Promise<boolean>;
  clear(): Promise<void>;
  on(...args: any[]): any;
  disconnect(): Promise<void>;
};

/** What unstorage takes as a driver. An item's `ttl` is in seconds, as in its other drivers. */
export function unstorageDriver(store: Store): {
  name: string;
  options: Record<string, unknown>;
  hasItem(key: string): boolean;
  getItem(key: string): string | null;
  getItemRaw(key: string): Uint8Array | null;
  setItem(key: string, value: string, options?: { ttl?: number }): void;
  setItemRaw(key: string, value: any, options?: { ttl?: number }): void;
  removeItem(key: string): void;
  getKeys(base: string): string[];
  clear(base: string): void;
  dispose(): void;
};
