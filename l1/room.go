//go:build !wasm

package l1

import "sync/atomic"

// room knows whether the cache is full: since an entry had to give way, until
// much is found free again.
type room struct {
	full  atomic.Bool   // written by ristretto's goroutine and by Wants
	asked atomic.Uint64 // written by Wants while full
}

// lookEvery is how many times Wants answers by what is known before it looks
// again: that needs the policy's lock.
const lookEvery = 1024

func (r *room) gone() { r.full.Store(true) }

// Wants reports whether a [Cache.Fill] under hash costs no other entry its
// place: there is an entry of that hash already, or room. It is a hint for those
// who would rather not fill than drive out what is in use.
func (c *Cache) Wants(hash uint64) bool {
	if !c.room.full.Load() || c.find(hash) != nil {
		return true
	}
	if c.room.asked.Add(1)%lookEvery == 0 && c.ristretto.RemainingCost() > c.maxCost/16 {
		c.room.full.Store(false)
		return true
	}
	return false
}
