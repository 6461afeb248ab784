package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/stratakv/strata/bench/versus/measure"
	"github.com/stratakv/strata/bench/versus/peer"
	"github.com/stratakv/strata/bench/versus/report"
	"github.com/stratakv/strata/tiered"
)

var sustainedHow = []string{
	"strata alone, once, on a copy of the store, so that what comes later has the store as it was: what it puts off in its first seconds it has to do in the later ones. The rate after the first ten seconds is compared with theirs; the slowest Set of all is exact.",
}

// judgedFrom is how long the sustained load has to be.
const judgedFrom = 5 * time.Minute

// seconds counts what one caller did in each second.
type seconds struct {
	ops     []float64
	slowest []time.Duration
}

func sustained(ctx context.Context, b *bench, res *report.Result) error {
	const writers = 512
	n, length := b.set.base(), b.set.long
	var times []seconds
	for range writers {
		times = append(times, seconds{make([]float64, length/time.Second+1), make([]time.Duration, length/time.Second+1)})
	}
	rates, slowest := fact(res, "Durable Set, 512 at once", "per second"), fact(res, "The slowest", "ms")
	first := min(10*time.Second, length/4)
	var early, late float64
	dir, remove, err := b.scratch()
	if err != nil {
		return err
	}
	run := &side{name: strata, ours: true, close: remove, setup: func(ctx context.Context) error {
		kept, err := b.strataDir(ctx, n)
		if err != nil {
			return err
		}
		return os.CopyFS(dir, os.DirFS(kept))
	}}
	run.turn = func(ctx context.Context) (err error) {
		kv, err := peer.OpenStrata(dir, b.shared, tiered.Options{})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, kv.Close()) }()
		begin := time.Now()
		r, err := measure.Watched(ctx, writers, length, b.setter(ctx, kv, measure.Uniform(n)), func(c *measure.Caller, end time.Time, took time.Duration) {
			at := min(int(end.Sub(begin)/time.Second), len(times[c.N].ops)-1)
			times[c.N].ops[at]++
			times[c.N].slowest[at] = max(times[c.N].slowest[at], took)
		})
		perSecond, worst := sumUp(times)
		early, late = mean(perSecond[:seconds0(first)]), mean(perSecond[seconds0(first):int(length/time.Second)])
		rates.Add(fmt.Sprintf("the first %v", first), early)
		rates.Add("after that", late)
		rates.Add("the worst second", least(perSecond[:int(length/time.Second)]))
		slowest.Add("p99", float64(r.Times.Quantile(0.99).Microseconds())/1000)
		slowest.Add("p99.9", float64(r.Times.Quantile(0.999).Microseconds())/1000)
		slowest.Add("slowest", float64(r.Times.Longest().Microseconds())/1000)
		res.Lines = lines(perSecond[:int(length/time.Second)], worst)
		return err
	}
	box := b.disk(fact(res, "The disk", "per second"))
	if err := b.alternate(ctx, res, 1, box, run); err != nil {
		return err
	}
	because := ""
	if length < judgedFrom {
		because = fmt.Sprintf("%v, not %v", length, judgedFrom)
	}
	b.judge(res, n, 1_000_000,
		report.Target{What: "durable Set, 512 writers, later / first 10 s", Bound: 0.6, Unit: "×", Values: measure.Ratios([]float64{late}, []float64{early}), Because: because},
		report.Target{What: "slowest durable Set", AtMost: true, Bound: 250, Unit: "ms", Values: slowest.Row("slowest").Values, Because: because})
	return nil
}

func seconds0(d time.Duration) int { return max(int(d/time.Second), 1) }

func sumUp(times []seconds) (perSecond []float64, worst []time.Duration) {
	perSecond, worst = make([]float64, len(times[0].ops)), make([]time.Duration, len(times[0].ops))
	for _, t := range times {
		for i := range perSecond {
			perSecond[i] += t.ops[i]
			worst[i] = max(worst[i], t.slowest[i])
		}
	}
	return perSecond, worst
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(max(len(values), 1))
}

func least(values []float64) float64 {
	v := values[0]
	for _, w := range values {
		v = min(v, w)
	}
	return v
}

// lines draws the rate and the slowest Set of each second.
func lines(perSecond []float64, worst []time.Duration) []*report.Lines {
	var x, slow []float64
	for i := range perSecond {
		x = append(x, float64(i+1))
		slow = append(slow, float64(worst[i].Microseconds())/1000)
	}
	return []*report.Lines{
		{Title: "Durable Sets a second, 512 writers", XUnit: "s", YUnit: "per second", Headline: true, Series: []report.Series{{Name: strata, X: x, Y: perSecond}}},
		{Title: "The slowest durable Set of each second, 512 writers", XUnit: "s", YUnit: "ms", Series: []report.Series{{Name: strata, X: x, Y: slow}}},
	}
}
