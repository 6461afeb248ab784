package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stratakv/strata/bench/versus/measure"
	"github.com/stratakv/strata/bench/versus/peer"
	"github.com/stratakv/strata/bench/versus/records"
	"github.com/stratakv/strata/bench/versus/report"
	"github.com/stratakv/strata/tiered"
)

var setsHow = []string{
	"Session records of 150 to 2,000 bytes replace others, each as likely as any other. A Set counts when the system says that it is on the disk; \"everysec\" does not say that.",
	"bbolt: freelist as a map, written with each commit, as it comes, and beside it not written (NoFreelistSync); Batch with 1 ms instead of 10. Pebble: memtables of 64 MiB. Badger: without detection of conflicts; values in the tree, as it comes, and in its log. All LSM trees: 128 MiB of block cache. Redis: Unix socket, no snapshots, no rewriting of its log; a connection for each caller and one command at a time, and beside it rueidis as it comes, which sends what is asked at once together.",
	"Each store is opened for its turn and closed after it, so that its background work is in its own turn or in none; a quarter of the time is not counted, to warm it. Redis stays up. Peers that no target is about have two rounds. A turn may end before what a system gathers in memory has to go into its files, as strata's and Pebble's does: what that costs strata in the long run is in the sustained part.",
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// setter gives an operation that sets one of n records.
func (b *bench) setter(ctx context.Context, kv peer.KV, keys *measure.Keys) func(*measure.Caller) error {
	return func(c *measure.Caller) error {
		return kv.Set(ctx, records.Key(keys.Next(c.Rng)), b.values.At(c.Rng.Int()))
	}
}

// sets compares durable Sets of so many writers.
func sets(writers int) func(context.Context, *bench, *report.Result) error {
	return func(ctx context.Context, b *bench, res *report.Result) error {
		n := b.set.base()
		keys := measure.Uniform(n)
		var rate, median, tail *report.Table
		measureOn := func(name string) func(context.Context, peer.KV) error {
			return func(ctx context.Context, kv peer.KV) error {
				op := b.setter(ctx, kv, keys)
				if err := warmed(ctx, writers, b.set.length/4, op); err != nil {
					return err
				}
				run, err := measure.Closed(ctx, writers, b.set.length, op)
				rate.Add(name, run.PerSecond())
				median.Add(name, micros(run.Times.Quantile(0.5)))
				tail.Add(name, micros(run.Times.Quantile(0.99)))
				return err
			}
		}
		var sides []*side
		for _, s := range setSystems(writers) {
			s.few = !s.ours && !judged(writers, s.name)
			sides = append(sides, b.over(s, n, measureOn(s.name)))
		}
		title := fmt.Sprintf("Durable Set, %s records, %d at once", count(n), writers)
		rate = table(res, title, "per second", true, sides...)
		median = table(res, title+", p50", "µs", false, sides...)
		rate.Headline, median.Headline = writers == 512, writers == 1
		tail = table(res, title+", p99", "µs", false, sides...)
		box := b.disk(fact(res, "The disk", "per second"))
		if err := b.alternate(ctx, res, b.set.rounds, append(sides, box)...); err != nil {
			return err
		}
		b.judge(res, n, 1_000_000, setTargets(writers, rate, median)...)
		return nil
	}
}

// setSystems are those whose durable Sets are compared.
func setSystems(writers int) []system {
	systems := []system{strataWith(strata, "", tiered.Options{}), bbolt(writers > 1), bboltNoFreelist(writers > 1), redis("always", peer.Alone, writers)}
	if writers > 1 {
		systems = append(systems, redis("always", peer.Pipelined, 0))
	}
	return append(systems, redis("everysec", peer.Alone, writers), pebbleSync(), badgerSync(false), badgerSync(true))
}

// setBar is what a durable Set has to reach against a peer: in latency (p50) at
// most, or in throughput at least, so many times the peer's.
type setBar struct {
	peer    string
	latency bool
	bound   float64
}

const redisAlone = "Redis always, a connection each"

// setBars are by the number of writers.
var setBars = map[int][]setBar{
	1:   {{"bbolt, Update", true, 0.5}, {redisAlone, true, 0.8}},
	64:  {{"bbolt, Batch (1 ms)", false, 10}},
	512: {{"bbolt, Batch (1 ms)", false, 6}, {redisAlone, false, 1.5}, {"Pebble, Sync", false, 1}, {"Badger, SyncWrites", false, 5}},
}

// judged says whether a target is about the peer.
func judged(writers int, peer string) bool {
	return slices.ContainsFunc(setBars[writers], func(bar setBar) bool { return bar.peer == peer })
}

func setTargets(writers int, rate, median *report.Table) []report.Target {
	var targets []report.Target
	for _, bar := range setBars[writers] {
		t, what := rate, "throughput"
		if bar.latency {
			t, what = median, "latency (p50)"
		}
		what = fmt.Sprintf("durable Set, %s, %s / %s", several(writers, "writer"), what, bar.peer)
		targets = append(targets, report.Over(what, t.Row(strata), t.Row(bar.peer), bar.latency, bar.bound))
	}
	return targets
}
