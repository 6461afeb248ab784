package tiered_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stratakv/strata/tiered"
)

// TestFreshBesideAFollower: who waits for another owner has the store open. A
// Fresh that is refused has removed nothing.
func TestFreshBesideAFollower(t *testing.T) {
	dir := t.TempDir() + "/store"
	open := func(o tiered.Options) (*tiered.Store, error) {
		o.SharedDir = dir + "-shared"
		return tiered.Open(dir, &o)
	}
	var stores []*tiered.Store
	for _, role := range []tiered.Role{tiered.RoleAuto, tiered.RoleFollower} {
		s, err := open(tiered.Options{Role: role})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		stores = append(stores, s)
	}
	ctx := context.Background()
	if err := stores[1].Set(ctx, "k", []byte("v"), 0); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := stores[0].Close(); err != nil {
		t.Fatal(err)
	}
	if s, err := open(tiered.Options{Fresh: true}); !errors.Is(err, tiered.ErrLocked) {
		if err == nil {
			_ = s.Close()
			if time.Since(begun) > 500*time.Millisecond {
				t.Skip("too slow: a follower keeps its pledge for a second without an owner")
			}
		}
		t.Errorf("got %v, want ErrLocked", err)
	}
	again, err := open(tiered.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = again.Close() })
	if got, err := again.Get(ctx, "k"); err != nil || string(got) != "v" {
		t.Errorf("after a Fresh that was refused: got %q, %v", got, err)
	}
}
