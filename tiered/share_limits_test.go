//go:build linux || darwin

package tiered_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/host"
	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
)

// openPair opens an owner and a follower with options of their own.
func openPair(t *testing.T, owners, followers tiered.Options) (dir string, owner, follower *tiered.Store) {
	t.Helper()
	dir = t.TempDir() + "/store"
	for _, p := range []struct {
		s *(*tiered.Store)
		o *tiered.Options
	}{{&owner, &owners}, {&follower, &followers}} {
		p.o.SharedDir = dir + "-shared"
		s, err := tiered.Open(dir, p.o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		*p.s = s
	}
	return dir, owner, follower
}

// TestOwnersLimitsBindAll: what the owner's Options forbid is forbidden to a
// follower that was opened without.
func TestOwnersLimitsBindAll(t *testing.T) {
	strict := tiered.Options{MaxTTL: time.Hour, Limits: tiered.Limits{ValueBytes: 1000, BatchOps: 3, BatchBytes: 1500}}
	_, owner, follower := openPair(t, strict, tiered.Options{})
	ctx := context.Background()
	for name, s := range map[string]*tiered.Store{"owner": owner, "follower": follower} {
		it, err := s.Put(ctx, "there", []byte("v"), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		batch := func(ttl time.Duration, sizes ...int) error {
			var b tiered.Batch
			for i, n := range sizes {
				b.Set(fmt.Sprint("new", i), make([]byte, n), ttl)
			}
			return s.Write(ctx, &b)
		}
		item := func(expires time.Time) error {
			_, err := s.SetItem(ctx, tiered.Item{Key: "new", Expires: expires})
			return err
		}
		for _, c := range []struct {
			name string
			err  error
			want error
		}{
			{"no ttl", s.Set(ctx, "new", nil, 0), tiered.ErrTTL},
			{"ttl above MaxTTL", s.Set(ctx, "new", nil, time.Hour+1), tiered.ErrTTL},
			{"deadline above MaxTTL", item(s.Now().Add(2 * time.Hour)), tiered.ErrTTL},
			{"no deadline", item(time.Time{}), tiered.ErrTTL},
			{"touch", s.Touch(ctx, "there", 2*time.Hour), tiered.ErrTTL},
			{"batch", batch(0, 1), tiered.ErrTTL},
			{"value too large", s.Set(ctx, "new", make([]byte, 1001), time.Hour), tiered.ErrTooLarge},
			{"too many ops", batch(time.Hour, 1, 1, 1, 1), tiered.ErrTooLarge},
			{"too many bytes", batch(time.Hour, 1000, 500), tiered.ErrTooLarge},
		} {
			if !errors.Is(c.err, c.want) {
				t.Errorf("%s, %s: got %v, want %v", name, c.name, c.err, c.want)
			}
		}
		for item, err := range s.Scan(ctx, "new") {
			t.Errorf("%s: %q was written, %v", name, item.Key, err)
		}
		if _, err := s.CompareAndSet(ctx, "there", it.Version, []byte("w"), tiered.KeepTTL); err != nil {
			t.Errorf("%s, within limits: %v", name, err)
		}
		for i := range 5 {
			if err := s.Set(ctx, fmt.Sprint("many", i), make([]byte, 1000), time.Hour); err != nil {
				t.Errorf("%s, within limits: %v", name, err)
			}
		}
		if n, err := s.DeletePrefix(ctx, "many"); n != 5 || err != nil {
			t.Errorf("%s, delete prefix: got %d, %v, want 5", name, n, err)
		}
	}
}

// TestFollowersFramesAreChecked (P9): what a peer sends as a value's frame may be
// none.
func TestFollowersFramesAreChecked(t *testing.T) {
	dir, owner, _ := openPair(t, tiered.Options{}, tiered.Options{})
	node, err := host.Open(t.Context(), dir, &host.Options{Role: host.RoleFollower})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Close() })
	coder, err := codec.New(codec.Options{}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	good := coder.Encode([]byte("value"))
	if _, err := node.WriteOne(t.Context(), tier.Op{Kind: tier.OpSet, Key: "good", Frame: good, RawLen: 1 << 29}); err != nil {
		t.Errorf("a frame: %v", err)
	}
	if got := owner.Stats().L3.LiveBytes; got != int64(len("good")+len("value")) {
		t.Errorf("got %d live bytes, want those of the value and not those that its sender told", got)
	}
	format, flags := append([]byte{9}, good[1:]...), append([]byte{good[0], 0x80}, good[2:]...)
	for _, frame := range [][]byte{nil, good[:1], good[:codec.HeaderSize-1], good[:len(good)-1], format, flags} {
		_, err := node.WriteOne(t.Context(), tier.Op{Kind: tier.OpSet, Key: "k", Frame: frame, RawLen: 5})
		if !errors.Is(err, tier.ErrCorrupt) {
			t.Errorf("frame %x: got %v, want ErrCorrupt", frame, err)
		}
	}
	if _, err := owner.Get(t.Context(), "k"); !errors.Is(err, tiered.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

// TestOwnerStaysBesideOneThatNeverOwns: a broken owner goes on reading until
// somebody is there who could do better.
func TestOwnerStaysBesideOneThatNeverOwns(t *testing.T) {
	dir, owner, follower := openPair(t, tiered.Options{}, tiered.Options{Role: tiered.RoleFollower})
	ctx := context.Background()
	if err := follower.Set(ctx, "k", []byte("v"), 0); err != nil {
		t.Fatal(err)
	}
	down := owner.BreakOwner()
	select {
	case <-down:
		t.Fatal("the owner stepped down for a process that never owns")
	case <-time.After(500 * time.Millisecond): // it looks ten times a second
	}
	if _, err := owner.Get(ctx, "k"); err != nil {
		t.Errorf("get: %v", err)
	}
	if err := follower.Set(ctx, "k", []byte("w"), 0); !errors.Is(err, tiered.ErrUnavailable) {
		t.Errorf("set: got %v, want ErrUnavailable", err)
	}
	heir, err := tiered.Open(dir, &tiered.Options{SharedDir: dir + "-shared"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = heir.Close() })
	select {
	case <-down:
	case <-time.After(10 * time.Second):
		t.Error("the owner does not step down for a process that may own")
	}
}
