package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/stratakv/strata/bench/versus/measure"
	"github.com/stratakv/strata/bench/versus/peer"
	"github.com/stratakv/strata/bench/versus/records"
	"github.com/stratakv/strata/bench/versus/report"
	"github.com/stratakv/strata/tiered"
)

var coldHow = []string{
	"One goroutine gets records in a random order, none twice in a turn. Each system is opened anew for its turn, with empty caches, and reads a few thousand others first.",
	"The files are in the kernel's cache. strata fills L1 and L2 with what it reads, unless the row says otherwise; \"full\": both were full of other records before.",
}

// coldReads are bounded, so that no record is read twice.
const warmReads = 5000

func l3Get(ctx context.Context, b *bench, res *report.Result) error {
	n := b.set.base()
	var t *report.Table
	served := fact(res, "of these, served by L3", "part of all")
	var last kept
	turn := func(name string, before int) func(context.Context, peer.KV) error {
		return func(ctx context.Context, kv peer.KV) error {
			read := func(i int) error {
				v, err := kv.Get(ctx, records.Key(measure.Scatter(i, n)))
				last.value = v
				return err
			}
			for i := range before {
				if err := errors.Join(read(n-1-i), ctx.Err()); err != nil {
					return err
				}
			}
			hits := l3Hits(kv)
			most, count := n-before, 0
			took, err := perOperation(ctx, b.set.length, 64, func(int) error {
				count++
				return read((count - 1) % most)
			})
			t.Add(name, float64(took.Nanoseconds())/1000)
			if _, is := kv.(*peer.Strata); is {
				served.Add(name, float64(l3Hits(kv)-hits)/float64(count)).Ours = true
			}
			return err
		}
	}
	few, many := min(warmReads, n/4), min(300_000, n/2)
	systems := []struct {
		system
		before int
	}{
		{strataWith(strata, "all tiers", tiered.Options{}), few},
		{strataWith("strata, caches full", "all tiers", tiered.Options{}), many},
		{strataWith("strata, without caches", "L3 alone", tiered.Options{L1Bytes: -1, L2Bytes: -1}), few},
		{bbolt(false), few},
	}
	var sides []*side
	for _, s := range systems {
		if s.name == "bbolt, Update" {
			s.name = "bbolt, View and Get"
		}
		sides = append(sides, b.over(s.system, n, turn(s.name, s.before)))
	}
	t = table(res, fmt.Sprintf("Get over %d records", n), "µs", false, sides...)
	if err := b.alternate(ctx, res, b.set.rounds, sides...); err != nil {
		return err
	}
	b.judge(res, n, 1_000_000, report.Over("Get served by L3 / bbolt View and Get", t.Row(strata), t.Row("bbolt, View and Get"), true, 1.5))
	return nil
}

func l3Hits(kv peer.KV) uint64 {
	if s, is := kv.(*peer.Strata); is {
		return s.Store.Stats().L3.Hits
	}
	return 0
}
