//go:build !wasm

package tiered_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stratakv/strata/tiered"
)

func TestDoorkeeperMeetsTwice(t *testing.T) {
	const bytes = 1 << 20 // remembers 2048 keys
	d := tiered.NewDoorkeeper(bytes)
	rng := rand.New(rand.NewPCG(1, 2))
	known, forgotten := 0, 0
	for range 1000 {
		hash := rng.Uint64()
		if d.Again(hash) {
			known++
		}
		if !d.Again(hash) {
			t.Fatal("met twice in a row, and not known")
		}
	}
	if known > 10 {
		t.Errorf("got %d of 1000 new keys taken for others", known)
	}
	first := rng.Uint64()
	d.Again(first)
	for range 100_000 {
		d.Again(rng.Uint64())
	}
	if d.Again(first) {
		forgotten++
	}
	if forgotten != 0 {
		t.Error("a key is known after 100,000 others, want it forgotten")
	}
}
