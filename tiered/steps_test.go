//go:build !wasm

package tiered_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

// stepped is a store whose host's clocks are treated badly, with an oracle
// that knows two things: by the host's boot clock, when a record must still be
// there and when it must be gone (the store's clock is at most 10 % off); and
// that what was once seen gone stays gone (P4, P5).
type stepped struct {
	t    *testing.T
	s    *tiered.Store
	host *storetest.Clock
	dir  string // "" in memory
	n    int    // of directories used so far

	last    int64 // the store's clock when it was last seen
	records map[string]*timedRecord
}

type timedRecord struct {
	ttl      time.Duration
	boot     time.Duration // when it was written
	rebooted bool          // since then: the bounds by the boot clock hold no more
	gone     bool          // seen gone
	expires  int64
}

func (st *stepped) open() {
	st.t.Helper()
	opts := &tiered.Options{Clock: st.host, SweepEvery: time.Hour}
	var s *tiered.Store
	var err error
	if st.dir == "" {
		s, err = tiered.OpenMemory(opts)
	} else {
		s, err = openTiered(st.dir, opts, tierings["all tiers"])
	}
	if err != nil {
		st.t.Fatalf("open: %v", err)
	}
	st.s = s
}

// reopen closes the store and opens it again; or, killed, opens what a kill at
// this moment would have left.
func (st *stepped) reopen(kill bool) {
	st.t.Helper()
	if kill {
		st.n++
		next := filepath.Join(filepath.Dir(st.dir), fmt.Sprint(st.n))
		if err := copyDir(next, st.dir); err != nil {
			st.t.Fatal(err)
		}
		os.RemoveAll(filepath.Join(next, "shared")) // of another place
		defer func(old string) { os.RemoveAll(old) }(st.dir)
		st.dir = next
	}
	if err := st.s.Close(); err != nil {
		st.t.Fatal(err)
	}
	st.open()
}

func (st *stepped) set(key string, ttl time.Duration) {
	st.t.Helper()
	boot := st.host.Boot()
	if err := st.s.Set(context.Background(), key, []byte(key), ttl); err != nil {
		st.t.Fatal(err)
	}
	it, err := st.s.GetItem(context.Background(), key)
	if err != nil {
		st.t.Fatalf("%s: just written for %v: %v", key, ttl, err)
	}
	st.last = st.s.NowMilli()
	st.records[key] = &timedRecord{ttl: ttl, boot: boot, expires: it.Expires.UnixMilli()}
}

// check compares every record with the oracle.
func (st *stepped) check(what string) {
	st.t.Helper()
	now := st.s.NowMilli()
	if now < st.last {
		st.t.Fatalf("after %s: the store's clock went back by %d ms", what, st.last-now)
	}
	st.last = now
	for key, r := range st.records {
		_, err := st.s.Get(context.Background(), key)
		found := err == nil
		if err != nil && !errors.Is(err, tiered.ErrNotFound) {
			st.t.Fatal(err)
		}
		age := st.host.Boot() - r.boot
		switch {
		case found && r.gone:
			st.t.Fatalf("after %s: a record revived", what)
		case found != (now < r.expires):
			st.t.Fatalf("after %s: found %v at %d with the deadline %d", what, found, now, r.expires)
		case !found && !r.rebooted && age < r.ttl*10/11-time.Millisecond:
			st.t.Fatalf("after %s: gone after %v of %v", what, age, r.ttl)
		case found && !r.rebooted && age > r.ttl*10/9+time.Millisecond:
			st.t.Fatalf("after %s: still there after %v of %v", what, age, r.ttl)
		}
		r.gone = !found
	}
}

// play does random things to the store and its clocks.
func (st *stepped) play(rng *rand.Rand, steps int) {
	st.t.Helper()
	st.set("first", time.Hour) // with its group the first stamp is kept
	for i := range steps {
		what := "time passing"
		switch rng.IntN(12) {
		case 0, 1:
			what = "a write"
			st.set(fmt.Sprint(i%40), time.Duration(1+rng.IntN(7200))*time.Second)
		case 2:
			what = "a step of the wall clock"
			st.host.Step(time.Duration(rng.IntN(2*3600)-3600) * time.Second)
		case 3:
			what = "a sweep"
			if _, err := st.s.DeleteExpired(context.Background()); err != nil {
				st.t.Fatal(err)
			}
		case 4:
			if st.dir == "" || rng.IntN(4) > 0 {
				continue
			}
			what = "a reopening in the same boot"
			st.reopen(rng.IntN(2) == 0)
		case 5:
			if st.dir == "" || rng.IntN(8) > 0 {
				continue
			}
			what = "a reboot"
			st.set("stamp", 0) // the tick of the last second
			delete(st.records, "stamp")
			st.host.Reboot(time.Duration(rng.IntN(3*3600)-3600) * time.Second)
			for _, r := range st.records {
				r.rebooted = true
			}
			st.reopen(rng.IntN(2) == 0)
		default:
			st.host.Advance(time.Duration(rng.IntN(300_000)) * time.Millisecond)
		}
		st.check(what)
	}
}

func TestWallStepsExpireNothingEarlyAndReviveNothing(t *testing.T) {
	for _, name := range []string{"memory", "files"} {
		t.Run(name, func(t *testing.T) {
			steps := 3000
			if testing.Short() {
				steps = 500
			}
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			st := &stepped{t: t, host: storetest.NewClock(), records: map[string]*timedRecord{}}
			if name == "files" {
				st.dir = filepath.Join(t.TempDir(), "0")
			}
			st.open()
			defer func() { st.s.Close() }()
			st.play(rand.New(rand.NewPCG(seed, 0)), steps)
		})
	}
}
