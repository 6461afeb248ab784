//go:build !wasm

package l1

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/ristretto/v2"
)

// Options are the settings of a [Cache].
type Options struct {
	// Bytes is the memory that the cache may keep, above 0.
	Bytes int64
}

// Cache keeps entries by hash. Ristretto decides what is worth keeping, within
// the budget; the cache's own index says what there is. Its methods are safe
// for concurrent use.
//
// The index is there because ristretto judges sets and deletions later, in a
// goroutine of its own, in the order of its queue, and of two sets of an absent
// key keeps the first. So its values are cells, and:
//
//  1. A hash has at most one cell in the index, and what Get finds is the entry
//     in that cell. A cell is in the index from the Fill that made it until it
//     is replaced or deleted, which needs room in the queue (without, it is
//     emptied), or until its rejection or eviction is known.
//  2. Ristretto never updates: before a second cell of a hash is queued, the
//     first is rejected or evicted, or its deletion is queued. A refill of equal
//     size, or of a cell that is still queued, changes the entry in place; any
//     other goes through the policy again, because ristretto's update would
//     grow the cache without evicting.
//  3. The backlog keeps ristretto's queue from ever being full.
//
// Get asks the index alone and tells ristretto of one call in eight: TinyLFU
// compares frequencies, for which a sample is enough, and ristretto's Get would
// take longer than all the rest.
//
// Ristretto's Close races with its Get and Set. So its Get is called between
// two counters of a stripe and not once closed is set, all else under the
// shard's mutex and not once the shard is closed.
type Cache struct {
	limits
	*index
	ristretto *ristretto.Cache[uint64, *cell]
	stripes   *stripes
	backlog   *backlog
	overrun   *overrun
	closed    atomic.Bool // written by Close
	closing   sync.Once

	_ [64]byte // what follows is written often

	fills, refused, evictions atomic.Uint64 // written by Fill and by ristretto's goroutine
	room                      room
}

// New returns an empty cache, which holds goroutines until Close. Error:
// opts.Bytes is not above 0.
func New(opts Options) (*Cache, error) {
	if opts.Bytes <= 0 {
		return nil, errors.New("l1: Bytes must be above 0")
	}
	l := newLimits(opts.Bytes)
	c := &Cache{
		limits:  l,
		index:   newIndex(l.indexSlots),
		stripes: new(stripes),
		backlog: &backlog{maxBytes: l.backlogBytes},
		overrun: &overrun{heap: runtimeHeap()},
	}
	r, err := ristretto.NewCache(c.config())
	if err != nil {
		return nil, err
	}
	c.ristretto = r
	return c, nil
}

// Get lends the entry of key if its tag is tag and its deadline is ahead. hash
// is key's. now gives unix milliseconds; it is asked only about an entry that has
// a deadline.
func (c *Cache) Get(hash uint64, key string, tag uint64, now func() int64) (*Block, bool) {
	_, b := c.hit(hash, key, tag, now)
	return b, b != nil
}

// hit finds, judges and counts; b is nil for a miss.
func (c *Cache) hit(hash uint64, key string, tag uint64, now func() int64) (*cell, *Block) {
	st := c.stripes.mine()
	if cl := c.find(hash); cl != nil {
		b := cl.entry.Load()
		if b != nil && b.tag == tag && b.Key() == key {
			if b.deadline == 0 || b.deadline > now() {
				if told(st.hits.Add(1)) {
					c.tell(st, hash)
				}
				return cl, b
			}
			st.expired.Add(1)
			c.expire(hash, b)
		}
	}
	if told(st.misses.Add(1)) {
		c.tell(st, hash)
	}
	return nil, nil
}

// tell makes ristretto count a use of hash.
func (c *Cache) tell(st *stripe, hash uint64) {
	st.begun.Add(1)
	if !c.closed.Load() {
		c.ristretto.Get(hash)
	}
	st.ended.Add(1)
}

// expire removes b, whose deadline has come, if it still stands.
func (c *Cache) expire(hash uint64, b *Block) {
	s := c.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if cl := c.find(hash); cl != nil && cl.entry.Load() == b && !s.closed {
		c.dropLocked(cl)
	}
}

// Fill makes a copy of e what Get finds under hash, the hash of e.Key. The fill
// is refused, and another entry that stood before is gone, if e is too large or
// too much is queued; it is refused, and the entry stays, if that is a later one
// of the same key by version and tag.
func (c *Cache) Fill(hash uint64, e Entry) {
	var b *Block
	if size := e.size(); size <= c.maxEntry && !c.overrun.refuses(size) {
		b = newBlock(&e) // outside the lock
	}
	s := c.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if c.fillLocked(hash, &e, b) {
		c.fills.Add(1)
		return
	}
	c.refused.Add(1)
}

// fillLocked puts b, the copy of e, or nil if that is too large. It returns false
// if e is refused.
func (c *Cache) fillLocked(hash uint64, e *Entry, b *Block) bool {
	cl := c.find(hash)
	var old *Block
	if cl != nil {
		old = cl.entry.Load()
	}
	switch {
	case old != nil && old.outdates(e):
		return false
	case b == nil && old != nil && old.copies(e):
		return false
	case b == nil:
		c.dropLocked(cl)
		return false
	case old == nil:
		return c.queueLocked(hash, cl, b)
	case b.size() == old.size():
		c.replaceLocked(cl, b)
		return true
	case !cl.queued:
		return c.queueLocked(hash, cl, b)
	case c.backlog.grow(b.size() - old.size()):
		c.replaceLocked(cl, b)
		return true
	}
	c.dropLocked(cl)
	return false
}

// replaceLocked changes the entry of cl in place.
func (c *Cache) replaceLocked(cl *cell, b *Block) {
	if d := cl.decoded.Load(); d != nil && d.version != b.version {
		c.undecodeLocked(cl)
	}
	cl.entry.Store(b)
}

// Drop removes what there is under hash.
func (c *Cache) Drop(hash uint64) {
	s := c.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if cl := c.find(hash); cl != nil && !s.closed {
		c.dropLocked(cl)
	}
}

// dropLocked removes the entry of cl, which is in the index or nil.
func (c *Cache) dropLocked(cl *cell) {
	if cl == nil {
		return
	}
	if cl.queued {
		c.backlog.grow(-c.removeLocked(cl).size())
		return
	}
	c.queueLocked(cl.hash, cl, nil)
}

// queueLocked replaces old, the cell of the hash or nil, by a new one with b,
// and hands that to ristretto behind the deletion of old (invariant 2). With b
// nil the new cell only marks the end of the deletion for the backlog: it is
// not in the index, and will be rejected. If too much is queued it returns
// false and leaves old empty in its place, for as long as ristretto has it.
func (c *Cache) queueLocked(hash uint64, old *cell, b *Block) bool {
	if old != nil {
		c.emptyLocked(old)
	}
	cl := &cell{hash: hash, queued: true, deletion: old != nil}
	var size int64
	if b != nil {
		size = b.size()
	}
	if !c.backlog.reserve(cl.items(), size) {
		return false
	}
	if old != nil {
		c.removeLocked(old)
		c.ristretto.Del(hash)
	}
	if b != nil {
		c.insertLocked(cl, b)
	}
	if c.ristretto.Set(hash, cl, 0) {
		return true
	}
	c.removeLocked(cl)
	c.backlog.release(cl.items(), size)
	return false
}

// Close empties the cache and ends its goroutines; from then on Get misses and
// the other methods do nothing. It waits for calls that are under way, and may
// be called again.
func (c *Cache) Close() {
	c.closing.Do(func() {
		c.index.close()
		c.closed.Store(true)
		c.stripes.quiet()
		c.ristretto.Close()
		c.backlog.clear()
	})
}
