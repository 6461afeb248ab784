// Package l3mem keeps records in memory: a [tier.Durable] for hosts without
// files, such as WebAssembly, and for tests. Nothing survives the process.
//
//	s, err := l3mem.New(&l3mem.Options{MaxBytes: 32 << 20})
//
// # Guarantees
//
// The store takes Options.MaxBytes once, in New, and never more: records,
// their indexes and their bookkeeping all lie inside. What does not fit is
// [tier.ErrFull] and changes nothing, or evicts others if Options.Evict says
// so. Whether a group fits depends on the sizes of the records alone, not on
// what was stored before: there is no fragmentation, nothing is compacted and
// no table is ever rebuilt, so that no call is long because of those before it.
// A removal, a new deadline, and a value that is not longer than the one it
// replaces fit always.
//
// A record takes its key, its frame and 48 bytes (56 with Evict), rounded up
// to blocks of 60, each of which takes 65 bytes of MaxBytes.
//
// There is no goroutine, no timer and no file, and no clock: deadlines are the
// authority's, which asks [Store.Due] and commits the removals.
//
// # Concurrency
//
// All methods are safe for concurrent use. Reads run beside each other; a
// Commit runs alone.
//
// # Ownership
//
// Frames are copied in and copied out. Nothing points into the store's memory.
//
// # Errors
//
// [tier.ErrFull] as above, [tier.ErrTooLarge] for a key of more than 65,535
// bytes or a frame of 4 GiB, [tier.ErrClosed] after Close. There are no others.
package l3mem
