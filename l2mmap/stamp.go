//go:build !wasm

package l2mmap

import (
	"time"

	"github.com/stratakv/strata/tiered/tier"
)

// The control file holds the plan of the store's clock, so that all processes
// read the same time off the same boot clock. Its boot id is that of the
// binding.
//
//  1. Only the owner writes it. Its sequence is odd meanwhile, and grows with
//     each writing.
//  2. A reader takes a plan whose sequence was the same before and after, and
//     whose checksum fits; else there is none.

// ShareStamp makes s the clock's plan for all processes. It is for the owner.
func (c *Control) ShareStamp(s tier.Stamp) {
	c.guarded(func() {
		seq := c.mem.load(atClock) | 1 // a dead owner's may be odd
		c.mem.store(atClock, seq)
		words := stampWords(s)
		for i, w := range words {
			c.mem.store(atPlan+8*i, w)
		}
		c.mem.store(atPlanSum, stampSum(words))
		c.mem.store(atClock, seq+1)
	})
}

// SharedStamp is the clock's plan, without its boot id, and the number of its
// writing. ok is false if there is none that is whole.
func (c *Control) SharedStamp() (s tier.Stamp, number uint64, ok bool) {
	c.guarded(func() {
		number = c.mem.load(atClock)
		var words [4]uint64
		for i := range words {
			words[i] = c.mem.load(atPlan + 8*i)
		}
		sum := c.mem.load(atPlanSum)
		if number == 0 || number&1 != 0 || c.mem.load(atClock) != number || sum != stampSum(words) {
			return
		}
		s, ok = tier.Stamp{
			Store: int64(words[0]), Boot: time.Duration(words[1]),
			Slew: time.Duration(words[2]), SlewFrom: time.Duration(words[3]),
		}, true
	})
	return s, number, ok
}

// StampNumber is the number of the last writing of the clock's plan: while it
// stays the same, so does the plan.
func (c *Control) StampNumber() (number uint64) {
	c.guarded(func() { number = c.mem.load(atClock) })
	return number
}

func stampWords(s tier.Stamp) [4]uint64 {
	return [4]uint64{uint64(s.Store), uint64(s.Boot), uint64(s.Slew), uint64(s.SlewFrom)}
}

func stampSum(words [4]uint64) uint64 {
	sum := uint64(controlMagic)
	for _, w := range words {
		sum = mix(sum, w)
	}
	return sum
}
