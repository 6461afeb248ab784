//go:build !wasm

package tiered

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/stratakv/strata/l1"
	"github.com/stratakv/strata/l2mmap"
	"github.com/stratakv/strata/tiered/tier"
)

// retryLocked is how long the background waits before it tries a page again
// whose holder is stopped.
const retryLocked = 10 * time.Millisecond

// caches are the tiers above the truth, with the words that say which copies
// are good. The way of a read is at Store.fetch.
//
// Who may write what: the words, and frames by Put and Remove, are the
// committer's and, for buckets that it had to leave in flight, the
// background's. Readers fill L2 only under the page lock while the word is the
// one they read before their load, with nothing in flight; L1 needs no check,
// as its entries carry the generation that they were read at.
type caches struct {
	seed    uint64
	control *l2mmap.Control
	l1      *l1.Cache     // nil: none
	l2      *l2mmap.Cache // nil: none
	flights flights
	door    doorkeeper
	now     func() int64 // the store's clock, unix milliseconds
	frames  sync.Pool    // *[]byte, for frames from L2
	without string       // why there is no L2, if there is to be one

	log  *slog.Logger
	told atomic.Bool // that the words are not trusted any more was logged

	faults atomic.Uint64 // written by readers: frames from L2 that did not decode
}

// keeper keeps the words, and L2 with them, in step with the truth: the part of
// caches that only the process has that owns. It ends before they do.
type keeper struct {
	*caches

	groups []*group // the committer's: that have ended

	mu      sync.Mutex // guards left and closed
	left    map[uint16]*leftover
	closed  bool
	wake    chan struct{} // capacity 1: left is not empty, or closed
	stopped chan struct{} // closed when the background has ended
}

// leftover is a bucket that the background keeps in flight until what may be
// stale is out of L2. There is one for a bucket at most, whatever number of
// groups had to leave it: they end their own brackets.
type leftover struct {
	groups uint64   // brackets that are still open
	keys   []string // to be removed
	all    bool     // instead of keys: all of the bucket
}

// maxLeftKeys is how many keys of a bucket are remembered; beyond, all of the
// bucket goes.
const maxLeftKeys = 16

func newCaches(seed uint64, control *l2mmap.Control, one *l1.Cache, two *l2mmap.Cache, clock *clock, o *Options, without error) *caches {
	c := &caches{
		seed: seed, control: control, l1: one, l2: two,
		door: newDoorkeeper(max(o.L1Bytes, 0) + max(o.L2Bytes, 0)), now: clock.now,
		log: o.Logger,
	}
	if without != nil {
		c.without = without.Error()
	}
	c.frames.New = func() any { return new([]byte) }
	return c
}

// newKeeper takes over c, and the buckets that stay in flight.
func newKeeper(c *caches, left []l2mmap.InFlight) *keeper {
	k := &keeper{
		caches: c, left: make(map[uint16]*leftover),
		wake: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
	for _, f := range left {
		k.left[f.Bucket] = &leftover{groups: f.Groups, all: true}
	}
	k.signal()
	go k.background()
	return k
}

func (c *caches) hash(key string) uint64 { return xxh3.HashStringSeed(key, c.seed) }

// begin implements [coherence].
func (c *keeper) begin(reqs []*request) *group {
	g := c.newGroup()
	for _, r := range reqs {
		for i := range r.ops {
			bucket := l2mmap.BucketOf(c.hash(r.ops[i].Key))
			at, met := g.index[bucket]
			if !met {
				at = int32(len(g.buckets))
				g.index[bucket] = at
				g.buckets = append(g.buckets, groupBucket{number: bucket})
				c.control.Begin(bucket)
			}
			g.buckets[at].ops++
			g.ops = append(g.ops, at)
		}
	}
	return g
}

// maxKeptGroup is the most buckets and ops of a group that is used again.
const maxKeptGroup = 4096

// newGroup gives an empty group. A sweep within a group has one of its own.
func (c *keeper) newGroup() *group {
	if n := len(c.groups); n > 0 {
		g := c.groups[n-1]
		c.groups = c.groups[:n-1]
		return g
	}
	return &group{index: make(map[uint16]int32), met: make(map[string]struct{})}
}

// keepGroup takes back a group that has ended.
func (c *keeper) keepGroup(g *group) {
	if len(g.ops) > maxKeptGroup {
		return
	}
	clear(g.index)
	clear(g.met)
	clear(g.buckets)
	g.buckets, g.ops = g.buckets[:0], g.ops[:0]
	c.groups = append(c.groups, g)
}

// committing implements [coherence].
func (c *keeper) committing(_ *group, first, last uint64) { c.control.SetGroup(first, last) }

// committed implements [coherence]. A key that a group changes more than once
// is brought up to date by its last change: the earlier ones are never seen. A
// page that is locked is waited for once.
func (c *keeper) committed(g *group, changes []tier.Change, now int64) {
	if c.l2 == nil {
		return
	}
	var locked map[int]bool
	for i := range changes {
		ch := &changes[i]
		hash := c.hash(ch.Key)
		bucket := l2mmap.BucketOf(hash)
		page := c.l2.Page(bucket)
		if !locked[page] {
			var err error
			if ch.Frame != nil {
				err = c.l2.Put(ch.Key, hash, ch.Frame, ch.Deadline, now)
			} else {
				err = c.l2.Remove(ch.Key, hash)
			}
			if !errors.Is(err, l2mmap.ErrLockedPage) {
				continue
			}
			if locked == nil {
				locked = make(map[int]bool)
			}
			locked[page] = true
		}
		b := &g.buckets[g.index[bucket]]
		b.left = append(b.left, ch.Key)
	}
}

// end implements [coherence].
func (c *keeper) end(g *group, reqs []*request, version uint64) {
	for i := range g.buckets {
		b := &g.buckets[i]
		if b.left == nil || !c.leave(b.number, b.left) {
			b.tag = c.control.End(b.number).Generation()
		}
	}
	c.control.EndGroup(version)
	detached := c.control.Detached()
	if detached == "" && c.l1 != nil {
		c.tell(g, reqs)
	}
	c.tellDetached(detached)
	c.keepGroup(g)
}

// tellDetached warns, once, that the words are not trusted any more for reason,
// if there is one.
func (c *caches) tellDetached(reason string) {
	if reason != "" && reason != "closed" && !c.told.Swap(true) {
		c.log.Warn("strata: the caches are not trusted any more until the store is opened again",
			slog.String("package", "tiered"), slog.String("reason", reason))
	}
}

// tell finds the last op on each key.
func (c *keeper) tell(g *group, reqs []*request) {
	at := 0
	for _, r := range reqs {
		at += len(r.ops)
	}
	for n := len(reqs) - 1; n >= 0; n-- {
		r := reqs[n]
		at -= len(r.ops)
		for i := len(r.results) - 1; i >= 0; i-- {
			res, op, b := &r.results[i], &r.ops[i], &g.buckets[g.ops[at+i]]
			if !res.Applied {
				continue
			}
			if b.ops > 1 {
				if _, later := g.met[op.Key]; later {
					continue
				}
				g.met[op.Key] = struct{}{}
			}
			res.Own, res.Tag = b.left == nil && op.Kind == tier.OpSet && res.FrameLen > 0, b.tag
		}
	}
}

// leave gives keys of a bucket to the background, and says whether the group's
// bracket goes with them; if the bucket is the background's already, the group
// ends its own.
func (c *keeper) leave(bucket uint16, keys []string) (bracket bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.left[bucket]
	if bracket = l == nil; bracket {
		l = &leftover{groups: 1}
		c.left[bucket] = l
	}
	l.add(keys)
	c.signal()
	return bracket
}

func (l *leftover) add(keys []string) {
	l.keys = append(l.keys, keys...)
	if len(l.keys) > maxLeftKeys {
		l.keys, l.all = nil, true
	}
}

func (c *keeper) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// background takes what the committer had to leave out of L2 and then ends the
// buckets, each by generation+1 and minus its own brackets. It never puts a
// frame: by now a later group may have put a newer one. What is left at Close
// stays in flight, and the next opening repairs it.
func (c *keeper) background() {
	defer close(c.stopped)
	for range c.wake {
		for {
			locked, more := c.repair()
			if !more {
				break
			}
			if locked {
				c.pause()
			}
		}
		if c.isClosed() {
			return
		}
	}
}

// pause waits for retryLocked, or less if there is something new.
func (c *keeper) pause() {
	timer := time.NewTimer(retryLocked)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.wake:
	}
}

func (c *keeper) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// repair tries each leftover once. locked says that a page was locked, more
// that there is something left to do.
func (c *keeper) repair() (locked, more bool) {
	c.mu.Lock()
	buckets := slices.Collect(maps.Keys(c.left))
	c.mu.Unlock()
	pages := make(map[int]bool)
	for _, b := range buckets {
		if c.isClosed() {
			return false, false
		}
		if page := c.l2.Page(b); !pages[page] {
			pages[page] = !c.repairBucket(b)
			locked = locked || pages[page]
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return locked, len(c.left) > 0 && !c.closed
}

// repairBucket is false if the bucket's page is locked.
func (c *keeper) repairBucket(bucket uint16) bool {
	c.mu.Lock()
	l := c.left[bucket]
	keys, all := l.keys, l.all
	l.keys, l.all = nil, false
	c.mu.Unlock()
	done := c.clear(bucket, keys, all)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !done:
		l.all = l.all || all
		l.add(keys)
	case len(l.keys) == 0 && !l.all: // nothing came meanwhile
		delete(c.left, bucket)
		c.control.EndMany(bucket, l.groups)
	}
	return done
}

// clear takes keys, or all of the bucket, out of L2; false if the page is
// locked.
func (c *keeper) clear(bucket uint16, keys []string, all bool) bool {
	if all {
		return c.control.Repair(l2mmap.InFlight{Bucket: bucket}, c.l2) == nil
	}
	for _, key := range keys {
		if errors.Is(c.l2.Remove(key, c.hash(key)), l2mmap.ErrLockedPage) {
			return false
		}
	}
	return true
}

// stop ends the background; the committer has ended.
func (c *keeper) stop() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.signal()
	<-c.stopped
}

// close releases the tiers; the keeper, if there is one, has been stopped.
func (c *caches) close() error {
	var err error
	if c.l2 != nil {
		err = c.l2.Close()
	}
	if c.l1 != nil {
		c.l1.Close()
	}
	return errors.Join(err, c.control.Close())
}
