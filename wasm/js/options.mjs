import { Clock } from './clock.mjs';
import { StrataError } from './errors.mjs';
import { encoded } from './bytes.mjs';

const FIXED = 80;
const DEFAULT_BYTES = 32 << 20;

/** What `open` of ABI.md reads, as bytes. */
export function encodeOptions(options, clock) {
  const { maxBytes = DEFAULT_BYTES, mode = 'store', ttl = 0, maxTtl = 0, maxValueBytes = 0, batch = {}, zstd = {} } = options;
  if (mode !== 'store' && mode !== 'cache') throw new StrataError('ARGUMENT', 'mode is neither "store" nor "cache"');
  const dictionaries = (options.dictionaries ?? []).map(encoded);
  const bytes = new Uint8Array(dictionaries.reduce((sum, d) => sum + 4 + d.length, FIXED));
  const view = new DataView(bytes.buffer);
  const numbers = [[0, maxBytes], [24, ttl], [32, maxTtl], [40, maxValueBytes], [48, batch.bytes ?? 0], [56, clock.wall()], [64, clock.boot()]];
  for (const [at, value] of numbers) view.setFloat64(at, value, true);
  view.setUint32(8, mode === 'cache' ? 1 : 0, true);
  view.setInt32(12, zstd === false ? -1 : zstd.level ?? 0, true);
  view.setInt32(16, zstd === false ? 0 : zstd.minBytes ?? 0, true);
  view.setInt32(20, batch.ops ?? 0, true);
  view.setUint32(72, dictionaries.length, true);
  let at = FIXED;
  for (const dictionary of dictionaries) {
    view.setUint32(at, dictionary.length, true);
    bytes.set(dictionary, at + 4);
    at += 4 + dictionary.length;
  }
  return bytes;
}

export const clockOf = (options) => new Clock(options);

// The modes of a lifetime.
const DEFAULT = 0;
const TTL = 1;
const DEADLINE = 2;
const KEEP = 3;

/** The mode of the lifetime that `options` ask for. */
export function modeOf(options) {
  if (options === undefined) return DEFAULT;
  if (options.keepTtl) return KEEP;
  if (options.ttl !== undefined) return TTL;
  return options.expires !== undefined ? DEADLINE : DEFAULT;
}

/** Its milliseconds; `expires` may be a Date or unix milliseconds, null: never. */
export function msOf(options) {
  if (options === undefined || options.keepTtl) return 0;
  if (options.ttl !== undefined) return options.ttl;
  if (options.expires === undefined || options.expires === null) return 0;
  // The first millisecond of 1970 is past, and 0 would mean never.
  return Math.max(Number(options.expires), 1);
}
