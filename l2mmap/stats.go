//go:build !wasm

package l2mmap

import (
	"runtime/debug"
	"sync/atomic"
)

// Stats is a snapshot. Counters are this process's own since Open; Entries and
// Bytes are what all processes share.
type Stats struct {
	Hits, Misses uint64
	Fills        uint64 // frames stored by Fill
	Refused      uint64 // fills that were not: the word moved, or the page was locked
	Evictions    uint64 // entries that made room before their deadline
	Expired      uint64 // entries that made room at or after it
	Torn         uint64 // copies dropped because a writer was in the page
	Faults       uint64 // reads that met damage
	Resets       uint64 // pages emptied because of damage or a dead holder
	Waits        uint64 // page locks that were not free at once

	Entries, Bytes, Limit int64
	Detached              string // why the page file is not used any more, "" while it is
}

// counts are one shard of the counters, alone in its cache lines.
type counts struct {
	hits, misses, fills, refused, evictions, expired, torn, faults, resets, waits atomic.Uint64

	_ [48]byte
}

// count gives the shard of page n, so that readers of different pages seldom
// share a cache line.
func (c *Cache) count(n int) *counts { return &c.counts[n%len(c.counts)] }

// Stats may be called at any time.
func (c *Cache) Stats() Stats {
	s := Stats{Limit: int64(c.geo.pages) * int64(c.geo.blocks) * blockBytes}
	for i := range c.counts {
		n := &c.counts[i]
		s.Hits += n.hits.Load()
		s.Misses += n.misses.Load()
		s.Fills += n.fills.Load()
		s.Refused += n.refused.Load()
		s.Evictions += n.evictions.Load()
		s.Expired += n.expired.Load()
		s.Torn += n.torn.Load()
		s.Faults += n.faults.Load()
		s.Resets += n.resets.Load()
		s.Waits += n.waits.Load()
	}
	if c.usable() == nil {
		s.Entries, s.Bytes = c.occupancy()
	}
	s.Detached = c.Detached()
	return s
}

// occupancy adds up what the pages say of themselves, each as of its own moment.
func (c *Cache) occupancy() (entries, bytes int64) {
	defer c.caught(debug.SetPanicOnFault(true))
	for n := range c.geo.pages {
		p := c.page(n)
		if p.m.load(atMagic) != pageMagic {
			continue
		}
		entries += int64(min(p.entries(), c.geo.blocks))
		bytes += int64(max(c.geo.blocks-p.free(), 0)) * blockBytes
	}
	return entries, bytes
}
