package main

import (
	"context"
	"fmt"
	"time"

	"github.com/stratakv/strata/bench/versus/measure"
	"github.com/stratakv/strata/bench/versus/peer"
	"github.com/stratakv/strata/bench/versus/records"
	"github.com/stratakv/strata/bench/versus/report"
	"github.com/stratakv/strata/tiered"
)

var mixedHow = []string{
	"64 callers over all records: nine of ten operations are Gets, one is a Set, durable but for \"everysec\". Keys by Zipf's law (0.99), as sessions are asked for, which is judged; and evenly, over at most three rounds. Redis over a Unix socket by rueidis as it comes, which sends what is asked at once together; with its client-side caching, reads of what the client has seen are answered from its own memory, and the server tells it of changes.",
	"All stay open over the rounds, with what is in their caches, 128 MiB each; they were warmed by the same load. A checkpoint that a turn of strata has begun ends before the next system's turn.",
}

func mixed(ctx context.Context, b *bench, res *report.Result) error {
	n := b.set.base()
	if err := b.mixedBy(ctx, res, "Zipf", measure.Zipf(n), b.set.rounds); err != nil {
		return err
	}
	rate := res.Tables[0]
	rate.Headline = true
	for _, peer := range []string{"Redis always, rueidis", "Redis everysec, rueidis"} {
		b.judge(res, n, 1_000_000, report.Over("reads 90 / writes 10, 64 callers, throughput / "+peer, rate.Row(strata), rate.Row(peer), false, 10))
	}
	return b.mixedBy(ctx, res, "uniform", measure.Uniform(n), min(b.set.rounds, 3))
}

// mixedBy compares over keys of one distribution.
func (b *bench) mixedBy(ctx context.Context, res *report.Result, by string, keys *measure.Keys, rounds int) error {
	const callers, reads = 64, 90
	n := b.set.base()
	var rate, gets, putsTail *report.Table
	warm := func(ctx context.Context, kv peer.KV) error {
		return warmed(ctx, callers, 3*b.set.length, b.mix(ctx, kv, keys, reads))
	}
	systems := []system{
		strataWith(strata, "", tiered.Options{}),
		redis("always", peer.Pipelined, 0), redis("everysec", peer.Pipelined, 0),
		redis("always", peer.Cached, 0), redis("everysec", peer.Cached, 0),
	}
	var sides []*side
	for _, s := range systems {
		sides = append(sides, b.kept(s, n, warm, func(ctx context.Context, kv peer.KV) error {
			if err := b.policy(ctx, s, n); err != nil {
				return err
			}
			run, err := measure.Closed(ctx, callers, b.set.length, b.mix(ctx, kv, keys, reads))
			rate.Add(s.name, run.PerSecond())
			gets.Add(s.name, micros(run.Classes[classGet].Quantile(0.99)))
			putsTail.Add(s.name, micros(run.Classes[classSet].Quantile(0.99)))
			return err
		}))
	}
	rate = table(res, fmt.Sprintf("Reads 90 %%, writes 10 %%, %s records, %s, %d callers", count(n), by, callers), "per second", true, sides...)
	gets = table(res, "Of these ("+by+"), Get, p99", "µs", false, sides...)
	putsTail = table(res, "Of these ("+by+"), Set, p99", "µs", false, sides...)
	box := b.disk(fact(res, "The disk", "per second"))
	return b.alternate(ctx, res, rounds, append(sides, box)...)
}

// The classes of operations in a mix.
const (
	classGet = iota
	classSet
)

// mix gives an operation that reads in so many of a hundred cases, and writes in
// the others.
func (b *bench) mix(ctx context.Context, kv peer.KV, keys *measure.Keys, reads int) func(*measure.Caller) error {
	return func(c *measure.Caller) error {
		key := records.Key(keys.Next(c.Rng))
		if c.Rng.IntN(100) < reads {
			c.Class = classGet
			_, err := kv.Get(ctx, key)
			return err
		}
		c.Class = classSet
		return kv.Set(ctx, key, b.values.At(c.Rng.Int()))
	}
}

// warmed repeats an operation unmeasured.
func warmed(ctx context.Context, callers int, length time.Duration, op func(*measure.Caller) error) error {
	_, err := measure.Closed(ctx, callers, length, op)
	return err
}
