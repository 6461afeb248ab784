package tiered_test

import (
	"math/rand/v2"
	"testing"
)

// TestCoherencePacking walks at random through every control's states and
// packs and unpacks all that it meets.
func TestCoherencePacking(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, ctl := range controls {
		for range 20 {
			c, s := newCoherence(ctl.protocol, ctl.scenario)
			for c.next = []modelState{s}; len(c.next) > 0 && c.wrong == ""; c.expand(s) {
				for _, n := range c.next {
					if got := n.pack().unpack(); got != n {
						t.Fatalf("%s: got %+v, want %+v", ctl.name, got, n)
					}
				}
				s = c.next[rng.IntN(len(c.next))]
			}
		}
	}
}
