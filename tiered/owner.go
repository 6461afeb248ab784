//go:build !wasm

package tiered

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/stratakv/strata/host"
	"github.com/stratakv/strata/tiered/tier"
)

// owner is the authority of the process that owns, with what its followers need
// of it: a queue over the durable tier.
type owner struct {
	*queue
	keeper  *keeper
	memory  tier.Rememberer
	member  *member
	trainer *trainer      // nil: the durable tier keeps no dictionaries
	failed  chan struct{} // closed when it can write no more, and others may
	stop    chan struct{} // closed by release
	watched chan struct{} // closed when watch has ended

	left atomic.Bool // writes are left to the next owner

	sharedStamp tier.Stamp // the one group's in commit

	answered []*host.Posted // the committing goroutine's, reused
}

var _ host.Owned = (*owner)(nil)

// Hello implements host.Owned.
func (o *owner) Hello() host.Hello {
	state := o.durable.State()
	h := host.Hello{
		StoreID: state.ID, Epoch: state.Epoch, Opening: state.Opening, Seed: state.Seed,
		Version: o.reached.Load(), Stamp: *o.clock.plan.Load(),
	}
	if control := o.keeper.control; control.Shared() && control.Detached() == "" {
		h.Mapping, h.Place = control.ID(), control.Place()
	}
	return h
}

// WriteOnce implements host.Owned.
func (o *owner) WriteOnce(ctx context.Context, a host.Attempt, ops []tier.Op) ([]tier.Result, error) {
	if a.Again {
		outcome, known := o.memory.Recall(a.Client, a.Seq)
		switch {
		case known:
			return host.DecodeOutcome(outcome)
		case o.memory.Forgotten() > a.After:
			return nil, fmt.Errorf("%w: it is forgotten whether it was done", tier.ErrUnknownOutcome)
		}
	}
	results, err := o.writeWith(ctx, ops, a.Ticket, host.EncodeOutcome)
	return o.leftToNext(results, err)
}

// leftToNext is the outcome of a follower's write as its follower gets it.
func (o *owner) leftToNext(results []tier.Result, err error) ([]tier.Result, error) {
	if errors.Is(err, tier.ErrUnavailable) && !errors.Is(err, tier.ErrUnknownOutcome) && o.stepsDown() {
		// Nothing was done: the next one is to do it, so there is no staying.
		o.left.Store(true)
		return nil, tier.ErrClosed
	}
	return results, err
}

// Post implements host.Owned.
func (o *owner) Post(writes []*host.Posted) int {
	reqs := make([]*request, len(writes))
	for i, w := range writes {
		r := o.requests.get()
		r.use(w.Ops)
		r.ticket, r.encode, r.posted = w.Ticket, host.EncodeOutcome, w
		reqs[i], w.Mine = r, r
	}
	n := o.post(reqs)
	for _, r := range reqs[n:] {
		o.requests.put(r)
	}
	return n
}

// Withdraw implements host.Owned.
func (o *owner) Withdraw(w *host.Posted) { w.Mine.(*request).cancel() }

// giveBack answers requests that were posted.
func (o *owner) giveBack(reqs []*request) {
	done := o.answered[:0]
	for _, r := range reqs {
		w := r.posted.(*host.Posted)
		w.Results, w.Err = o.leftToNext(r.results, r.err)
		done = append(done, w)
	}
	host.Answer(done)
	clear(done)
	o.answered = done[:0]
	for _, r := range reqs {
		o.requests.put(r)
	}
}

// shareStamp shares s if it gives other readings than what was shared before.
func (o *owner) shareStamp(s tier.Stamp) {
	before := o.sharedStamp
	if s.Slew == 0 && before.Slew == 0 && s.Store-int64(s.Boot) == before.Store-int64(before.Boot) {
		return
	}
	o.sharedStamp = s
	o.keeper.control.ShareStamp(s)
}

// Dictionary implements host.Owned.
func (o *owner) Dictionary(_ context.Context, id uint32) ([]byte, error) {
	return o.trainer.find(id)
}

// Stats implements host.Owned.
func (o *owner) Stats() []byte {
	st := o.stats(o.member.opts)
	if st.Epoch == 0 {
		return nil // closed: the last ones that were told are better
	}
	st.Dictionaries = o.member.learning.stats()
	b, err := json.Marshal(st)
	if err != nil {
		return nil
	}
	return b
}

// Failed implements host.Owned.
func (o *owner) Failed() <-chan struct{} { return o.failed }

// stepEvery is how often an owner that can write no more looks whether another
// process could.
const stepEvery = 100 * time.Millisecond

// stepsDown says that nothing can be written any more, and that another process is
// there which may own.
func (o *owner) stepsDown() bool {
	if !o.dead.Load() {
		return false
	}
	node := o.member.node.Load()
	return node != nil && node.Status().Heirs > 0
}

// watch steps down when nothing can be written any more and another process is
// there to take over. Alone it stays: reads go on from what was acknowledged.
func (o *owner) watch() {
	defer close(o.watched)
	tick := time.NewTicker(stepEvery)
	defer tick.Stop()
	for {
		select {
		case <-o.stop:
			return
		case <-tick.C:
		}
		if o.left.Load() || o.stepsDown() {
			close(o.failed)
			return
		}
	}
}

// release is the queue's, between its last group and the durable tier's Close:
// who takes the lock next must find the words free.
func (o *owner) release() error {
	close(o.stop)
	<-o.watched
	o.trainer.close()
	o.keeper.stop()
	return o.member.released(o)
}
