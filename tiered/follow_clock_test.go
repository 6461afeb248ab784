//go:build linux

package tiered_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stratakv/strata/l2mmap"
	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
)

// TestFollowerWithoutWordsHasAClock: a process that cannot map the owner's words
// reads the time all the same.
func TestFollowerWithoutWordsHasAClock(t *testing.T) {
	dir := t.TempDir() + "/store"
	clock := storetest.NewClock()
	opts := tiered.Options{SharedDir: dir + "-shared", Clock: clock, MaxTTL: time.Hour}
	open := func() *tiered.Store {
		o := opts
		s, err := tiered.Open(dir, &o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	owner := open()
	if err := os.RemoveAll(dir + "-shared"); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Minute)
	follower := open()
	if st := follower.Stats(); st.Role != tiered.RoleFollower || st.L1.Attached {
		t.Fatalf("got %+v, want a follower without caches", st)
	}
	if got, want := follower.Now(), owner.Now(); !got.Equal(want) {
		t.Errorf("got the time %v, want the owner's %v", got, want)
	}
	it := tiered.Item{Key: "k", Value: []byte("v"), Expires: owner.Now().Add(time.Minute)}
	if _, err := follower.SetItem(context.Background(), it); err != nil {
		t.Errorf("set item: %v", err)
	}
}

// TestClockAfterSteppingDown (P4): who owned before follows the clock of who
// owns now, with the caches that it kept.
func TestClockAfterSteppingDown(t *testing.T) {
	clock := storetest.NewClock()
	first, second := openTwo(t, tiered.Options{Clock: clock, L2Bytes: -1})
	for !first.FailOwner(func() {
		for !second.IsOwner() {
			runtime.Gosched()
		}
	}) {
	}
	ctx := context.Background()
	if err := second.Set(ctx, "k", []byte("v"), 10*time.Minute); err != nil {
		t.Fatal(err)
	}
	clock.Step(time.Hour) // the new owner follows it: 10 s a minute and 40
	for range 20 {
		clock.Advance(30 * time.Second)
		if err := second.Set(ctx, "other", nil, 0); err != nil { // keeps a stamp
			t.Fatal(err)
		}
		if _, err := first.Get(ctx, "k"); err != nil && !errors.Is(err, tiered.ErrNotFound) {
			t.Fatal(err)
		}
		if got, want := first.Now(), second.Now(); !got.Equal(want) {
			t.Fatalf("got the time %v at the store that owned before, want the owner's %v", got, want)
		}
	}
	if _, err := second.Get(ctx, "k"); !errors.Is(err, tiered.ErrNotFound) {
		t.Errorf("at the owner: got %v, want ErrNotFound", err)
	}
	if _, err := first.Get(ctx, "k"); !errors.Is(err, tiered.ErrNotFound) {
		t.Errorf("at the store that owned before: got %v, want ErrNotFound", err)
	}
}

// TestFollowersClockIsNeverBehind (P4): whatever an owner is held up in while its
// plan changes, a follower's clock is not behind the owner's, and does not go
// back (member invariant 4).
func TestFollowersClockIsNeverBehind(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	host := storetest.NewClock()
	control := l2mmap.NewControl(&l2mmap.ControlOptions{})
	owner, follower := tiered.NewStoreClock(host, tier.Stamp{}, true), tiered.NewStoreClock(host, tier.Stamp{}, true)
	if err := follower.Follow(owner.Stamp(), control); err != nil {
		t.Fatal(err)
	}
	last, together := int64(0), 0
	check := func() {
		t.Helper()
		at, now := owner.Now(), follower.Now()
		if now < at || now < last {
			t.Fatalf("the follower is at %d, behind the owner's %d or what it read before, %d", now, at, last)
		}
		if last = now; now == at {
			together++
		}
	}
	hold := func(most time.Duration) {
		host.Advance(time.Duration(rng.Int64N(int64(most))))
		check()
	}
	share := func(s tier.Stamp) {
		hold(5 * time.Second)
		control.ShareStamp(s)
		hold(5 * time.Second)
	}
	const rounds = 20_000
	for range rounds {
		if rng.IntN(10) == 0 {
			host.Step(time.Duration(rng.Int64N(int64(2*time.Hour))) - time.Hour)
		}
		s := owner.Stamp()
		hold([]time.Duration{900 * time.Millisecond, time.Minute}[rng.IntN(2)]) // the fsync
		if owner.Adopt(s, share) {
			check()
		}
		hold(time.Second)
	}
	if together < rounds {
		t.Errorf("in %d rounds the two read the same %d times", rounds, together)
	}
}
