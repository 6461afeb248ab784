//go:build !wasm

package l1

import (
	"runtime/metrics"
	"sync"
	"sync/atomic"
)

// Entries from largeEntry up are refused while the heap is overrun, which is
// asked for once for askEvery bytes of them, and for each one while they are
// refused: that takes less than making it would. Smaller ones take so long to make,
// for their bytes, that a collection keeps up.
const (
	largeEntry = 4 << 10
	askEvery   = 256 << 10
)

// overrun knows whether the heap of the process is longer than its collector
// means it to become: then a collection, or its sweeping, is under way, and more
// is asked for meanwhile than is given back. What is made during a collection
// outlives it, and lets the next one come later by twice that; of large entries
// a hundred are made while a thread of the collector wakes.
type overrun struct {
	asked atomic.Int64 // bytes of large entries; written by Fill
	now   atomic.Bool  // written under mu

	// mu guards heap, which says how much is in use and how much is meant to be.
	// Nobody waits for it.
	mu   sync.Mutex
	heap func() (used, goal uint64)
}

// refuses reports whether an entry of so many bytes is better not made now.
func (o *overrun) refuses(size int64) bool {
	if size < largeEntry {
		return false
	}
	total := o.asked.Add(size)
	if (o.now.Load() || total/askEvery != (total-size)/askEvery) && o.mu.TryLock() {
		used, goal := o.heap()
		o.now.Store(used > goal)
		o.mu.Unlock()
	}
	return o.now.Load()
}

// runtimeHeap asks the runtime. It is not for concurrent use.
func runtimeHeap() func() (used, goal uint64) {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/goal:bytes"}}
	return func() (used, goal uint64) {
		metrics.Read(samples)
		return samples[0].Value.Uint64(), samples[1].Value.Uint64()
	}
}
