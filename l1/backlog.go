//go:build !wasm

package l1

import "sync/atomic"

// maxBacklogItems is far below the 32,768 items of ristretto's queue: it never
// drops a Set, and its Del, which would wait for room, never waits.
const maxBacklogItems = 16384

// backlog bounds what is queued for ristretto's goroutine.
type backlog struct {
	items    atomic.Int64 // written by Fill and Drop and by ristretto's goroutine
	bytes    atomic.Int64 // likewise; of entries that the policy does not count yet
	maxBytes int64
}

// items is the number of the cell's items in ristretto's queue.
func (cl *cell) items() int64 {
	if cl.deletion {
		return 2
	}
	return 1
}

// reserve takes room for so much more; false: there is none. A single entry
// may be larger than maxBytes if no other waits.
func (b *backlog) reserve(items, size int64) bool {
	if b.items.Add(items) > maxBacklogItems {
		b.items.Add(-items)
		return false
	}
	if !b.grow(size) {
		b.items.Add(-items)
		return false
	}
	return true
}

// grow is reserve for an item that is queued already; size may be negative.
func (b *backlog) grow(size int64) bool {
	if total := b.bytes.Add(size); size > 0 && total > b.maxBytes && total != size {
		b.bytes.Add(-size)
		return false
	}
	return true
}

func (b *backlog) release(items, size int64) {
	b.items.Add(-items)
	b.bytes.Add(-size)
}

func (b *backlog) clear() {
	b.items.Store(0)
	b.bytes.Store(0)
}
