// Package codec turns values into frames, the form in which a record is kept,
// and back. A frame holds its own deadline, version, lengths and checksums, so
// that every tier and the journal can store it as it is.
//
// The way of a value: [Codec.Encode] makes an unsealed frame in the caller's
// goroutine; the committer, which alone knows version and deadline, completes
// it with [Seal]; [Head] reads what a tier needs to know of it; [Codec.Decode]
// gives the value back.
//
// # Format
//
// All integers are little endian.
//
//	 0  u8   format, 1
//	 1  u8   flags; bit 0: the body is one or more zstd frames
//	 2  u16  zero
//	 4  u32  dictionary id, 0: none; others are reserved, and only with zstd
//	 8  i64  deadline in unix milliseconds, 0: never
//	16  u64  version, from 1
//	24  u32  raw length: the value's length, at most [MaxValue]
//	28  u32  crc32c of the body as stored
//	32  u32  crc32c of bytes 0..32, then of the key
//	36       body: the value, or its zstd form, which is always shorter
//
// # Guarantees
//
//   - A frame is hostile until it is checked (P9): damage at any byte, a
//     truncation, another record's frame under this key, and a body that does
//     not give exactly the raw length are errors, never a wrong value and never
//     a panic.
//   - Decoding is bounded (P10): the raw length is checked against the limit
//     before anything is allocated, and a body may not decode to more.
//   - The bytes returned are the caller's own (P7).
//
// # Dictionaries
//
// Short values shrink only with a dictionary, which package train makes. A
// frame names the one that it needs, and is refused where that is not known.
// [Options.Dictionaries] are known from the beginning, [Codec.Add] makes one
// known at any time, and [Codec.EncodeWith] compresses with it. A dictionary is
// to be kept where it will be found before the first frame that names it: that
// is the caller's part.
//
// # Encoders
//
// Values below 16 KiB are compressed, at Level 1 or with a dictionary, by an
// encoder of this package, which builds no entropy tables: a general one spends
// most of such a call on them. Without a dictionary it leaves those values to
// the general one whose literals are worth a table. Both write zstd's own form.
//
// The checksums find accidents, not forgers: crc32c has no key.
//
// # Concurrency
//
// A [Codec] is safe for concurrent use, starts no goroutine and needs no
// Close. Its coders are made when first needed, so that a store which never
// compresses does not pay for them.
//
// # Builds
//
// The build tag nozstd leaves zstd out, for a small WebAssembly module: values
// are then stored as they are, and a zstd frame is refused. Under WebAssembly
// the general encoder alone compresses.
//
// # Errors
//
// All errors about a frame match [tier.ErrCorrupt] and name the offset in the
// frame; none holds a key or a value. [ErrDictionary] is Add's.
package codec
