package tiered_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

// skewedClock is a process's view of its host's clock: the boot clock is the
// host's, the wall clock may be another one.
type skewedClock struct {
	*storetest.Clock
	off time.Duration
}

func (c *skewedClock) Wall() time.Time { return c.Clock.Wall().Add(c.off) }

// TestWallStepsAmongProcesses (P4, P5): wall clocks step by an hour, in one
// process or in all, during sweeps and takeovers; all stores read the same time,
// which never goes back, and a record is there in all of them until its deadline
// by that time, and in none from then on.
func TestWallStepsAmongProcesses(t *testing.T) {
	for _, c := range []struct {
		name  string
		steps [3]time.Duration // of each process's wall clock
	}{
		{"the owner's forward", [3]time.Duration{time.Hour}},
		{"the owner's back", [3]time.Duration{-time.Hour}},
		{"a follower's forward", [3]time.Duration{1: time.Hour}},
		{"a follower's back", [3]time.Duration{1: -time.Hour}},
		{"all forward", [3]time.Duration{time.Hour, time.Hour, time.Hour}},
		{"all back", [3]time.Duration{-time.Hour, -time.Hour, -time.Hour}},
	} {
		t.Run(c.name, func(t *testing.T) {
			host := storetest.NewClock()
			dir := t.TempDir() + "/store"
			clocks := make([]*skewedClock, 3)
			stores := make([]*tiered.Store, 3)
			for i := range stores {
				clocks[i] = &skewedClock{Clock: host}
				stores[i] = openIn(t, dir, tiered.Options{Clock: clocks[i], SweepEvery: time.Hour})
			}
			w := &wallSteps{t: t, host: host, stores: stores, deadlines: map[string]int64{}}
			w.pass(5)
			for i, step := range c.steps {
				clocks[i].off += step
			}
			w.pass(40)
			off := time.Duration(w.last-host.Wall().UnixMilli()) * time.Millisecond
			if followed := off.Abs() > 100*time.Millisecond; followed != (c.steps[0] != 0) {
				t.Errorf("the time is %v off the host's wall clock, the owner's was stepped by %v", off, c.steps[0])
			}
			if err := w.stores[0].Close(); err != nil { // another one owns, with its own wall clock
				t.Fatal(err)
			}
			w.stores = w.stores[1:]
			w.pass(40)
		})
	}
}

// wallSteps lets time pass and compares what all stores say.
type wallSteps struct {
	t         *testing.T
	host      *storetest.Clock
	stores    []*tiered.Store
	deadlines map[string]int64
	last      int64 // the latest time that was read
	n         int
}

func (w *wallSteps) pass(steps int) {
	ctx := context.Background()
	for range steps {
		w.n++
		key := fmt.Sprintf("k%d", w.n)
		s := w.stores[w.n%len(w.stores)]
		it, err := s.Put(ctx, key, []byte("v"), time.Duration(w.n%13+1)*130*time.Millisecond)
		if err != nil {
			w.t.Fatal(err)
		}
		w.deadlines[key] = it.Expires.UnixMilli()
		w.host.Advance(137 * time.Millisecond)
		if w.n%5 == 0 {
			if _, err := s.DeleteExpired(ctx); err != nil {
				w.t.Fatal(err)
			}
		}
		w.compare(ctx)
	}
}

func (w *wallSteps) compare(ctx context.Context) {
	w.t.Helper()
	now := w.stores[0].NowMilli()
	if now < w.last {
		w.t.Fatalf("step %d: the time is %d ms behind what was read before", w.n, w.last-now)
	}
	w.last = now
	for i, s := range w.stores {
		if got := s.NowMilli(); got != now {
			w.t.Fatalf("step %d: store %d is at %d, the owner at %d", w.n, i, got, now)
		}
		for key, deadline := range w.deadlines {
			_, err := s.Get(ctx, key)
			if err != nil && !errors.Is(err, tiered.ErrNotFound) {
				w.t.Fatal(err)
			}
			if there := err == nil; there != (now < deadline) {
				w.t.Fatalf("step %d, store %d: %s is there: %v, %d ms before its deadline", w.n, i, key, there, deadline-now)
			}
		}
	}
}
