// Package value turns Go values into bytes and back, for a typed store.
//
// [JSON] is the one to look at with other tools, [CBOR] keeps more of Go's
// types and is shorter, [Raw] is for bytes that are encoded already.
//
// What comes back of what went in:
//
//   - Integers into integer types: exactly, with each codec. Into any: JSON
//     gives float64, exact up to 2^53; CBOR gives int64, or a big.Int outside
//     of its range.
//   - Bytes: exactly. Into any: JSON gives base64 text, CBOR gives []byte.
//   - Strings: CBOR keeps every byte; JSON replaces what is not UTF-8.
//   - Times: the instant with its nanoseconds, and the offset from UTC in whole
//     minutes, not the zone's name and never the monotonic clock; years 0 to
//     9999, others are refused. (Local mean times before zones existed have
//     seconds in their offset: use UTC for those, or the instant moves by
//     them.) Into any: JSON gives text; CBOR gives time.Time, and nil for the
//     zero time.
//   - Maps into any: map[string]any; other keys need a type that says so.
//   - NaN and infinities: CBOR alone.
//   - nil and empty slices and maps stay apart.
//
// A codec is safe for concurrent use, keeps nothing of what it is given, and
// Decode gives nothing that shares memory with its input.
//
// Errors say which type did not fit and hold no part of the value; the cause,
// which may quote it, is there for [errors.As].
package value
