//go:build !wasm

package l3bolt

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTimersListAllThatIsDue compares timers with a map, over random additions
// and walks that keep some, pass over others and end early.
func TestTimersListAllThatIsDue(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	var tm timers
	want := map[string]uint64{}
	for step := range 3000 {
		if key := fmt.Sprint(rng.IntN(500)); rng.IntN(8) > 0 {
			want[key] = rng.Uint64N(60)
			tm.add(want[key], key)
			continue
		}
		bound, most := rng.Uint64N(70), 1+rng.IntN(100)
		met := map[string]bool{}
		tm.due(bound, func(slot uint64, key string) (keep, more bool) {
			if at, ok := want[key]; !ok || at != slot {
				return false, true // has left
			}
			met[key] = true
			if rng.IntN(4) == 0 {
				delete(want, key)
				return false, len(met) < most
			}
			return true, len(met) < most
		})
		missed := 0
		for key, slot := range want {
			if slot <= bound && !met[key] {
				missed++
			}
		}
		if missed > 0 && len(met) < most {
			t.Fatalf("seed %d, step %d: %d keys were not met, and %d were, at most %d", seed, step, missed, len(met), most)
		}
		first, ok := tm.first()
		if least, any := leastOf(want); any && (!ok || first > least) {
			t.Fatalf("seed %d, step %d: first is %d, %t; want at most %d", seed, step, first, ok, least)
		}
	}
}

func leastOf(slots map[string]uint64) (uint64, bool) {
	all := slices.Sorted(maps.Values(slots))
	if len(all) == 0 {
		return 0, false
	}
	return all[0], true
}
