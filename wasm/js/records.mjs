import { StrataError, errorOf } from './errors.mjs';
import { checkData, encoded, put, roomOf, textOf } from './bytes.mjs';
import { modeOf, msOf } from './options.mjs';

const ABSENT = 0xffffffff;
const KINDS = { set: 1, delete: 2, touch: 3, check: 4 };
const OP = 28; // bytes of an op before its key
const RECORD = 24; // of a record before its key

/** The keys of one get_many, at most `limit`. */
export function encodeKeys(keys, limit) {
  const parts = keys.slice(0, limit).map((key) => {
    checkData('key', key);
    return encoded(key);
  });
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + 4 + part.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.length, true);
    bytes.set(part, at + 4);
    at += 4 + part.length;
  }
  return bytes;
}

/** Appends the values that get_many gave to `values`. */
export function decodeAnswers(bytes, count, values) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; count > 0; count--) {
    const length = view.getUint32(at, true);
    at += 20;
    if (length === ABSENT) {
      values.push(undefined);
      continue;
    }
    values.push(bytes.slice(at, at + length));
    at += length;
  }
}

/** The ops of one write. */
export function encodeOps(ops) {
  let room = 0;
  for (const op of ops) {
    if (!(op.type in KINDS)) throw new StrataError('ARGUMENT', 'unknown type of op');
    checkData('key', op.key);
    if (op.type === 'set') checkData('value', op.value);
    room += OP + roomOf(op.key) + (op.type === 'set' ? roomOf(op.value) : 0);
  }
  const bytes = new Uint8Array(room);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const op of ops) at = encodeOp(bytes, view, at, op);
  return bytes.subarray(0, at);
}

function encodeOp(bytes, view, at, op) {
  const key = put(bytes, at + OP, op.key);
  const value = op.type === 'set' ? put(bytes, at + OP + key, op.value) : 0;
  const conditional = op.version !== undefined && (op.type === 'set' || op.type === 'delete');
  const mode = op.type === 'set' || op.type === 'touch' ? modeOf(op) : 0;
  if (mode === 3 && !conditional) throw errorOf(-3);
  view.setUint8(at, KINDS[op.type]);
  view.setUint8(at + 1, conditional ? 1 : 0);
  view.setUint8(at + 2, mode);
  view.setUint32(at + 4, key, true);
  view.setUint32(at + 8, value, true);
  view.setFloat64(at + 12, mode === 0 ? 0 : msOf(op), true);
  setVersion(view, at + 20, op.version ?? 0);
  return at + OP + key + value;
}

function setVersion(view, at, version) {
  if (!(version >= 0) || version !== Math.trunc(version) || version >= 2 ** 63) throw errorOf(-11);
  view.setBigUint64(at, BigInt(version), true);
}

/** The records of one scan. */
export function decodeRecords(bytes, count, { keysOnly = false, bytesKeys = false }) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const records = [];
  for (let at = 0; count > 0; count--) {
    const keyLength = view.getUint32(at, true);
    const valueLength = view.getUint32(at + 4, true);
    const version = view.getUint32(at + 8, true) + view.getUint32(at + 12, true) * 4294967296;
    const deadline = view.getFloat64(at + 16, true);
    at += RECORD;
    const key = bytes.subarray(at, at + keyLength);
    const record = { key: bytesKeys ? key.slice() : textOf(key), value: undefined, version, expires: deadline === 0 ? undefined : deadline };
    at += keyLength;
    if (!keysOnly) record.value = bytes.slice(at, at + valueLength);
    at += valueLength;
    records.push(record);
  }
  return records;
}
