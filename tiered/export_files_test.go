//go:build !wasm

package tiered

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/stratakv/strata/host"
	"github.com/stratakv/strata/l2mmap"
	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered/tier"
)

// OpenOver opens a store with a queue over any durable tier. Without dir its
// words are on the heap, and it has no L2.
func OpenOver(d tier.Durable, dir string, opts *Options) (*Store, error) {
	o, err := withDefaults(opts)
	if err != nil {
		return nil, err
	}
	return newDurableStore(d, dir, o)
}

// OpenOn is OpenContext with a file system for the journal.
func OpenOn(ctx context.Context, dir string, opts *Options, fs l3bolt.FS) (*Store, error) {
	o, err := withDefaults(opts)
	if err != nil {
		return nil, err
	}
	return openOn(ctx, dir, o, fs)
}

// InFlight is the number of groups in flight on key's bucket, and Generation
// the bucket's generation.
func (s *Store) InFlight(key string) uint64 { return s.word(key).InFlight() }

func (s *Store) Generation(key string) uint64 { return s.word(key).Generation() }

func (s *Store) word(key string) l2mmap.Word {
	c := s.caches.Load()
	return c.control.Load(l2mmap.BucketOf(c.hash(key)))
}

// Pending is the number of requests that wait for their group, their callers
// still there or not.
func (s *Store) Pending() int {
	q := s.auth.(*queue)
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.pending)
}

// BeforeEnd makes s call fn between L2 and the end of each group. It is called
// before s is used.
func (s *Store) BeforeEnd(fn func()) { s.truth.caches = heldEnd{s.truth.caches, fn} }

type heldEnd struct {
	coherence
	before func()
}

func (h heldEnd) end(g *group, reqs []*request, version uint64) {
	h.before()
	h.coherence.end(g, reqs, version)
}

// LeftKeys is the number of keys and of whole buckets that the background has
// to take out of L2.
func (s *Store) LeftKeys() int {
	k := s.truth.caches.(*keeper)
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for _, l := range k.left {
		n += max(len(l.keys), 1)
	}
	return n
}

// Doorkeeper is the caches' doorkeeper alone.
type Doorkeeper struct{ d doorkeeper }

// NewDoorkeeper is that of caches of so many bytes.
func NewDoorkeeper(bytes int64) *Doorkeeper { return &Doorkeeper{newDoorkeeper(bytes)} }

func (d *Doorkeeper) Again(hash uint64) bool { return d.d.again(hash) }

// BreakOwner makes the owner that s is as after a write whose outcome is unknown;
// down is closed when it steps down.
func (s *Store) BreakOwner() (down <-chan struct{}) {
	s.member.mu.Lock()
	defer s.member.mu.Unlock()
	s.member.owner.dead.Store(true)
	return s.member.owner.stop
}

// FailOwner makes the owner that s is step down, as after a write whose outcome
// is unknown, and calls then before s can own again. False: s was quicker.
func (s *Store) FailOwner(then func()) bool {
	m := s.member
	m.mu.Lock()
	failed := m.owner
	m.mu.Unlock()
	<-s.BreakOwner()
	for {
		m.mu.Lock()
		now := m.owner
		if now == nil {
			then()
		}
		m.mu.Unlock()
		if now != failed {
			return now == nil
		}
		runtime.Gosched()
	}
}

// Follow makes the clock that of a follower, whose owner's is at stamp and shares
// its plans in control.
func (c StoreClock) Follow(stamp tier.Stamp, control *l2mmap.Control) error {
	return c.c.follow(stamp, control)
}

// IsOwner reports whether s owns just now.
func (s *Store) IsOwner() bool { return s.member.node.Load().Status().Role == host.RoleOwner }

// Gather is the wait for a group alone, with a queue that is a number.
type Gather struct {
	g      gather
	queued atomic.Int64
}

func NewGather(answered, queued int) *Gather {
	g := &Gather{g: newGather()}
	g.g.answered(answered)
	g.queued.Store(int64(queued))
	return g
}

func (g *Gather) Arrive() { g.g.arrived() }

func (g *Gather) Queue() { g.g.queued(int(g.queued.Add(1))) }

func (g *Gather) Wait(took time.Duration) {
	g.g.wait(func() int { return int(g.queued.Load()) }, took)
}

// Late makes a wait one that took too long.
func (g *Gather) Late() { g.g.judge(true) }

// OnTheirWay is the number of callers that were answered and have not run yet.
func (s *Store) OnTheirWay() int64 { return s.auth.(*queue).gather.onTheirWay.Load() }
