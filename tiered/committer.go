package tiered

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/stratakv/strata/internal/failpoint"
	"github.com/stratakv/strata/tiered/tier"
)

// sweepBatch bounds the records that one expiry group removes.
const sweepBatch = 1024

// committer judges groups of writes and takes them through begin, commit, end
// over one durable tier. It has no goroutine and no lock for writing: its
// callers, the queue over l3bolt and the mutex over the memory store, see to
// it that one group at a time is in commit.
//
// The steps of a group (DESIGN: the data's way):
//
//  1. begin: inflight+1 on each touched bucket; conditional keys registered.
//  2. judge: the clock is read once; conditions see published state and the
//     group's earlier ops.
//  3. commit: one durable commit publishes the group at its end, so that
//     nobody sees any of it before its fsync, a refused CAS's answer included.
//  4. L2: the new frame or its removal, under the page lock.
//  5. end: generation+1 and inflight−1 on each touched bucket.
//  6. acknowledge: only now may callers know the outcome.
//
// A group whose outcome is unknown keeps its buckets in flight: nobody trusts
// a copy of them until the truth is read again by another opening.
type committer struct {
	durable  tier.Durable
	caches   coherence
	clock    *clock
	maxBytes int64 // quota, 0: none
	maxHeld  int64 // of what one request makes the judge hold
	// groupBytes bounds a group.
	groupBytes int64
	opts       *Options // what other processes' writes are admitted by
	reviving   reviving
	gate       gate // of calls that read

	// share makes a stamp that is about to be the clock's plan known to other
	// processes; nil: there are none.
	share func(tier.Stamp)

	version uint64     // last version given; used by the one group in commit
	usage   tier.Usage // likewise

	// dead says that some group's outcome is unknown: nothing that is judged on
	// what is published may be acknowledged any more, not even that nothing had
	// to be done. Written by the one group in commit.
	dead      atomic.Bool
	lastStamp atomic.Int64  // store time (ns) of the last stamp that was kept; likewise
	reached   atomic.Uint64 // the last version that is durable; likewise

	ops, swept   atomic.Uint64 // written by the one group in commit
	hits, misses atomic.Uint64 // written by loads
}

func newCommitter(d tier.Durable, c *clock, caches coherence, o *Options) *committer {
	s := d.State()
	return &committer{
		durable: d, caches: caches, clock: c, version: s.Version, usage: s.Usage,
		maxBytes: o.MaxBytes, maxHeld: o.Limits.BatchBytes, groupBytes: o.Limits.GroupBytes, opts: o,
	}
}

// commit takes reqs, all claimed, through the steps 1 to 5 and leaves each
// one's results and error in it. Step 6 is the caller's. Requests whose judging
// holds too much memory at once go in several groups.
func (c *committer) commit(reqs []*request) {
	for most := len(reqs); len(reqs) > 0; {
		some := reqs[:min(most, len(reqs))]
		n := c.commitGroup(some)
		if n < len(some) {
			most = 2 * n // begin and read no more than what is likely to fit
		}
		reqs = reqs[n:]
	}
}

// commitGroup commits the first of reqs, as many as it returns.
func (c *committer) commitGroup(reqs []*request) int {
	if c.dead.Load() {
		fail(reqs, tier.ErrUnavailable)
		return len(reqs)
	}
	g := c.caches.begin(reqs)
	failpoint.Pass("tiered-begun")
	bracket := c.reviving.add(reqs)
	n, err := c.judgeAndCommit(g, reqs)
	unknown := c.fatal(err)
	if err != nil {
		fail(reqs[:n], err)
	}
	if !unknown {
		c.caches.end(g, reqs[:n], c.version)
	}
	c.reviving.drop(bracket, unknown)
	return n
}

// fatal reports whether err leaves an outcome unknown, and remembers it.
func (c *committer) fatal(err error) bool {
	unknown := errors.Is(err, tier.ErrUnknownOutcome)
	if unknown {
		c.dead.Store(true)
	}
	return unknown
}

// judgeAndCommit leaves the outcome of the first n requests in them; err is the
// durable tier's and holds for all of these.
func (c *committer) judgeAndCommit(g *group, reqs []*request) (n int, err error) {
	now := c.clock.moment()
	j, err := c.judge(reqs, now, false)
	for err == nil && j.quota && c.sweep(now) > 0 {
		j, err = c.judge(reqs, now, false)
	}
	if err == nil {
		err = c.keep(g, j, reqs)
	}
	if errors.Is(err, tier.ErrFull) {
		return c.whenFull(g, reqs, now)
	}
	return j.judged, err
}

// whenFull tries the group again after the durable tier had no room for it:
// without the expired records if that is where the room is, and else without
// the requests that need room, on the reserve.
func (c *committer) whenFull(g *group, reqs []*request, now moment) (n int, err error) {
	if !c.durable.State().Durable && c.sweep(now) > 0 {
		return c.judgeAndCommit(g, reqs)
	}
	j, err := c.judge(reqs, now, true)
	if err == nil {
		err = c.keep(g, j, reqs)
	}
	return j.judged, err
}

// fail gives err to all requests, in place of what they were judged: they were
// judged on changes that did not happen. One that was refused did not happen,
// whatever became of the others.
func fail(reqs []*request, err error) {
	for _, r := range reqs {
		refused := r.err != nil
		r.results, r.err = nil, err
		if refused && errors.Is(err, tier.ErrUnknownOutcome) {
			r.err = tier.ErrUnavailable
		}
	}
}

// judge judges the first of reqs at now over the published state. It stops
// where it holds more than a group's bytes. With an error, it is one for all.
func (c *committer) judge(reqs []*request, now moment, reserve bool) (*judge, error) {
	c.usage = c.usage.Minus(c.durable.Overcount())
	views, err := c.views(reqs, now)
	if err != nil {
		return &judge{judged: len(reqs)}, err
	}
	j := &judge{
		durable: c.durable, now: now, maxBytes: c.maxBytes, maxHeld: c.maxHeld, opts: c.opts, reserve: reserve,
		views: views, version: c.version, usage: c.usage,
	}
	for _, r := range reqs {
		if j.held > c.groupBytes {
			break
		}
		j.request(r)
	}
	return j, nil
}

// views reads the heads of all keys of reqs. Where no quota asks what a record
// takes, those that every op replaces may be left out.
func (c *committer) views(reqs []*request, now moment) (map[string]view, error) {
	views := make(map[string]view, len(reqs))
	var keys []string
	for _, r := range reqs {
		for i := range r.ops {
			op := &r.ops[i]
			v, met := views[op.Key]
			if !met {
				v.blind = c.maxBytes == 0
				keys = append(keys, op.Key)
			}
			v.blind = v.blind && replaces(op, now)
			views[op.Key] = v
		}
	}
	heads, blind := make([]tier.Head, len(keys)), make([]bool, len(keys))
	for i, k := range keys {
		blind[i] = views[k].blind
	}
	damaged := c.durable.Heads(keys, heads, blind)
	if damaged != nil && !errors.Is(damaged, tier.ErrCorrupt) {
		return nil, fmt.Errorf("%w: %w", tier.ErrUnavailable, damaged)
	}
	for i, k := range keys {
		v := view{blind: blind[i]}
		if damaged != nil && heads[i].Version == 0 && !blind[i] {
			v.err = c.durable.Heads(keys[i:i+1], heads[i:i+1], nil)
			if v.err != nil && !errors.Is(v.err, tier.ErrCorrupt) {
				return nil, fmt.Errorf("%w: %w", tier.ErrUnavailable, v.err)
			}
		}
		v.Head = heads[i]
		views[k] = v
	}
	return views, nil
}

// keep makes j's group durable, brings the shared cache up to date and takes
// over the group's counts. A group without changes has nothing to wait for:
// what it was judged on is durable already.
func (c *committer) keep(g *group, j *judge, reqs []*request) error {
	if len(j.changes) == 0 {
		return nil
	}
	d := &tier.Group{Changes: j.changes, Version: j.version, Usage: j.usage, Stamp: c.clock.stamp(), Reserve: j.reserve}
	for _, r := range reqs[:j.judged] {
		if m, ok := r.memory(); ok {
			d.Memory = append(d.Memory, m)
		}
	}
	c.caches.committing(g, c.version+1, j.version)
	if err := c.durable.Commit(d); err != nil {
		return err
	}
	c.version, c.usage = j.version, j.usage
	c.reached.Store(j.version)
	c.stamped(d.Stamp)
	c.ops.Add(uint64(len(j.changes)))
	failpoint.Pass("tiered-committed")
	c.caches.committed(g, j.changes, j.now.ms)
	failpoint.Pass("tiered-cached")
	return nil
}

// sweep removes records whose deadline is at or before now, at most
// sweepBatch, as a group of its own, and returns how many.
func (c *committer) sweep(now moment) int {
	removed, _ := c.expire(now, sweepBatch)
	return removed
}

func (c *committer) expire(now moment, most int) (removed int, err error) {
	if c.dead.Load() {
		return 0, tier.ErrUnavailable
	}
	due, dueErr := c.durable.Due(now.ms, most)
	if len(due) == 0 {
		return 0, dueErr
	}
	ops := make([]tier.Op, len(due))
	for i, key := range due {
		ops[i] = tier.Op{Kind: tier.OpExpire, Key: key}
	}
	reqs := []*request{newRequest(ops)}
	g := c.caches.begin(reqs)
	j, err := c.judge(reqs, now, true)
	if err == nil {
		err = c.keep(g, j, reqs)
	}
	if c.fatal(err) {
		return 0, err
	}
	c.caches.end(g, reqs, c.version)
	if err != nil {
		return 0, err
	}
	c.swept.Add(uint64(len(j.changes)))
	return len(j.changes), dueErr
}

// The background looks at the stamp's age every stampEvery and keeps a new one
// from stampAge on, so that a second never passes without.
const (
	stampEvery = 200 * time.Millisecond
	stampAge   = 750 * time.Millisecond
)

// stampIsOld reports whether it is time to keep a stamp: records have
// deadlines, and a reboot with a wall clock gone back is to live a second again
// at most.
func (c *committer) stampIsOld() bool {
	return c.durable.Timed() && time.Duration(c.clock.stamp().Store-c.lastStamp.Load()) >= stampAge
}

// keepStamp makes a stamp durable.
func (c *committer) keepStamp() error {
	if c.dead.Load() {
		return tier.ErrUnavailable
	}
	g := &tier.Group{Version: c.version, Usage: c.usage, Stamp: c.clock.stamp(), Reserve: true}
	err := c.durable.Commit(g)
	if err == nil {
		c.stamped(g.Stamp)
	}
	c.fatal(err)
	return err
}

// stamped takes note that s is durable. One that came too late to be the
// clock's plan is replaced by the next look at the stamp's age.
func (c *committer) stamped(s tier.Stamp) {
	if c.clock.kept && !c.clock.adopt(s, c.share) {
		return
	}
	c.lastStamp.Store(s.Store)
}
