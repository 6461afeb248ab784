package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/stratakv/strata/bench/versus/measure"
	"github.com/stratakv/strata/bench/versus/peer"
	"github.com/stratakv/strata/bench/versus/report"
	"github.com/stratakv/strata/tiered"
)

var checkpointHow = []string{
	"strata alone. Each round opens the store, sets for a while that is not counted, and then for long enough that checkpoints run, under the same load with and without; a Set counts as beside a checkpoint if one was under way when it began or ended (Stats, looked at every millisecond).",
}

// The classes of operations beside what the store does by itself.
const (
	classQuiet = iota
	classBeside
)

// checkpoints watches whether a checkpoint is under way.
func checkpoints(s *tiered.Store) (underWay *atomic.Bool, stop func()) {
	underWay = new(atomic.Bool)
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
				underWay.Store(s.Stats().L3.Checkpointing)
			}
		}
	}()
	return underWay, func() { close(end); <-ended }
}

// beside classes what op does by what is under way.
func beside(underWay *atomic.Bool, op func(*measure.Caller) error) func(*measure.Caller) error {
	return func(c *measure.Caller) error {
		before := underWay.Load()
		err := op(c)
		if c.Class = classQuiet; before || underWay.Load() {
			c.Class = classBeside
		}
		return err
	}
}

func checkpoint(ctx context.Context, b *bench, res *report.Result) error {
	const writers = 64
	n, keys := b.set.base(), measure.Uniform(b.set.base())
	p99, rate := fact(res, "Durable Set, 64 at once, p99", "ms"), fact(res, "Sets that were counted", "per round")
	var ran uint64
	without, with := "without a checkpoint", "beside one"
	s := b.over(strataWith(strata, "", tiered.Options{}), n, func(ctx context.Context, kv peer.KV) error {
		store := kv.(*peer.Strata).Store
		set := b.setter(ctx, kv, keys)
		if err := warmed(ctx, writers, b.set.length/2, set); err != nil {
			return err
		}
		underWay, stop := checkpoints(store)
		run, err := measure.Closed(ctx, writers, 8*b.set.length, beside(underWay, set))
		stop()
		ran += store.Stats().L3.Checkpoints
		for class, name := range []string{classQuiet: without, classBeside: with} {
			rate.Add(name, float64(run.Classes[class].Count()))
			if run.Classes[class].Count() >= 1000 {
				p99.Add(name, micros(run.Classes[class].Quantile(0.99))/1000)
			}
		}
		return err
	})
	if err := b.alternate(ctx, res, b.set.rounds, s); err != nil {
		return err
	}
	fact(res, "Checkpoints", "in all rounds").Add("ended", float64(ran))
	t := report.Over("p99 of durable Set at 64 writers, beside a checkpoint / without", p99.Row(with), p99.Row(without), true, 3)
	if ran == 0 || len(p99.Row(with).Values) < b.set.rounds || len(p99.Row(without).Values) < b.set.rounds {
		t.Because = "too few Sets beside a checkpoint, or without"
	}
	b.judge(res, n, 1_000_000, t)
	return nil
}
