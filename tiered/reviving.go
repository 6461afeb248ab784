package tiered

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/stratakv/strata/tiered/tier"
)

// reviving are the keys of groups in flight whose records may get a later end
// because they are alive: those of Touch, of conditional Set, and of a Check,
// whose batch may set them too. Such a write is judged before the old deadline and published after the fsync, perhaps
// after that deadline. A reader between the two must not say that the record
// is gone (P4, P5: nothing revives), and must not see the unsynced new one
// (P3): it waits for the group's end. No other load ever waits.
//
//  1. A group's keys are added before its judge reads the clock.
//  2. They are dropped after the group is published, or known not to happen.
//
// So whoever reads the clock at or after a record's deadline, then finds its
// key not here, then reads the same record again, knows that nobody extended
// it in time.
type reviving struct {
	n  atomic.Int64 // groups added so far and not dropped; written under mu
	mu sync.Mutex   // guards keys
	// keys holds for each key the groups in flight, one at most but for groups
	// of unknown outcome.
	keys map[string]*bracket
}

// bracket is one group's stay in reviving.
type bracket struct {
	keys []string
	done chan struct{} // closed when the group's outcome is known, or known to stay unknown
	lost bool          // the outcome stays unknown; set before done is closed
}

// add registers the keys of conditional ops of reqs; nil if there are none.
func (rv *reviving) add(reqs []*request) *bracket {
	var keys []string
	for _, r := range reqs {
		for i := range r.ops {
			if extends(&r.ops[i]) {
				keys = append(keys, r.ops[i].Key)
			}
		}
	}
	if keys == nil {
		return nil
	}
	b := &bracket{keys: keys, done: make(chan struct{})}
	rv.mu.Lock()
	defer rv.mu.Unlock()
	if rv.keys == nil {
		rv.keys = make(map[string]*bracket)
	}
	for _, k := range keys {
		rv.keys[k] = b
	}
	rv.n.Add(1)
	return b
}

// extends reports whether op rests on the record of its key being alive: itself,
// or, as a Check, with its whole request.
func extends(op *tier.Op) bool {
	switch op.Kind {
	case tier.OpTouch:
		return true
	case tier.OpSet:
		return op.If && op.Expect != 0
	case tier.OpCheck:
		return op.Expect != 0
	}
	return false
}

// drop ends b's stay. If its outcome is unknown the keys stay, and readers of
// their expired records get ErrUnavailable.
func (rv *reviving) drop(b *bracket, unknown bool) {
	if b == nil {
		return
	}
	rv.mu.Lock()
	defer rv.mu.Unlock()
	b.lost = unknown
	close(b.done)
	if unknown {
		return
	}
	for _, k := range b.keys {
		if rv.keys[k] == b {
			delete(rv.keys, k)
		}
	}
	rv.n.Add(-1)
}

// wait returns false at once if key is in no group in flight, and else true after
// the group's end.
func (rv *reviving) wait(ctx context.Context, key string) (waited bool, err error) {
	if rv.n.Load() == 0 {
		return false, nil
	}
	rv.mu.Lock()
	b := rv.keys[key]
	rv.mu.Unlock()
	if b == nil {
		return false, nil
	}
	select {
	case <-b.done:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if b.lost {
		return true, tier.ErrUnavailable
	}
	return true, nil
}
