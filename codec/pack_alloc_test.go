//go:build !race

// The race detector empties pools at random.

package codec_test

import (
	"testing"

	"github.com/stratakv/strata/codec"
)

func TestPackMakesNoGarbage(t *testing.T) {
	c := newCodec(t, codec.Options{})
	room := make([]byte, 0, 2000)
	for _, value := range [][]byte{random(1000), session(1000), []byte("short")} {
		c.Pack(room, value)
		if got := testing.AllocsPerRun(50, func() { c.Pack(room, value) }); got > 0.5 {
			t.Errorf("value of %d bytes: got %v allocations, want none", len(value), got)
		}
	}
}
