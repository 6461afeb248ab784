package tiered

import (
	"context"
	"sync"

	"github.com/stratakv/strata/tiered/tier"
)

// sweepPerWrite bounds the expired records that one write to the memory store
// clears away beside its own work.
const sweepPerWrite = 8

// direct is the authority over the memory store: a mutex in place of a queue,
// and no goroutine. Each write is a group of its own.
type direct struct {
	*committer
	mu      sync.Mutex // held by the one group in commit
	once    sync.Once
	closing error // written in once
}

func newDirect(c *committer) *direct { return &direct{committer: c} }

// Write implements [tier.Authority].
func (d *direct) Write(ctx context.Context, ops []tier.Op) ([]tier.Result, error) {
	if !d.gate.enter() {
		return nil, tier.ErrClosed
	}
	defer d.gate.leave()
	r := newRequest(ops)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.commit([]*request{r})
	// A fault in clearing away is no fault of this write; DeleteExpired reports it.
	_, _ = d.expire(d.clock.moment(), sweepPerWrite)
	return r.results, r.err
}

// DeleteExpired implements [tier.Authority].
func (d *direct) DeleteExpired(ctx context.Context) (int, error) {
	if !d.gate.enter() {
		return 0, tier.ErrClosed
	}
	defer d.gate.leave()
	for total := 0; ; {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		d.mu.Lock()
		n, err := d.expire(d.clock.moment(), sweepBatch)
		d.mu.Unlock()
		total += n
		if err != nil || n < sweepBatch {
			return total, err
		}
	}
}

// Close implements [tier.Authority].
func (d *direct) Close() error {
	d.once.Do(func() {
		d.gate.shut()
		d.closing = d.durable.Close()
	})
	return d.closing
}
