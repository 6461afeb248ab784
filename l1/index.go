//go:build !wasm

package l1

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// cell is the place of a hash: ristretto judges it, the index finds it, and its
// entry can be changed at once. The fields but hash are written under the
// mutex of the hash's shard; those that are not atomic are read under it, too.
type cell struct {
	hash  uint64
	next  atomic.Pointer[cell] // of the same slot; stays when the cell is taken out, for readers that stand on it
	entry atomic.Pointer[Block]
	// decoded is a value made of an entry of this cell; that of another version
	// counts as none. It goes when the entry goes.
	decoded atomic.Pointer[decoded]
	// queued says that ristretto has yet to judge the cell, deletion that a
	// deletion stands before it in the queue.
	queued, deletion bool
}

const shards = 256

// shard is the writers' lock of every 256th slot.
type shard struct {
	// mu guards the cells of these slots, and all calls that change what
	// ristretto has of their hashes. It is taken before ristretto's own locks.
	mu      sync.Mutex
	closed  bool
	entries int64 // cells with an entry
	_       [40]byte
}

// index finds cells by hash. Readers take no lock: a slot is a chain of cells,
// which writers change under the shard's mutex.
type index struct {
	slots  []atomic.Pointer[cell]
	shards []shard

	decodedBytes atomic.Int64 // what decoded values count; written under the shards' mutexes
}

// newIndex has a slot for each of n cells or of half as many.
func newIndex(n int64) *index {
	return &index{slots: make([]atomic.Pointer[cell], max(floorPower(n), shards)), shards: make([]shard, shards)}
}

// floorPower is the greatest power of two that is not above n, for n > 0.
func floorPower(n int64) int64 { return 1 << (bits.Len64(uint64(n)) - 1) }

func (x *index) slot(hash uint64) *atomic.Pointer[cell] {
	return &x.slots[hash&uint64(len(x.slots)-1)]
}

func (x *index) shard(hash uint64) *shard { return &x.shards[hash%shards] }

// find returns the cell of hash, or nil.
func (x *index) find(hash uint64) *cell {
	cl := x.slot(hash).Load()
	for cl != nil && cl.hash != hash {
		cl = cl.next.Load()
	}
	return cl
}

// insertLocked puts cl with b where no other cell has its hash.
func (x *index) insertLocked(cl *cell, b *Block) {
	cl.entry.Store(b)
	slot := x.slot(cl.hash)
	cl.next.Store(slot.Load())
	slot.Store(cl)
	x.shard(cl.hash).entries++
}

// removeLocked takes cl out if it is there, and returns its entry, if any.
func (x *index) removeLocked(cl *cell) *Block {
	for at := x.slot(cl.hash); ; {
		here := at.Load()
		if here == nil {
			return nil
		}
		if here == cl {
			at.Store(cl.next.Load())
			return x.emptyLocked(cl)
		}
		at = &here.next
	}
}

// emptyLocked takes the entry out of cl, which is or was in the index, and
// returns it.
func (x *index) emptyLocked(cl *cell) *Block {
	b := cl.entry.Swap(nil)
	if b != nil {
		x.shard(cl.hash).entries--
	}
	x.undecodeLocked(cl)
	return b
}

// undecodeLocked drops the decoded value of cl, if there is one.
func (x *index) undecodeLocked(cl *cell) {
	if d := cl.decoded.Load(); d != nil {
		cl.decoded.Store(nil)
		x.decodedBytes.Add(-d.bytes)
	}
}

// close empties the index once nobody holds a shard's mutex, and lets writers
// know.
func (x *index) close() {
	for i := range x.shards {
		s := &x.shards[i]
		s.mu.Lock()
		s.closed, s.entries = true, 0
		for at := i; at < len(x.slots); at += shards {
			x.slots[at].Store(nil)
		}
		s.mu.Unlock()
	}
}

// entries is the number of cells with an entry.
func (x *index) entries() (n int64) {
	for i := range x.shards {
		s := &x.shards[i]
		s.mu.Lock()
		n += s.entries
		s.mu.Unlock()
	}
	return n
}
