package measure

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Open starts operations at a fixed rate, whatever becomes of those before, as
// users do; so many may be under way at once. An operation's time counts from
// the moment at which it was due: one that waits because others are stuck is
// late, and counted so (no "coordinated omission").
func Open(ctx context.Context, perSecond float64, workers int, length time.Duration, op func(*Caller) error) (Run, error) {
	var (
		next    atomic.Int64
		running sync.WaitGroup
		all     = make([]*Caller, workers)
		errs    = make([]error, workers)
		begin   = time.Now()
		every   = time.Duration(float64(time.Second) / perSecond)
		total   = int64(length / every)
	)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for i := range workers {
		c := newCaller(i, begin.UnixNano())
		all[i] = c
		running.Go(func() {
			for {
				n := next.Add(1) - 1
				due := begin.Add(time.Duration(n) * every)
				if n >= total || !waitUntil(ctx, due) {
					return
				}
				if errs[i] = op(c); errs[i] != nil {
					cancel()
					return
				}
				c.add(time.Since(due))
			}
		})
	}
	running.Wait()
	r := collect(all, time.Since(begin))
	if err := errors.Join(errs...); err != nil {
		return r, err
	}
	return r, ctx.Err()
}

// waitUntil is false if ctx ended first.
func waitUntil(ctx context.Context, due time.Time) bool {
	delay := time.Until(due)
	if delay <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
