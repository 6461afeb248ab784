//go:build linux || darwin

package host_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stratakv/strata/host"
	"github.com/stratakv/strata/tiered/tier"
)

// member is a process of a rolling restart, played by a node that is exchanged.
type member struct {
	node   atomic.Pointer[host.Node]
	acked  sync.Map // keys
	faults chan error
}

// load writes and reads until ctx ends. Its own node's Close is its one excuse.
func (m *member) load(ctx context.Context, name string) {
	for i := 0; ctx.Err() == nil; i++ {
		key := fmt.Sprintf("%s/%d", name, i)
		for {
			n := m.node.Load()
			_, err := n.Write(context.Background(), []tier.Op{set(key, "v")})
			if errors.Is(err, tier.ErrClosed) && !errors.Is(err, tier.ErrUnknownOutcome) {
				m.exchanged(n)
				continue
			}
			if err != nil {
				m.faults <- fmt.Errorf("write: %w", err)
				return
			}
			break
		}
		m.acked.Store(key, true)
		_, found, err := m.node.Load().Load(context.Background(), key)
		if !errors.Is(err, tier.ErrClosed) && (err != nil || !found) {
			m.faults <- fmt.Errorf("load of an acknowledged key: found %v, %w", found, err)
			return
		}
	}
}

// exchanged waits until the node n is exchanged.
func (m *member) exchanged(n *host.Node) {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for m.node.Load() == n {
		<-ticker.C
	}
}

// applied counts how often each key was written, by the log.
func applied(t testing.TB, dir string) map[string]int {
	t.Helper()
	entries, err := readToy(dir)
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[string]int)
	for _, l := range entries {
		for _, op := range l.Ops {
			counts[op.Key]++
		}
	}
	return counts
}

// Invariant 5: a rolling restart under load shows no error and sends nothing
// twice.
func TestRollingRestart(t *testing.T) {
	s := toyStore{dir: t.TempDir()}
	members := make([]*member, 3)
	faults := make(chan error, 100)
	for i := range members {
		members[i] = &member{faults: faults}
		members[i].node.Store(open(t, s, options(s)))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	for i, m := range members {
		for w := range 4 {
			wg.Go(func() { m.load(ctx, fmt.Sprintf("%d/%d", i, w)) })
		}
	}
	var resent uint64
	for round := range 12 {
		m := members[round%len(members)]
		old := m.node.Load()
		eventually(t, "the member has work to hand over", func() bool { return old.Status().Role != host.RoleAuto })
		ended := make(chan error, 1)
		go func() { ended <- old.Close() }()
		if err := <-ended; err != nil {
			t.Errorf("close: %v", err)
		}
		resent += old.Status().Resent
		m.node.Store(open(t, s, options(s)))
	}
	cancel()
	wg.Wait()
	close(faults)
	for err := range faults {
		t.Error(err)
	}
	counts := applied(t, s.dir)
	total := 0
	for _, m := range members {
		resent += m.node.Load().Status().Resent
		m.acked.Range(func(key, _ any) bool {
			total++
			if n := counts[key.(string)]; n != 1 {
				t.Errorf("an acknowledged key was written %d times", n)
			}
			return true
		})
	}
	if resent != 0 || total == 0 {
		t.Errorf("got %d writes sent again, %d acknowledged, want none and some", resent, total)
	}
}

// An authority that fails steps down: somebody opens the truth again.
func TestFailedOwnerStepsDown(t *testing.T) {
	s := toyStore{dir: t.TempDir()}
	var mu sync.Mutex
	var toys []*toy
	o := options(s)
	o.Own = func(ctx context.Context) (host.Owned, error) {
		owned, err := s.own(ctx)
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			toys = append(toys, owned.(*toy))
		}
		return owned, err
	}
	owner := open(t, s, o)
	follower := open(t, s, options(s))
	if _, err := follower.Write(t.Context(), []tier.Op{set("a", "v")}); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	close(toys[0].failed)
	mu.Unlock()
	eventually(t, "another epoch", func() bool { return follower.Status().Hello.Epoch == 2 })
	for _, n := range []*host.Node{owner, follower} {
		if _, found, err := n.Load(t.Context(), "a"); !found || err != nil {
			t.Errorf("load after the owner failed: got %v, %v", found, err)
		}
	}
}

// Invariant 3: Follow comes first, and what it refuses is not followed.
func TestFollowComesFirst(t *testing.T) {
	s := toyStore{dir: t.TempDir()}
	open(t, s, options(s))
	o := options(s)
	refusal := errors.New("cannot attach")
	o.Role, o.Follow = host.RoleFollower, func(host.Hello) error { return refusal }
	if _, err := host.Open(t.Context(), s.dir, o); !errors.Is(err, refusal) || !errors.Is(err, tier.ErrUnavailable) {
		t.Errorf("got %v, want %v and ErrUnavailable", err, refusal)
	}
	var followed atomic.Uint64
	var alone atomic.Int64
	o = options(s)
	o.Role, o.Follow, o.Alone = host.RoleFollower, func(h host.Hello) error {
		followed.Store(h.Epoch)
		return nil
	}, func() { alone.Add(1) }
	n := open(t, s, o)
	if _, _, err := n.Load(t.Context(), "a"); err != nil || followed.Load() != 1 {
		t.Errorf("got %v with Follow at epoch %d, want epoch 1", err, followed.Load())
	}
	if err := n.Close(); err != nil || alone.Load() != 1 {
		t.Errorf("got %v with %d calls of Alone, want one", err, alone.Load())
	}
}
