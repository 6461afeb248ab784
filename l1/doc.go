//go:build !wasm

// Package l1 is the tier in the process: the values that this process used
// lately, ready for use, with the proof of their freshness beside them.
//
//	c, err := l1.New(l1.Options{Bytes: 64 << 20})
//	c.Fill(hash, l1.Entry{Key: key, Value: value, Tag: generation, Deadline: deadline, Version: version})
//	e, hit := c.Get(hash, key, generation, now)
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
// Options.Bytes counts everything that lives: keys, values by their capacity,
// the entries and the index, and ristretto's maps, counters and queue. (That
// queue of 256 KiB alone is more than a tiny budget; the fixed part is taken as
// a quarter of the budget at most.) What it cannot count: the process's own
// garbage collector lets the heap grow further (GOGC: with 100, resident memory
// tends to 1.3 to 2.2 times the budget when the content keeps turning over);
// entries that were evicted while a caller still holds them; and ristretto's
// maps, which never shrink, when many small entries gave way to few large ones.
//
// # Concurrency
//
// All methods may be called at once, beside Close too. Get takes no lock, but
// for one call in eight, which ristretto counts under a read lock of its own,
// and for the first that meets an entry past its deadline, which removes it.
//
// # Ownership of bytes
//
// The cache owns Entry.Value from Fill on: nobody may write to it, or to the
// memory behind it, any more. The key is copied. A returned [Entry] is lent
// without end and never written to again: it stays whole after eviction,
// replacement and Close, because readers may still hold it; builds with the tag
// invariants do not overwrite it either. Who hands bytes on to users copies
// them first, or lends them as read-only.
package l1
