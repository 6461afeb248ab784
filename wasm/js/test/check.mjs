// The few assertions that the suite needs, the same on every host.

const show = (v) => {
  if (v instanceof Uint8Array) return `bytes(${[...v.slice(0, 16)]}${v.length > 16 ? ', …' : ''}; ${v.length})`;
  return typeof v === 'string' ? JSON.stringify(v.slice(0, 60)) : JSON.stringify(v) ?? String(v);
};

function same(a, b) {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a.constructor !== b.constructor) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => same(a[key], b[key]));
}

export function equal(got, want, what) {
  if (!same(got, want)) throw new Error(`${what}: got ${show(got)}, want ${show(want)}`);
}

export function ok(condition, what) {
  if (!condition) throw new Error(what);
}

export function throws(code, call, what) {
  try {
    call();
  } catch (error) {
    if (error.code !== code) throw new Error(`${what}: got ${error.code ?? error}, want ${code}`);
    return error;
  }
  throw new Error(`${what}: got no error, want ${code}`);
}

export const bytes = (text) => new TextEncoder().encode(text);

export const text = (data) => new TextDecoder().decode(data);

/** Numbers that look random, the same for the same seed. */
export function random(seed) {
  let s = seed >>> 0 || 1;
  return (n) => {
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    return (s >>> 0) % n;
  };
}

/** Bytes that do not compress. */
export function noise(next, n) {
  const b = new Uint8Array(n);
  for (let i = 0; i < n; i++) b[i] = next(256);
  return b;
}
