//go:build !wasm

package l1

import (
	"runtime/metrics"
	"sync/atomic"
	"unsafe"

	"github.com/dgraph-io/ristretto/v2"
)

const (
	// fixedBytes are ristretto's queue of 32,768 pointers, its 256 maps when
	// they hold little, and the shards.
	fixedBytes = 512 << 10
	// bytesPerCounter is what ristretto takes for each counter: four of 4 bits
	// and 16 bits of a Bloom filter.
	bytesPerCounter = 4
	bytesPerSlot    = int64(unsafe.Sizeof(atomic.Pointer[cell]{}))
	// One counter for so many bytes of the budget, or for twice as many, since
	// their number is a power of two: 3 to 6 % of the budget, and 2 to 4
	// counters for each of the smallest entries, 10 to 20 for those of 1 KiB.
	budgetPerCounter = 64
	minCounters      = 128
	// One slot of the index for so many bytes, or for twice as many: chains of
	// three cells with the smallest entries at most.
	budgetPerSlot = 512
	// never is a period, in seconds, of ristretto's ticker: it looks for
	// deadlines of its own, and there are none.
	never = 1 << 30
)

// limits are the parts of a budget.
type limits struct {
	bytes        int64 // the whole
	live         int64 // what may live at once; all below are parts of it
	counters     int64 // number of frequency counters
	indexSlots   int64
	backlogBytes int64 // of what is queued
	maxCost      int64 // of what ristretto's policy counts
	maxEntry     int64 // of one entry
}

func newLimits(budget int64) limits {
	live := liveShare(budget, collectorPercent())
	l := limits{bytes: budget, live: live, backlogBytes: live / 16}
	l.counters = floorPower(max(live/budgetPerCounter, minCounters))
	l.indexSlots = floorPower(max(live/budgetPerSlot, shards))
	l.maxCost = max(live-l.fixed()-l.backlogBytes, 1)
	l.maxEntry = l.maxCost / 8
	return l
}

// fixed is the part of the budget that does not depend on what is kept.
func (l limits) fixed() int64 {
	return min(fixedBytes+l.counters*bytesPerCounter+l.indexSlots*bytesPerSlot, l.live/4)
}

// counted is what live bytes count against the budget: with what the collector
// lets grow beside them.
func (l limits) counted(live int64) int64 {
	return int64(float64(live) * (float64(l.bytes) / float64(l.live)))
}

// liveShare is how much of a budget may live at once. While the content turns
// over, what was replaced stays in memory until the next collection, which comes
// when the heap has grown by percent of what lives: so what lives, and that
// growth, are to be within the budget.
func liveShare(budget, percent int64) int64 {
	return max(int64(float64(budget)/(1+float64(percent)/100)), 1)
}

// collectorPercent is GOGC. Where it is switched off a memory limit bounds the
// heap whatever lives, and 0 stands for that.
func collectorPercent() int64 {
	sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 || sample[0].Value.Uint64() > 10_000 {
		return 0
	}
	return int64(sample[0].Value.Uint64())
}

// config: the costs are whole (IgnoreInternalCost: ristretto would add its
// map's slot once more) and found when a cell's turn comes (Cost), the hash is
// ready, metrics are the stripes', and Set never updates (invariant 2).
func (c *Cache) config() *ristretto.Config[uint64, *cell] {
	return &ristretto.Config[uint64, *cell]{
		NumCounters:            c.counters,
		MaxCost:                c.maxCost,
		BufferItems:            64,
		IgnoreInternalCost:     true,
		TtlTickerDurationInSec: never,
		KeyToHash:              func(hash uint64) (uint64, uint64) { return hash, 0 },
		ShouldUpdate:           func(_, _ *cell) bool { return false },
		Cost:                   c.cost,
		OnReject:               c.onReject,
		OnEvict:                c.onEvict,
	}
}

// cost is called by ristretto's goroutine when the turn of cl has come. What
// decoded values take is not ristretto's to give: they make its share smaller.
func (c *Cache) cost(cl *cell) int64 {
	c.ristretto.UpdateMaxCost(c.maxCost - c.decodedBytes.Load())
	s := c.shard(cl.hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	cl.queued = false
	b := cl.entry.Load()
	if b == nil {
		c.backlog.release(cl.items(), 0)
		return c.maxCost + 1 // is rejected
	}
	size := b.size()
	c.backlog.release(cl.items(), size)
	return size
}

// onReject is called by ristretto's goroutine, behind cost, if the policy does
// not want the cell.
func (c *Cache) onReject(item *ristretto.Item[*cell]) {
	if c.forget(item.Value) {
		c.refused.Add(1)
		c.room.gone()
	}
}

// onEvict is called by ristretto's goroutine when it no longer has the cell,
// and by its Close for all that there is, and for deletions without a cell.
func (c *Cache) onEvict(item *ristretto.Item[*cell]) {
	if item.Value != nil && c.forget(item.Value) {
		c.evictions.Add(1)
		c.room.gone()
	}
}

// forget takes cl out of the index, and returns false if it had no entry there.
func (c *Cache) forget(cl *cell) bool {
	s := c.shard(cl.hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.closed && c.removeLocked(cl) != nil
}
