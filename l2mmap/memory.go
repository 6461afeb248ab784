//go:build !wasm

package l2mmap

import (
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// memory is a piece of a mapping, or of the heap, whose first byte is 8-byte
// aligned. Offsets are in bytes and, but for copies, multiples of 8.
//
//  1. Words that processes agree by (sequence, lock, coherence words) are only
//     touched by atomic operations.
//  2. Everything else is written under a page's lock with put and copyIn, and
//     read with load and copyOut by whoever checks the sequence afterwards.
//  3. A number that was loaded is untrusted: it is loaded once into a local,
//     checked, and then used. Every access is bounds-checked by Go as well.
type memory []byte

// newMemory gives size bytes of heap, aligned.
func newMemory(size int) memory {
	words := make([]uint64, (size+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), size)
}

func (m memory) at(off int) *uint64 { return (*uint64)(unsafe.Pointer(&m[off : off+8][0])) }

func (m memory) load(off int) uint64          { return atomic.LoadUint64(m.at(off)) }
func (m memory) store(off int, v uint64)      { atomic.StoreUint64(m.at(off), v) }
func (m memory) add(off int, v uint64) uint64 { return atomic.AddUint64(m.at(off), v) }
func (m memory) swap(off int, old, v uint64) bool {
	return atomic.CompareAndSwapUint64(m.at(off), old, v)
}

// zero reports whether the words of [at, end) are all 0.
func (m memory) zero(at, end int) bool {
	for ; at < end; at += 8 {
		if m.load(at) != 0 {
			return false
		}
	}
	return true
}

// contains reports whether addr lies in m.
func (m memory) contains(addr uintptr) bool {
	first := uintptr(unsafe.Pointer(unsafe.SliceData(m)))
	return addr >= first && addr-first < uintptr(len(m))
}

// mix is a keyed hash of one word, strong enough against damage, not against
// an attacker with write access: such a one is inside the trust domain.
func mix(key, v uint64) uint64 {
	hi, lo := bits.Mul64(key^0x9e3779b97f4a7c15, v^0xd6e8feb86659fd93)
	return hi ^ lo
}

// littleEndian: files are written in the host's order, and only tested in this
// one.
func littleEndian() bool {
	one := uint16(1)
	return *(*byte)(unsafe.Pointer(&one)) == 1
}
