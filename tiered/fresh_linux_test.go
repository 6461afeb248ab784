package tiered_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/stratakv/strata/tiered"
)

// TestFreshBesideAFollower: who waits for another owner has the store open, with
// caches or without. A Fresh that is refused has removed nothing.
func TestFreshBesideAFollower(t *testing.T) {
	for name, words := range map[string]bool{"with the owner's words": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir() + "/store"
			open := func(o tiered.Options) (*tiered.Store, error) {
				o.SharedDir = dir + "-shared"
				return tiered.Open(dir, &o)
			}
			must := func(o tiered.Options) *tiered.Store {
				t.Helper()
				s, err := open(o)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = s.Close() })
				return s
			}
			owner := must(tiered.Options{})
			if !words {
				if err := os.RemoveAll(dir + "-shared"); err != nil {
					t.Fatal(err)
				}
			}
			follower := must(tiered.Options{Role: tiered.RoleFollower})
			if st := follower.Stats(); st.L1.Attached != words {
				t.Fatalf("follower's L1: got attached %v, want %v", st.L1.Attached, words)
			}
			ctx := context.Background()
			if err := follower.Set(ctx, "k", []byte("v"), 0); err != nil {
				t.Fatal(err)
			}
			if err := owner.Close(); err != nil {
				t.Fatal(err)
			}
			if s, err := open(tiered.Options{Fresh: true}); !errors.Is(err, tiered.ErrLocked) {
				if err == nil {
					_ = s.Close()
				}
				t.Errorf("got %v, want ErrLocked", err)
			}
			again := must(tiered.Options{})
			if got, err := again.Get(ctx, "k"); err != nil || string(got) != "v" {
				t.Errorf("after a Fresh that was refused: got %q, %v", got, err)
			}
			for _, s := range []*tiered.Store{again, follower} {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			fresh := must(tiered.Options{Fresh: true})
			if _, err := fresh.Get(ctx, "k"); !errors.Is(err, tiered.ErrNotFound) {
				t.Errorf("alone: got %v, want ErrNotFound", err)
			}
		})
	}
}
