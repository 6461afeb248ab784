import { StrataError } from './errors.mjs';

const HEADER = 32;
const MAGIC = 0x74536e53; // "SnSt"

/** The blocks of a snapshot, as views of its bytes. */
export function blocksOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const blocks = [];
  for (let at = 0; at < bytes.length;) {
    if (bytes.length - at < HEADER || view.getUint32(at, true) !== MAGIC) throw broken();
    const end = at + HEADER + view.getUint32(at + 4, true);
    if (end > bytes.length) throw broken();
    blocks.push(bytes.subarray(at, end));
    at = end;
  }
  return blocks;
}

const broken = () => new StrataError('CORRUPT', 'corrupt data: no whole snapshot');

/** Parts as one array. */
export function join(parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
