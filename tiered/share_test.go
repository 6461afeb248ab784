//go:build linux || darwin

package tiered_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stratakv/strata/tiered"
)

// openTwo opens an owner and a follower on one directory.
func openTwo(t *testing.T, opts tiered.Options) (owner, follower *tiered.Store) {
	t.Helper()
	dir := t.TempDir() + "/store"
	opts.SharedDir = dir + "-shared"
	stores := make([]*tiered.Store, 2)
	for i := range stores {
		o := opts
		s, err := tiered.Open(dir, &o)
		if err != nil {
			t.Fatalf("store %d: %v", i, err)
		}
		t.Cleanup(func() { _ = s.Close() })
		stores[i] = s
	}
	for i, want := range []tiered.Role{tiered.RoleOwner, tiered.RoleFollower} {
		if got := stores[i].Stats().Role; got != want {
			t.Fatalf("store %d: got role %v, want %v", i, got, want)
		}
	}
	return stores[0], stores[1]
}

// TestSetIsSeenByOtherProcesses (P3): L1 hits included.
func TestSetIsSeenByOtherProcesses(t *testing.T) {
	owner, follower := openTwo(t, tiered.Options{})
	ctx := context.Background()
	for i := range 100 {
		writer, reader := owner, follower
		if i%2 == 1 {
			writer, reader = follower, owner
		}
		want := fmt.Sprint(i)
		if err := writer.Set(ctx, "k", []byte(want), time.Hour); err != nil {
			t.Fatal(err)
		}
		for range 3 { // the last ones from L1
			got, err := reader.Get(ctx, "k")
			if err != nil || string(got) != want {
				t.Fatalf("write %d: the other store got %q, %v", i, got, err)
			}
		}
	}
	for name, s := range map[string]*tiered.Store{"owner": owner, "follower": follower} {
		if st := s.Stats(); st.L1.Hits == 0 {
			t.Errorf("%s: no hit in L1: %+v", name, st.L1)
		}
	}
	if err := owner.Delete(ctx, "k"); err != nil {
		t.Fatal(err)
	}
	if _, err := follower.Get(ctx, "k"); !errors.Is(err, tiered.ErrNotFound) {
		t.Errorf("after a deletion: got %v, want ErrNotFound", err)
	}
}

// TestCloseHandsOver: the follower's callers see no error, and it owns.
func TestCloseHandsOver(t *testing.T) {
	owner, follower := openTwo(t, tiered.Options{})
	ctx := context.Background()
	done := make(chan error, 1)
	go func() {
		for i := range 2000 {
			if err := follower.Set(ctx, "k", []byte(fmt.Sprint(i)), 0); err != nil {
				done <- fmt.Errorf("write %d: %w", i, err)
				return
			}
		}
		done <- nil
	}()
	time.Sleep(20 * time.Millisecond)
	if err := owner.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if st := follower.Stats(); st.Role != tiered.RoleOwner {
		t.Errorf("got role %v, want owner", st.Role)
	}
	if got, err := follower.Get(ctx, "k"); err != nil || string(got) != "1999" {
		t.Errorf("got %q, %v", got, err)
	}
}
