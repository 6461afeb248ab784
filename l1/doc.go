//go:build !wasm

// Package l1 is the tier in the process: the values that this process used
// lately, ready for use, with the proof of their freshness beside them.
//
//	c, err := l1.New(l1.Options{Bytes: 64 << 20})
//	c.Fill(hash, l1.Entry{Key: key, Value: value, Tag: generation, Deadline: deadline, Version: version})
//	b, hit := c.Get(hash, key, generation, now) // b.Value() is lent
//	c.Drop(hash)
//	c.Close()
//
// The caller computes the hash once per call: the store's own seeded 64-bit
// hash of the key.
//
// # Guarantees
//
//   - [Cache.Get] hits only if the full key equals, the tag equals and the
//     deadline is ahead. An equal hash of another key is a miss.
//   - Of one hash, Get gives what the last [Cache.Fill] brought, from the
//     moment at which Fill returns, or it misses; never what an earlier Fill
//     brought and never what was dropped, whatever the tags. An entry that
//     stands is kept against an older version of the same record.
//   - A miss may come at any time: the budget is kept by eviction, admission is
//     by frequency (TinyLFU), and under load fills are refused rather than
//     queued without limit. No call waits for the cache's own work.
//   - A hit allocates nothing.
//
// # The budget
//
// Options.Bytes is the memory that the cache shall take of the machine while its
// content turns over. What was replaced stays until the next collection, which
// comes when the heap has grown by GOGC percent: so with GOGC=100, read at New,
// half of the budget may live, and the other half is what the collector lets
// grow. What lives is counted whole: keys, values, the entries and the index,
// and ristretto's maps, counters and queue. (That queue of 256 KiB alone is more
// than a tiny budget; the fixed part is taken as a quarter of what may live at
// most.) Resident memory stays below 1.3 times the budget: it was 1.13 times at
// most, with values of 0 to 300,000 bytes that were filled as fast as they could
// be, on a machine whose processors others wanted, too. For that, large entries
// are refused while the heap of the process is longer than the collector means it
// to become: one fill in fifty, under such a load. (A process whose heap always
// is, by a memory limit too low for it, has no large ones.) What it cannot count:
// the callers' own garbage; entries that were evicted while a caller still holds
// them; and ristretto's maps, which never shrink, when many small entries gave way
// to few large ones.
//
// (Slabs outside of the collected heap, used again as entries leave, would need
// no such half. They were rejected: the bytes that a hit lends would then need
// a pin for as long as the caller looks at them, two more atomic operations on a
// line that all readers of the entry share, and one caller who looks for long
// would keep memory from being used again.)
//
// An entry is one piece of memory without pointers, and a cell of the index: the
// collector has two objects to mark and one to look into.
//
// # Concurrency
//
// All methods may be called at once, beside Close too. Get takes no lock, but
// for one call in eight, which ristretto counts under a read lock of its own,
// and for the first that meets an entry past its deadline, which removes it.
//
// # Ownership of bytes
//
// Fill copies key and value. A returned [Block] is lent without end and never
// written to again: it stays whole after eviction, replacement and Close, because
// readers may still hold it; builds with the tag invariants do not overwrite it
// either. Who hands bytes on to users copies them first, or lends them as
// read-only. What PutDecoded leaves is everybody's, and nobody's to change.
package l1
