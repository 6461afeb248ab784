package main

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/stratakv/strata/bench/versus/measure"
	"github.com/stratakv/strata/bench/versus/peer"
	"github.com/stratakv/strata/bench/versus/report"
	"github.com/stratakv/strata/l2mmap"
	"github.com/stratakv/strata/tiered"
)

var fastmmapHow = []string{
	"The ancestor, from Debian's package, in a loop of Perl, whose own cost is in its figures; one process, 4,096 records of 512 bytes as they are (no serializer, no compression), 64 MiB in pages of 256 KiB. Against the cache that a store shares (l2mmap, alone), and a store whose L1 is off, or on.",
	"\"Beside a writer\": another process of Perl sets all the time, and another goroutine here. The last table sets a durable write against one that is not.",
}

// rates are operations a second.
type rates struct {
	gets, sets, beside float64
	missed             float64 // the part of the Gets beside a writer that found nothing
}

func fastmmap(ctx context.Context, b *bench, res *report.Result) error {
	var gets, sets, beside, durable, missed *report.Table
	add := func(name string, r rates) {
		if r.beside > 0 {
			missed.Add(name, 100*r.missed)
		}
		for t, v := range map[*report.Table]float64{gets: r.gets, sets: r.sets, beside: r.beside} {
			if v > 0 {
				t.Add(name, v)
			}
		}
	}
	perl := &side{
		name: "Cache::FastMmap, Perl",
		setup: func(ctx context.Context) error {
			_, err := b.perl(ctx, 10*time.Millisecond)
			return err
		},
		turn: func(ctx context.Context) error {
			f, err := b.perl(ctx, b.set.length/2)
			add("Cache::FastMmap, Perl", rates{f.Gets, f.Sets, f.GetsBesideWriter, f.Missed})
			if err == nil {
				durable.Add("Cache::FastMmap, Perl", f.Sets)
			}
			return err
		},
	}
	alone := &side{name: "l2mmap, alone", ours: true, turn: func(ctx context.Context) error {
		r, err := b.alone(ctx)
		add("l2mmap, alone", r)
		return err
	}}
	sides := []*side{alone}
	for name, opts := range map[string]tiered.Options{"strata, L2 hits": {L1Bytes: -1}, "strata, L1 hits": {}} {
		sides = append(sides, &side{name: name, ours: true, turn: func(ctx context.Context) error {
			r, durableSets, err := b.hotRates(ctx, opts)
			add(name, r)
			if name == "strata, L1 hits" {
				durable.Add("strata, durable", durableSets)
			}
			return err
		}})
	}
	sides = append(sides, perl)
	gets = table(res, "Gets, one process", "per second", true, sides...)
	sets = table(res, "Sets of a cache, one process", "per second", true, alone, perl)
	beside = table(res, "Gets beside a writer", "per second", true, alone, perl)
	missed = table(res, "Gets beside a writer that found nothing", "%", false, alone, perl)
	durable = table(res, "Sets, durable against not", "per second", true,
		&side{name: "strata, durable", ours: true}, &side{name: perl.name, aside: true, note: "not durable"})
	return b.alternate(ctx, res, b.set.rounds, sides...)
}

func (b *bench) perl(ctx context.Context, length time.Duration) (peer.FastMmap, error) {
	dir, remove, err := b.scratch()
	if err != nil {
		return peer.FastMmap{}, err
	}
	f, err := peer.MeasureFastMmap(ctx, filepath.Join(dir, "cache"), length, hotKeys, hotBytes)
	return f, errors.Join(err, remove())
}

// alone measures the shared cache without a store.
func (b *bench) alone(ctx context.Context) (rates, error) {
	dir, remove, err := b.scratch()
	if err != nil {
		return rates{}, err
	}
	cache, err := l2mmap.OpenAlone(dir, &l2mmap.AloneOptions{Pages: l2mmap.PageOptions{Bytes: peer.CacheBytes / 2}})
	if err != nil {
		return rates{}, errors.Join(err, remove())
	}
	keys, value := hotNames(), hotValue()
	var last kept
	gets, misses := 0, 0
	r, err := b.getsAndSets(ctx, func(i int) error {
		v, found, err := cache.Get(keys[i%hotKeys])
		last.value = v
		if gets++; !found {
			misses++
		}
		return err
	}, func(i int) error {
		return cache.Set(keys[i%hotKeys], value, time.Hour)
	}, func() error {
		if misses > 0 {
			return errMiss
		}
		gets = 0
		return nil
	})
	r.missed = float64(misses) / float64(max(gets, 1))
	return r, errors.Join(err, cache.Close(), remove())
}

// getsAndSets measures sets, which fill it, then gets, then, after quiet, gets
// beside sets.
func (b *bench) getsAndSets(ctx context.Context, get, set func(i int) error, quiet func() error) (r rates, err error) {
	length := b.set.length / 2
	rate := func(op func(int) error) (float64, error) {
		took, err := perOperation(ctx, length, hotKeys, op)
		return 1 / took.Seconds(), err
	}
	var errs [4]error
	r.sets, errs[0] = rate(set)
	r.gets, errs[1] = rate(get)
	errs[3] = quiet()
	var stop atomic.Bool
	ended := make(chan error, 1)
	go func() {
		for i := 0; !stop.Load(); i++ {
			if err := set(i); err != nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	r.beside, errs[2] = rate(get)
	stop.Store(true)
	return r, errors.Join(append(errs[:], <-ended)...)
}

// hotRates measures hits of a store's cache, and its durable Sets by one writer.
func (b *bench) hotRates(ctx context.Context, opts tiered.Options) (r rates, durable float64, err error) {
	s, keys, end, err := b.hotStrata(ctx, opts, time.Hour)
	if err != nil {
		if end != nil {
			err = errors.Join(err, end())
		}
		return r, 0, err
	}
	value := hotValue()
	var last kept
	get := func(i int) (err error) {
		last.value, err = s.Get(ctx, keys[i%hotKeys])
		return err
	}
	took, err := perOperation(ctx, b.set.length/2, hotKeys, get)
	r.gets = 1 / took.Seconds()
	run, setErr := measure.Closed(ctx, 1, b.set.length/2, func(c *measure.Caller) error {
		return s.Set(ctx, keys[c.Turn%hotKeys], value, time.Hour)
	})
	return r, run.PerSecond(), errors.Join(err, setErr, end())
}
