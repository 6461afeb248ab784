//go:build linux || darwin

package host_test

import (
	"context"
	"testing"

	"github.com/stratakv/strata/host"
	"github.com/stratakv/strata/tiered/tier"
)

// TestHeirs: an owner knows which of its followers may own; one that does not
// say, of a build of before, may.
func TestHeirs(t *testing.T) {
	s := toyStore{dir: t.TempDir()}
	owner := open(t, s, options(s))
	never := options(s)
	never.Role = host.RoleFollower
	open(t, s, never)
	if st := owner.Status(); st.Followers != 1 || st.Heirs != 0 {
		t.Errorf("beside one that never owns: got %d followers, %d heirs, want 1 and none", st.Followers, st.Heirs)
	}
	open(t, s, options(s))
	if k, err := dialRaw(t, s.dir).GreetBefore(9); err != nil || k == host.KindRefusal {
		t.Fatalf("greeting of before: got kind %d, %v", k, err)
	}
	if st := owner.Status(); st.Followers != 3 || st.Heirs != 2 {
		t.Errorf("got %d followers, %d heirs, want 3 and 2", st.Followers, st.Heirs)
	}
}

// closesAmid is an owner that fails in its first DeleteExpired.
type closesAmid struct {
	host.Owned
	opening int
	failed  chan struct{}
	waits   bool // until its context ends
}

func (c *closesAmid) Failed() <-chan struct{} { return c.failed }

func (c *closesAmid) DeleteExpired(ctx context.Context) (int, error) {
	if c.opening > 1 {
		return 4, nil
	}
	select {
	case <-c.failed:
		return 0, tier.ErrClosed
	default:
		close(c.failed)
		if c.waits {
			<-ctx.Done()
			return 3, ctx.Err()
		}
		return 3, tier.ErrClosed
	}
}

// TestDeleteExpiredCountsOnOverOwners: what was removed before the owner closed is
// part of the count, whether it is this process's or another's.
func TestDeleteExpiredCountsOnOverOwners(t *testing.T) {
	for _, c := range []struct {
		name          string
		follow, waits bool
	}{
		{name: "owner"},
		{name: "follower", follow: true},
		{name: "follower whose call is cut off", follow: true, waits: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := toyStore{dir: t.TempDir()}
			o := options(s)
			openings := 0
			o.Own = func(ctx context.Context) (host.Owned, error) {
				owned, err := s.own(ctx)
				openings++
				return &closesAmid{owned, openings, make(chan struct{}), c.waits}, err
			}
			n := open(t, s, o)
			if c.follow {
				f := options(s)
				f.Role = host.RoleFollower
				n = open(t, s, f)
			}
			if got, err := n.DeleteExpired(t.Context()); got != 7 || err != nil {
				t.Errorf("got %d, %v, want 7", got, err)
			}
		})
	}
}
