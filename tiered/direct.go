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
	requests requests

	mu      sync.Mutex // held by the one group in commit; guards one
	one     [1]*request
	once    sync.Once
	closing error // written in once
}

func newDirect(c *committer) *direct { return &direct{committer: c} }

// Write implements [tier.Authority].
func (d *direct) Write(ctx context.Context, ops []tier.Op) ([]tier.Result, error) {
	r := newRequest(ops)
	err := d.write(ctx, r)
	return r.results, err
}

// WriteOne implements [tier.Authority].
func (d *direct) WriteOne(ctx context.Context, op tier.Op) (tier.Result, error) {
	r := d.requests.get()
	r.useOne(&op)
	err := d.write(ctx, r)
	res := r.first()
	d.requests.put(r)
	return res, err
}

func (d *direct) write(ctx context.Context, r *request) error {
	if !d.gate.enter() {
		return tier.ErrClosed
	}
	defer d.gate.leave()
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	d.one[0] = r
	d.commit(d.one[:])
	d.one[0] = nil
	// A fault in clearing away is no fault of this write; DeleteExpired reports it.
	_, _ = d.expire(d.clock.moment(), sweepPerWrite)
	return r.err
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
