package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/stratakv/strata/bench/versus/measure"
	"github.com/stratakv/strata/bench/versus/peer"
	"github.com/stratakv/strata/bench/versus/records"
	"github.com/stratakv/strata/bench/versus/report"
	"github.com/stratakv/strata/tiered"
)

var openLoopHow = []string{
	"Operations arrive at a fixed rate, 2,000 a second, whatever becomes of those before, as users do; one in ten is a durable Set. A time counts from when the operation was due, so that waiting behind another one counts (no coordinated omission). Keys by Zipf's law.",
	"Beside strata runs what it has to do now and then: a checkpoint, which a writer of batches provokes again and again (only what came due beside one counts); a sweep of as many expired records as a fifth of the store; and what follows when a fifth of the store is deleted at once.",
}

const (
	arrivals       = 2000 // a second
	arrivalWorkers = 256
)

// chore is what runs beside the arrivals.
type chore struct {
	name string
	// begin is called before, unmeasured; it gives what runs beside and, if only
	// some operations count, what tells which.
	begin func(ctx context.Context, b *bench, s *tiered.Store, n int) (beside func(context.Context) error, counts *atomic.Bool, end func(), err error)
}

func openLoop(ctx context.Context, b *bench, res *report.Result) error {
	n := b.set.base()
	keys := measure.Zipf(n)
	tables := map[float64]*report.Table{}
	quantiles := []float64{0.5, 0.99, 0.999}
	add := func(name string, run *measure.Histogram) {
		if run.Count() < 1000 {
			return
		}
		for _, q := range quantiles {
			tables[q].Add(name, micros(run.Quantile(q))/1000)
		}
	}
	var sides []*side
	for _, c := range chores {
		s := strataWith(c.name, "", tiered.Options{})
		sides = append(sides, b.over(s, n, func(ctx context.Context, kv peer.KV) error {
			run, err := b.beside(ctx, kv.(*peer.Strata), n, keys, c)
			add(c.name, run)
			return err
		}))
	}
	for _, s := range []system{bbolt(true), redis("always", peer.Pipelined, 0), pebbleSync()} {
		sides = append(sides, b.over(s, n, func(ctx context.Context, kv peer.KV) error {
			if err := warmed(ctx, 8, b.set.length, b.mix(ctx, kv, keys, 90)); err != nil {
				return err
			}
			run, err := measure.Open(ctx, arrivals, arrivalWorkers, 4*b.set.length, b.mix(ctx, kv, keys, 90))
			add(s.name, run.Times)
			return err
		}))
	}
	for _, q := range quantiles {
		tables[q] = table(res, fmt.Sprintf("%d operations a second, p%g", arrivals, q*100), "ms", false, sides...)
	}
	box := b.disk(fact(res, "The disk", "per second"))
	return b.alternate(ctx, res, min(b.set.rounds, 3), append(sides, box)...)
}

// beside measures arrivals beside a chore.
func (b *bench) beside(ctx context.Context, s *peer.Strata, n int, keys *measure.Keys, c chore) (*measure.Histogram, error) {
	op := b.mix(ctx, s, keys, 90)
	if err := warmed(ctx, 8, b.set.length, op); err != nil {
		return new(measure.Histogram), err
	}
	run, counts, end, err := c.begin(ctx, b, s.Store, n)
	if err != nil {
		return new(measure.Histogram), err
	}
	defer end()
	choreCtx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- run(choreCtx) }()
	if counts != nil {
		op = beside(counts, op)
	}
	times, err := measure.Open(ctx, arrivals, arrivalWorkers, 4*b.set.length, op)
	stop()
	if choreErr := <-ended; choreErr != nil && !stopped(choreErr) {
		err = errors.Join(err, choreErr)
	}
	if counts != nil {
		return times.Classes[classBeside], err
	}
	return times.Times, err
}

// stopped: the chore was cut short because the time was over.
func stopped(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, tiered.ErrUnknownOutcome)
}

var chores = []chore{
	{strata, func(context.Context, *bench, *tiered.Store, int) (func(context.Context) error, *atomic.Bool, func(), error) {
		return func(context.Context) error { return nil }, nil, func() {}, nil
	}},
	{"strata, checkpoints", provoke},
	{"strata, a sweep", sweep},
	{"strata, after deletions", deletions},
}

// provoke writes batches whenever no checkpoint is under way.
func provoke(_ context.Context, b *bench, s *tiered.Store, n int) (func(context.Context) error, *atomic.Bool, func(), error) {
	underWay, stop := checkpoints(s)
	rng := rand.New(rand.NewPCG(1, 9))
	return func(ctx context.Context) error {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
			if underWay.Load() {
				continue
			}
			var batch tiered.Batch
			for range min(300, n) {
				batch.Set(records.Key(rng.IntN(n)), b.values.At(rng.Int()), records.TTL)
			}
			if err := s.Write(ctx, &batch); err != nil {
				return err
			}
		}
	}, underWay, stop, nil
}

// fleeting stores a fifth of n more records, which live for ttl.
func (b *bench) fleeting(ctx context.Context, s *tiered.Store, n int, prefix string, ttl time.Duration) error {
	for first := 0; first < n/5; first += 1000 {
		var batch tiered.Batch
		for i := first; i < min(first+1000, n/5); i++ {
			batch.Set(prefix+records.Key(i), b.values.At(i), ttl)
		}
		if err := s.Write(ctx, &batch); err != nil {
			return err
		}
	}
	return nil
}

// sweep lets records expire just before the arrivals begin.
func sweep(ctx context.Context, b *bench, s *tiered.Store, n int) (func(context.Context) error, *atomic.Bool, func(), error) {
	none := func(context.Context) error { return nil }
	if err := b.fleeting(ctx, s, n, "fleeting:", time.Hour); err != nil {
		return nil, nil, nil, err
	}
	// They all end in the middle of the measurement.
	end := s.Now().Add(b.set.length)
	for first := 0; first < n/5; first += 1000 {
		var batch tiered.Batch
		for i := first; i < min(first+1000, n/5); i++ {
			batch.Touch("fleeting:"+records.Key(i), max(end.Sub(s.Now()), time.Millisecond))
		}
		if err := s.Write(ctx, &batch); err != nil && !errors.Is(err, tiered.ErrNotFound) {
			return nil, nil, nil, err
		}
	}
	return none, nil, func() {}, nil
}

// deletions deletes a fifth of the store at once.
func deletions(ctx context.Context, b *bench, s *tiered.Store, n int) (func(context.Context) error, *atomic.Bool, func(), error) {
	if err := b.fleeting(ctx, s, n, "churn:", time.Hour); err != nil {
		return nil, nil, nil, err
	}
	return func(ctx context.Context) error {
		_, err := s.DeletePrefix(ctx, "churn:")
		return err
	}, nil, func() {}, nil
}
