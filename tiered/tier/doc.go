// Package tier holds the words that the parts of strata share: the record and
// its operations, the sentinel errors, the clock, and the small interfaces
// that the parts fulfil. It is a leaf: it imports nothing of this module, and
// neither slog nor a value codec, because the WebAssembly reactor is built on
// it.
//
// # The parts
//
//   - [Durable] keeps records: l3bolt on disk, l3mem in memory.
//   - [Authority] orders and judges writes: the committer of package tiered,
//     over one Durable.
//
// The conformance suite of Durable is package tiered/tiertest.
//
// # Ownership of bytes
//
// A frame that goes into a Durable or an Authority belongs to it from the call
// on. A frame that comes out is heap memory that nobody changes any more:
// callers may keep it, and must not write to it. Nothing that points into a
// mapping or a transaction ever leaves a part.
package tier
