//go:build !wasm

package tiered_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stratakv/strata/tiered"
)

// TestWritesAloneDoNotFillAFullL1: what is written and not read takes no place in
// an L1 that is full; what L1 has is brought up to date.
func TestWritesAloneDoNotFillAFullL1(t *testing.T) {
	ctx := context.Background()
	s, err := tiered.Open(t.TempDir(), &tiered.Options{L1Bytes: 1 << 20, SharedDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	value := make([]byte, 1000)
	next := 0
	write := func(n int) (fills uint64) {
		before := s.Stats().L1
		var wg sync.WaitGroup
		for i := range n {
			key := fmt.Sprint("key", next+i)
			wg.Go(func() {
				if err := s.Set(ctx, key, value, 0); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		next += n
		after := s.Stats().L1
		return after.Fills + after.Refused - before.Fills - before.Refused
	}
	for full := 0; full < 3; { // it is known a little later
		if write(500) < 100 {
			full++
		}
		if next > 50_000 {
			t.Fatal("writes fill L1 as if it were never full")
		}
	}
	for range 2 {
		if _, err := s.Get(ctx, "key1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Set(ctx, "key1", value[:500], 0); err != nil {
		t.Fatal(err)
	}
	it, err := s.GetItem(ctx, "key1")
	if err != nil || len(it.Value) != 500 || it.Tier != tiered.TierL1 {
		t.Errorf("got %d bytes of tier %v (%v) after a write of what was read, want 500 of l1", len(it.Value), it.Tier, err)
	}
}
