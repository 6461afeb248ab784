//go:build !wasm

package l1

import (
	"math"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// stripe is one of the places where calls of Get are counted, so that
// goroutines seldom share a cache line.
type stripe struct {
	hits, misses, expired atomic.Uint64 // written by Get; the expired are misses, too
	// begun and ended count the calls of ristretto's Get.
	begun, ended atomic.Uint64
	_            [24]byte
}

const stripeBits = 6

type stripes [1 << stripeBits]stripe

// mine returns the stripe that the calling goroutine uses, by where its stack
// is. Any would do.
func (st *stripes) mine() *stripe {
	var here byte
	stack := uint64(uintptr(unsafe.Pointer(&here))) >> 11
	return &st[stack*mix>>(64-stripeBits)]
}

// mix, 2^64 divided by the golden ratio, spreads numbers by multiplication.
const mix = 0x9e3779b97f4a7c15

// One call in so many is told to ristretto's policy, whether it hit or not.
// (With Zipf-distributed keys, telling of one in 4 loses 0 to 0.7 % of the hits
// against telling of all, of one in 16 up to 2.3 %; a hit that is told of costs
// twice one that is not.)
const tellEvery = 8

// told reports whether the nth call is one of those. The choice is as good as
// random: by a mere multiple, keys that are asked for in turn would be told of
// always or never.
func told(n uint64) bool {
	n *= mix
	n ^= n >> 32
	n *= mix
	return n < math.MaxUint64/tellEvery
}

// quiet waits until every call of ristretto's Get has ended that did not see
// the cache closed. Ends are read before beginnings, so that a later call
// cannot stand in for an earlier one.
func (st *stripes) quiet() {
	for i := range st {
		for st[i].ended.Load() != st[i].begun.Load() {
			runtime.Gosched()
		}
	}
}
