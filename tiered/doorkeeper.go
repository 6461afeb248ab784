//go:build !wasm

package tiered

import "sync/atomic"

// doorkeeper remembers which keys were read from the truth lately. A cache that
// is full takes a key's copy only when the key is met again: what is read once,
// as by a crawler or a pass over all keys, costs nobody his place, and the read
// not the work of filling. While a cache has room, and for what is written
// through to L2, nobody asks it.
//
//  1. It is a hint: of two readers at the same time, one may go unnoticed, and one
//     key in some 16,000 is taken for another.
//  2. It takes 2 bytes for each key that it remembers, of a fixed number, and
//     forgets the oldest of a slot's four for each new one: nothing ages it but
//     use.
type doorkeeper struct {
	// slots hold four marks of 16 bits each, the latest in the lowest. Written
	// by readers.
	slots []atomic.Uint64
}

const (
	// bytesPerMark: one key is remembered for so many bytes of the caches, for
	// about as long as an entry of theirs stays.
	bytesPerMark = 512
	minDoorSlots = 64
	maxDoorSlots = 1 << 22 // 32 MiB
)

// newDoorkeeper is for caches of so many bytes.
func newDoorkeeper(bytes int64) doorkeeper {
	n := minDoorSlots
	for n < maxDoorSlots && int64(n)*4*bytesPerMark < bytes {
		n *= 2
	}
	return doorkeeper{slots: make([]atomic.Uint64, n)}
}

// again reports whether the key of hash was met lately, and meets it.
func (d *doorkeeper) again(hash uint64) bool {
	slot, mark := d.place(hash)
	marks := slot.Load()
	if holds(marks, mark) {
		return true
	}
	slot.CompareAndSwap(marks, marks<<16|mark)
	return false
}

// met reports whether the key of hash was met lately. It is no meeting.
func (d *doorkeeper) met(hash uint64) bool {
	slot, mark := d.place(hash)
	return holds(slot.Load(), mark)
}

// place is a key's slot, and its mark there.
func (d *doorkeeper) place(hash uint64) (*atomic.Uint64, uint64) {
	return &d.slots[hash>>16&uint64(len(d.slots)-1)], hash&0xffff | 1 // 0 stands for none
}

func holds(marks, mark uint64) bool {
	for ; marks != 0; marks >>= 16 {
		if marks&0xffff == mark {
			return true
		}
	}
	return false
}
