// Package snapshot is the form in which a store's records travel: from a
// memory store under WebAssembly to a native one and back, and into whatever
// keeps a memory store over a restart.
//
// A snapshot is a row of blocks. Each says how long it is, so that a reader
// needs one at a time, and each is checked by itself. [Writer] makes them,
// [Reader] takes them in order and gives the records; both are small, hold no
// record, and import nothing heavy, because the WebAssembly reactor is built on
// them.
//
// # Format
//
// All integers are little endian. A block:
//
//	 0  u32  magic, "SnSt"
//	 4  u32  length of the body, at most [MaxBody]
//	 8  u32  crc32c of bytes 12 to 32 and of the body
//	12  u32  index of the block, from 0
//	16  u64  id of the snapshot: random, the same in all its blocks
//	24  u8   kind: 1 head, 2 records, 3 end
//	25       seven zero bytes
//	32       body
//
// The first block is the head, the last one the end; between them are blocks of
// records, in the order of their keys. Bodies:
//
//	head     u32 format, 1 · u32 zero · u64 last version of the store · i64 the
//	         store's time, unix milliseconds
//	records  at least one of: u32 key length · u32 frame length · key · frame
//	end      u64 number of records
//
// A frame is that of package codec, sealed: it holds value, deadline and
// version, and a checksum over them and the key.
//
// # Guarantees
//
// A snapshot is hostile until its end was read (P9): damage, a block that is
// missing, twice there, out of order or of another snapshot, and an end that
// does not come are errors. Nothing is allocated for what a length field says.
// The checksums find accidents, not forgers.
//
// # Errors
//
// All match [tier.ErrCorrupt], name block and offset, and hold no keys.
package snapshot
