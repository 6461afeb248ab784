package tiered_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stratakv/strata/tiered"
)

// A disk that fails or stalls under the owner of many processes.

// hostsFaults is how many fdatasyncs fail in a round.
const hostsFaults = 6

// TestHostsFailedSync (P1, P6): the owner's fdatasync fails once, as the kernel
// says it once, and what it was to write can be read, or is gone. Nothing more is
// acknowledged by that opening; while others are there it steps down, and an
// opening that has replayed goes on. What all processes saw is one history.
//
//	STRATA_HOSTS_ROUNDS=20 go test ./tiered -run TestHostsFailedSync -timeout 60m -v
func TestHostsFailedSync(t *testing.T) {
	rounds, events, unknown, dropped := hostsRounds(t, 1), 0, 0, 0
	var gaps []time.Duration
	for range rounds {
		seed := rand.Uint64()
		r := newHostsRun(t, seed)
		r.disk = true
		r.startFour()
		for range hostsFaults {
			gaps = append(gaps, r.failSync())
		}
		if err := r.finish(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		events += len(r.history.ops)
		for _, what := range r.failed {
			if strings.HasSuffix(what, "unknown") {
				unknown++
			} else {
				dropped++
			}
		}
	}
	if unknown == 0 {
		t.Error("no write's outcome was unknown: nothing was tested")
	}
	slices.Sort(gaps)
	t.Logf("%d failed fdatasyncs, %d events, %d writes of unknown outcome, %d refused; %v to %v from the fault to the next acknowledged write",
		len(gaps), events, unknown, dropped, gaps[0], gaps[len(gaps)-1])
}

// failSync makes an fdatasync of the owner fail and returns how long it takes
// until another opening has acknowledged a write.
func (r *hostsRun) failSync() time.Duration {
	r.t.Helper()
	r.mu.Lock()
	epoch, faults, owner := r.epoch, len(r.faulty), r.children[r.owner]
	r.mu.Unlock()
	if owner == nil {
		r.t.Fatal("nobody owns")
	}
	if _, err := fmt.Fprintln(owner.in, []string{"fail", "lose"}[r.rng.IntN(2)]); err != nil {
		r.t.Fatal(err)
	}
	var gap time.Duration
	waitFor(r.t, "next owner that acknowledges", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.faulty) == faults || r.epoch == epoch {
			return false
		}
		acked, owned := r.acked[len(r.acked)-1], r.owned[len(r.owned)-1]
		gap = time.Duration(acked - r.faulty[faults])
		return acked > owned
	})
	return gap
}

// TestHostsFailedSyncAlone: without anybody to take over, the owner whose
// fdatasync failed reads on and writes nothing, until there is somebody.
func TestHostsFailedSyncAlone(t *testing.T) {
	for _, fault := range []string{"fail", "lose"} {
		t.Run(fault, func(t *testing.T) {
			task := guestTask{Dir: t.TempDir() + "/store", Disk: true}
			task.Shared = task.Dir + "-shared"
			owner := startGuest(t, task, syscall.SysProcAttr{})
			owner.must("open")
			owner.must("set", "k", "1")
			owner.must("disk", fault)
			if a := owner.ask("set", "k", "2"); !a.Unknown {
				t.Fatalf("the write whose fdatasync failed: got %q, want ErrUnknownOutcome", a.Err)
			}
			for range 3 {
				if a := owner.ask("set", "k", "3"); !a.Unavailable || a.Unknown {
					t.Fatalf("a later write: got %q, want ErrUnavailable", a.Err)
				}
				owner.want("k", "1")
			}
			other := startGuest(t, task, syscall.SysProcAttr{})
			other.must("open")
			waitFor(t, "write after somebody came", func() bool { return other.ask("set", "other", "1").Err == "" })
			value := other.must("get", "k").Value
			if value != "1" && (value != "2" || fault == "lose") {
				t.Errorf("k: got %q", value)
			}
			owner.want("k", value)
			owner.must("set", "k", "4")
			other.want("k", "4")
		})
	}
}

// TestHostsFailedSyncOfAnother: a follower's write that comes to an owner whose
// fdatasync failed is done by the next one, and its caller sees no error.
func TestHostsFailedSyncOfAnother(t *testing.T) {
	task := guestTask{Dir: t.TempDir() + "/store", Disk: true}
	task.Shared = task.Dir + "-shared"
	guests := make([]*guest, 3)
	for i := range guests {
		guests[i] = startGuest(t, task, syscall.SysProcAttr{})
		guests[i].must("open")
	}
	owns := func(g *guest) bool { return g.must("stats").Stats.Role == tiered.RoleOwner }
	for n := range 4 {
		owner := slices.IndexFunc(guests, owns)
		if owner < 0 {
			t.Fatal("nobody owns")
		}
		guests[owner].must("disk", "lose")
		if a := guests[owner].ask("set", "k", "lost"); !a.Unknown {
			t.Fatalf("the write whose fdatasync failed: got %q, want ErrUnknownOutcome", a.Err)
		}
		for i, g := range guests {
			if i != owner {
				g.tell("set", fmt.Sprint("k", i), fmt.Sprint(n))
			}
		}
		for i, g := range guests {
			if i == owner {
				continue
			}
			if a := g.hear(); a.Err != "" {
				t.Errorf("a follower's write after it: got %q", a.Err)
			}
			guests[owner].want(fmt.Sprint("k", i), fmt.Sprint(n))
		}
	}
}

// TestStalledDisk: while the owner's fdatasync does not return, a follower's
// writes end by their context or the limit, each with the error that says what
// is known; nothing of them is seen, reads go on, and all heals with the disk.
func TestStalledDisk(t *testing.T) {
	t.Parallel() // it waits for limits to pass
	task := guestTask{Dir: t.TempDir() + "/store", Disk: true}
	task.Shared = task.Dir + "-shared"
	owner := startGuest(t, task, syscall.SysProcAttr{})
	owner.must("open")
	s := openIn(t, task.Dir, tiered.Options{Role: tiered.RoleFollower})
	ctx := context.Background()
	mustSet(t, s, "mine", "before", 0)
	mustSet(t, s, "other", "before", 0)
	owner.must("disk", "stall")
	begun := make(chan error, 1)
	go func() { begun <- s.Set(ctx, "mine", []byte("stalled"), 0) }()
	waitFor(t, "stalled fdatasync", func() bool { return owner.must("stalled").Value == "1" })

	stalledReads(t, s, owner)
	unsent := stalledWrites(t, s)
	if !testing.Short() {
		start := time.Now()
		if err := s.Set(ctx, "late", []byte("late"), 0); !errors.Is(err, tiered.ErrUnknownOutcome) {
			t.Errorf("a write until the limit: got %v, want ErrUnknownOutcome", err)
		}
		if took := time.Since(start); took < 4*time.Second || took > 10*time.Second {
			t.Errorf("it took %v, want about 5 s", took)
		}
	}
	stalledReads(t, s, owner)

	owner.must("disk", "heal")
	waitFor(t, "healing", func() bool { return s.Set(ctx, "other", []byte("after"), 0) == nil })
	if err := <-begun; err == nil || errors.Is(err, tiered.ErrUnknownOutcome) {
		owner.want("mine", "stalled")
		wantValue(t, s, "mine", "stalled")
	} else {
		t.Errorf("the write that stalled: got %v", err)
	}
	owner.want("other", "after")
	owner.must("set", "mine", "healed")
	wantValue(t, s, "mine", "healed")
	for _, key := range unsent {
		if _, err := s.Get(ctx, key); !errors.Is(err, tiered.ErrNotFound) {
			t.Fatalf("%s, whose write was told not to have happened: got %v", key, err)
		}
	}
}

// stalledWrites makes more writes at once than one follower may have in work,
// and returns the keys of those that were not sent: their error says that they
// did not happen.
func stalledWrites(t *testing.T, s *tiered.Store) (unsent []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	var mu sync.Mutex // guards unsent and unknown
	var wg sync.WaitGroup
	unknown := 0
	for i := range 1200 { // host's Limits.Requests is 1,024
		wg.Go(func() {
			key := fmt.Sprint("many", i)
			err := s.Set(ctx, key, []byte("v"), 0)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case !errors.Is(err, context.DeadlineExceeded):
				t.Errorf("a write until its context ended: got %v", err)
			case errors.Is(err, tiered.ErrUnknownOutcome):
				unknown++
			default:
				unsent = append(unsent, key)
			}
		})
	}
	wg.Wait()
	if unknown == 0 || len(unsent) == 0 {
		t.Errorf("got %d writes of unknown outcome and %d that were not sent, want some of both", unknown, len(unsent))
	}
	return unsent
}

// stalledReads: copies go on where nothing is in flight, and the truth shows
// nothing that is not durable.
func stalledReads(t *testing.T, s *tiered.Store, owner *guest) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	for key, tier := range map[string]tiered.Tier{"other": tiered.TierL1, "mine": tiered.TierL3} {
		for range 2 {
			it, err := s.GetItem(ctx, key)
			if err != nil || string(it.Value) != "before" || it.Tier != tier {
				t.Errorf("%s: got %q from %v, %v, want what was before, from %v", key, it.Value, it.Tier, err, tier)
			}
		}
		if a := owner.must("get", key); a.Value != "before" {
			t.Errorf("%s in the owner: got %q", key, a.Value)
		}
	}
	if _, err := s.Get(ctx, "absent"); !errors.Is(err, tiered.ErrNotFound) {
		t.Errorf("an absent key: got %v", err)
	}
	if st := s.Stats(); st.Role != tiered.RoleFollower {
		t.Errorf("got role %v", st.Role)
	}
}
