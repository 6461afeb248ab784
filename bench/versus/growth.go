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

var growthHow = []string{
	"strata alone, one goroutine. Hits of L1 and L2: of 4,096 records, in turn, that were read before; the p50 is over the means of 16 Gets each, as a look at the clock costs as much as a hit. L3: without caches, each record as likely as any other, each Get by itself; the files were read once before, so that they are in the kernel's cache as far as it has room.",
}

func growth(ctx context.Context, b *bench, res *report.Result) error {
	tiers := []struct {
		name  string
		opts  tiered.Options
		hot   int // 0: all records
		each  int
		bound float64
	}{
		{"L1 hit", tiered.Options{}, hotKeys, 16, 1.3},
		{"L2 hit", tiered.Options{L1Bytes: -1}, hotKeys, 16, 1.3},
		{"L3", tiered.Options{L1Bytes: -1, L2Bytes: -1}, 0, 1, 2},
	}
	for _, tier := range tiers {
		t := fact(res, "Get, "+tier.name+", p50", "ns")
		row := func(n int) string { return fmt.Sprintf("%d records", n) }
		var sides []*side
		for _, n := range []int{b.set.small(), b.set.large()} {
			s := strataWith(row(n), "", tier.opts)
			keys := measure.Uniform(n)
			sides = append(sides, b.over(s, n, func(ctx context.Context, kv peer.KV) error {
				if err := b.readFiles(ctx, n); err != nil {
					return err
				}
				at := 0
				get := func(c *measure.Caller) error {
					var errs error
					for range tier.each {
						i := at % max(tier.hot, 1)
						if tier.hot == 0 {
							i = keys.Next(c.Rng)
						}
						_, err := kv.Get(ctx, records.Key(i))
						errs = errors.Join(errs, err)
						at++
					}
					return errs
				}
				if err := warmed(ctx, 1, b.set.length/2, get); err != nil {
					return err
				}
				run, err := measure.Closed(ctx, 1, b.set.length, get)
				t.Add(row(n), float64(run.Times.Quantile(0.5))/float64(tier.each))
				return err
			}))
		}
		if err := b.alternate(ctx, res, b.set.rounds, sides...); err != nil {
			return err
		}
		target := report.Over(fmt.Sprintf("Get p50, %s, %s / %s", tier.name, row(b.set.large()), row(b.set.small())),
			t.Row(row(b.set.large())), t.Row(row(b.set.small())), true, tier.bound)
		b.judge(res, b.set.large(), 10_000_000, target)
	}
	return nil
}
