const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Keys up to this length are written byte by byte, as long as they are ASCII. */
const SHORT = 64;

/** The most bytes that a key or value may need. */
export function roomOf(data) {
  return typeof data === 'string' ? data.length * 3 : data.byteLength;
}

/** Writes a string or bytes into `memory` at `at` and returns how many bytes those are. */
export function put(memory, at, data) {
  if (typeof data !== 'string') {
    const bytes = bytesOf(data);
    memory.set(bytes, at);
    return bytes.length;
  }
  const n = data.length;
  if (n <= SHORT) {
    let i = 0;
    for (; i < n; i++) {
      const code = data.charCodeAt(i);
      if (code > 127) break;
      memory[at + i] = code;
    }
    if (i === n) return n;
  }
  return encoder.encodeInto(data, memory.subarray(at)).written;
}

/** Any bytes as a Uint8Array over the same memory. */
export function bytesOf(data) {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(data);
}

export const textOf = (bytes) => decoder.decode(bytes);

/** A string or bytes as bytes. */
export const encoded = (data) => (typeof data === 'string' ? encoder.encode(data) : bytesOf(data));

/** Throws unless `data` is a string or bytes. */
export function checkData(what, data) {
  if (typeof data === 'string' || ArrayBuffer.isView(data) || data instanceof ArrayBuffer) return;
  throw new TypeError(`strata: ${what} is neither a string nor bytes`);
}
