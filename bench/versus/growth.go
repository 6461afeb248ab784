package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/stratakv/strata/bench/versus/measure"
	"github.com/stratakv/strata/bench/versus/peer"
	"github.com/stratakv/strata/bench/versus/records"
	"github.com/stratakv/strata/bench/versus/report"
	"github.com/stratakv/strata/tiered"
)

var growthHow = []string{
	"strata alone, one goroutine. Hits of L1 and L2: of 4,096 records, in turn, that were read before; the p50 is over the means of 16 Gets each, as a look at the clock costs as much as a hit. L3: without caches, each record as likely as any other, each Get by itself. Both stores of a pair stay open over the rounds; for L3 their files were read and a good part of the records was asked for before, so that the kernel has the files in its cache, as far as it has room, and the process has them mapped.",
	"The tier is asserted by the store's own counters: what another one answered is less than one in twenty.",
}

// warmPasses bring hot records up, from the disk perhaps, however long it takes.
const warmPasses = 4

// growthTier is a way in which a Get is answered.
type growthTier struct {
	tier  tiered.Tier
	opts  tiered.Options
	hot   int // of so many records, 0: of all
	each  int // Gets that are timed together
	bound float64
}

var growthTiers = []growthTier{
	{tiered.TierL1, tiered.Options{}, hotKeys, 16, 1.3},
	{tiered.TierL2, tiered.Options{L1Bytes: -1}, hotKeys, 16, 1.3},
	{tiered.TierL3, tiered.Options{L1Bytes: -1, L2Bytes: -1}, 0, 1, 2},
}

func growth(ctx context.Context, b *bench, res *report.Result) error {
	for _, tier := range growthTiers {
		name := map[bool]string{true: "L1 hit", false: "L2 hit"}[tier.tier == tiered.TierL1]
		if tier.tier == tiered.TierL3 {
			name = "L3"
		}
		t := fact(res, "Get, "+name+", p50", "ns")
		row := func(n int) string { return count(n) + " records" }
		var sides []*side
		for _, n := range []int{b.set.small(), b.set.large()} {
			s := strataWith(row(n), "", tier.opts)
			get := tier.getter(ctx, n)
			warm := func(ctx context.Context, kv peer.KV) error {
				length := b.set.length / 2
				for i := range warmPasses * min(tier.hot, n) {
					if _, err := kv.Get(ctx, records.Key(i%tier.hot%n)); err != nil {
						return err
					}
				}
				if tier.hot == 0 {
					length = 4 * b.set.length
					if err := readFiles(ctx, filepath.Join(b.data, fmt.Sprintf("%s-%d", s.files, n))); err != nil {
						return err
					}
				}
				return warmed(ctx, 1, length, get(kv))
			}
			sides = append(sides, b.kept(s, n, warm, func(ctx context.Context, kv peer.KV) error {
				share := servedBy(kv, tier.tier)
				run, err := measure.Closed(ctx, 1, b.set.length, get(kv))
				t.Add(row(n), float64(run.Times.Quantile(0.5))/float64(tier.each))
				return errors.Join(err, answered(share, int(run.Times.Count())*tier.each, tier.tier))
			}))
			if b.set.small() == b.set.large() {
				break
			}
		}
		if err := b.alternate(ctx, res, b.set.rounds, sides...); err != nil {
			return err
		}
		target := report.Over(fmt.Sprintf("Get p50, %s, %s / %s", name, row(b.set.large()), row(b.set.small())),
			t.Row(row(b.set.large())), t.Row(row(b.set.small())), true, tier.bound)
		b.judge(res, b.set.large(), 10_000_000, target)
	}
	return nil
}

// getter gives what makes operations on a store of n records.
func (g growthTier) getter(ctx context.Context, n int) func(peer.KV) func(*measure.Caller) error {
	keys, at := measure.Uniform(n), 0
	return func(kv peer.KV) func(*measure.Caller) error {
		return func(c *measure.Caller) error {
			for range g.each {
				i := at % max(min(g.hot, n), 1)
				if g.hot == 0 {
					i = keys.Next(c.Rng)
				}
				if _, err := kv.Get(ctx, records.Key(i)); err != nil {
					return err
				}
				at++
			}
			return nil
		}
	}
}
