//go:build !wasm

package tiered_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
)

// TestGroupGathersThoseOnTheirWay: a group waits for callers that are on their
// way, for half of them, for no longer than it is allowed, and never for few or nobody.
func TestGroupGathersThoseOnTheirWay(t *testing.T) {
	const bound = time.Millisecond
	cases := []struct {
		name             string
		answered, queued int
		meanwhile        func(g *tiered.Gather)
		want             time.Duration
	}{
		{"nobody on his way", 0, 1, nil, 0},
		{"few on their way", 7, 1, nil, 0},
		{"nothing queued", 20, 0, nil, 0},
		{"half is queued", 20, 20, nil, 0},
		{"less is queued", 20, 1, nil, bound},
		{"all arrive and want nothing", 20, 1, func(g *tiered.Gather) {
			time.Sleep(bound / 4)
			for range 19 {
				g.Arrive()
			}
			time.Sleep(bound / 4)
			g.Arrive()
		}, bound / 2},
		{"one arrives and queues", 20, 18, func(g *tiered.Gather) {
			time.Sleep(bound / 4)
			g.Arrive()
			g.Queue()
		}, bound / 4},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := tiered.NewGather(c.answered, c.queued)
				if c.meanwhile != nil {
					go c.meanwhile(g)
				}
				began := time.Now()
				g.Wait(bound)
				if got := time.Since(began); got != c.want {
					t.Errorf("got a wait of %v, want %v", got, c.want)
				}
			})
		})
	}
}

// TestLateGatheringsAreGivenUp: where waits come back late, groups do without,
// more of them each time, and a wait in time makes up for that.
func TestLateGatheringsAreGivenUp(t *testing.T) {
	const bound = time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		g := tiered.NewGather(20, 1)
		passed := func() (n int) {
			for began := time.Now(); n < 1<<16 && time.Since(began) == 0; n++ {
				g.Wait(bound)
			}
			return n - 1
		}
		g.Late()
		first := passed()
		g.Late()
		g.Late()
		if second := passed(); first == 0 || second <= first {
			t.Errorf("got %d groups without a wait after one late wait and %d after more, want more each time", first, second)
		}
		for range 20 {
			g.Wait(bound)
		}
		g.Late()
		if again := passed(); again != first {
			t.Errorf("got %d groups without a wait after many in time, want %d again", again, first)
		}
	})
}

// TestWhoGaveUpIsNotWaitedFor: a caller who left while his write was in a group
// is not on his way when the group is answered.
func TestWhoGaveUpIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, _ := openToy(t, d, tiered.Options{})
		gate := make(chan struct{})
		d.commitHook = func(*tier.Group) error { <-gate; return nil }
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				if err := s.Set(ctx, fmt.Sprint(i), nil, 0); !errors.Is(err, tiered.ErrUnknownOutcome) && !errors.Is(err, context.Canceled) {
					t.Errorf("got %v, want that the write was given up", err)
				}
			})
		}
		synctest.Wait()
		cancel()
		wg.Wait()
		close(gate)
		if err := s.Set(context.Background(), "last", nil, 0); err != nil {
			t.Fatal(err)
		}
		if got := s.OnTheirWay(); got != 0 {
			t.Errorf("got %d callers on their way, want none", got)
		}
	})
}
