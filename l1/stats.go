//go:build !wasm

package l1

// Stats is a snapshot of a cache's counters, which start at New.
type Stats struct {
	Hits, Misses uint64 // answers of Get
	Expired      uint64 // of the misses, those by a deadline that had come
	Fills        uint64 // entries that Fill took
	Refused      uint64 // fills that were not taken, or that the policy turned away afterwards
	Evictions    uint64 // entries that gave way to others
	Entries      int64
	Bytes        int64 // of the limit, the fixed part included, and the share of what the collector lets grow
	Limit        int64 // Options.Bytes
}

// Stats returns the counters, each as of its own moment. It may be called after
// Close.
func (c *Cache) Stats() Stats {
	st := Stats{
		Fills:     c.fills.Load(),
		Refused:   c.refused.Load(),
		Evictions: c.evictions.Load(),
		Bytes:     c.counted(c.fixed() + c.backlog.bytes.Load() + c.decodedBytes.Load() + c.ristretto.MaxCost() - c.ristretto.RemainingCost()),
		Limit:     c.bytes,
		Entries:   c.entries(),
	}
	for i := range c.stripes {
		s := &c.stripes[i]
		st.Hits += s.hits.Load()
		st.Misses += s.misses.Load()
		st.Expired += s.expired.Load()
	}
	return st
}
