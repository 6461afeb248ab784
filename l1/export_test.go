//go:build !wasm

package l1

// Settle waits until ristretto has decided about all that was queued.
func (c *Cache) Settle() { c.ristretto.Wait() }

// Backlog is the number of items in ristretto's queue, and their bytes.
func (c *Cache) Backlog() (items, bytes int64) {
	return c.backlog.items.Load(), c.backlog.bytes.Load()
}

// Kept is the number of cells with an entry that ristretto has.
func (c *Cache) Kept() (n int64) {
	c.ristretto.IterValues(func(cl *cell) bool {
		if cl.entry.Load() != nil && c.find(cl.hash) == cl {
			n++
		}
		return false
	})
	return n
}

// Size is the memory that e takes.
func Size(e Entry) int64 { return e.size() }

// LiveShare is how many bytes of a budget may live at once.
func LiveShare(budget int64) int64 { return newLimits(budget).live }

// LiveShareOf is LiveShare where GOGC is percent.
func LiveShareOf(budget, percent int64) int64 { return liveShare(budget, percent) }

// Counted is what so many bytes of entries count against the budget.
func (c *Cache) Counted(bytes int64) int64 { return c.counted(bytes) }

// DecodedBytes is what decoded values count.
func (c *Cache) DecodedBytes() int64 { return c.decodedBytes.Load() }

const MaxBacklogItems = maxBacklogItems

// Stall stops ristretto's goroutine until release is called. The shard of hash
// is locked meanwhile; its key is to be used by nobody else.
func (c *Cache) Stall(hash uint64, e Entry) (release func()) {
	s := c.shard(hash)
	s.mu.Lock()
	if !c.fillLocked(hash, &e, newBlock(&e)) {
		panic("no room to stall")
	}
	return s.mu.Unlock
}

// SameShard reports whether the two hashes have the same lock.
func (c *Cache) SameShard(a, b uint64) bool { return c.shard(a) == c.shard(b) }

// Inside counts a Get as being in ristretto until leave is called.
func (c *Cache) Inside() (leave func()) {
	st := c.stripes.mine()
	st.begun.Add(1)
	return func() { st.ended.Add(1) }
}

// Closing reports whether Close has begun to wait for Get.
func (c *Cache) Closing() bool { return c.closed.Load() }

// HeapBytes is the memory that the allocator takes for an object of n bytes.
func HeapBytes(n int64) int64 { return heapBytes(n) }

// HeapIs has the cache believe that so many bytes of the heap are in use, and
// so many meant to be.
func (c *Cache) HeapIs(used, goal uint64) {
	c.overrun.mu.Lock()
	defer c.overrun.mu.Unlock()
	c.overrun.heap = func() (uint64, uint64) { return used, goal }
}

const (
	LargeEntry = largeEntry
	AskEvery   = askEvery
)
