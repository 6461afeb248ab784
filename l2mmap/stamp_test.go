//go:build !wasm

package l2mmap_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stratakv/strata/l2mmap"
	"github.com/stratakv/strata/tiered/tier"
)

// TestSharedStamp: what the owner shares is what another process reads; half a
// writing and a flipped bit are none.
func TestSharedStamp(t *testing.T) {
	c := l2mmap.NewControl(controlOptions())
	other := c.Another()
	if _, _, ok := other.SharedStamp(); ok {
		t.Error("before the first: got one")
	}
	want := tier.Stamp{Store: 1 << 60, Boot: time.Hour, Slew: -time.Minute, SlewFrom: time.Hour + time.Second}
	c.ShareStamp(want)
	got, number, ok := other.SharedStamp()
	if !ok || got != want || number != other.StampNumber() {
		t.Errorf("got %+v, number %d, %v; want %+v, number %d", got, number, ok, want, other.StampNumber())
	}
	word := c.Memory()[l2mmap.ControlClockAt:][:8]
	binary.LittleEndian.PutUint64(word, number+1)
	if _, _, ok := other.SharedStamp(); ok {
		t.Error("in the middle of a writing: got one")
	}
	c.ShareStamp(want) // by the owner after one that died there
	if _, n, ok := other.SharedStamp(); !ok || n <= number {
		t.Errorf("the next owner's: got number %d, %v; want more than %d", n, ok, number)
	}
	for at := l2mmap.ControlClockAt + 8; at < l2mmap.ControlStateEnd; at++ {
		c.Memory()[at] ^= 4
		if s, _, ok := other.SharedStamp(); ok {
			t.Errorf("byte %d flipped: got %+v", at, s)
		}
		c.Memory()[at] ^= 4
	}
}
