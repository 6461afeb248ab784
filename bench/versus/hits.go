package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dgraph-io/ristretto/v2"
	"github.com/maypok86/otter/v2"

	"github.com/stratakv/strata/bench/versus/peer"
	"github.com/stratakv/strata/bench/versus/records"
	"github.com/stratakv/strata/bench/versus/report"
	"github.com/stratakv/strata/tiered"
)

// Hot records are all in the first cache.
const (
	hotKeys  = 4096
	hotBytes = 512
)

var hitsHow = []string{
	"One goroutine asks for 4,096 records of 512 bytes in turn, all of which are cached; without and with a lifetime of the records.",
	"The caches are filled once and kept over the rounds, in the same memory: 64 MiB. ristretto is asked by a uint64, as it is fastest; strata and otter by the string.",
}

// lives are the lifetimes with which hits are compared.
var lives = []struct {
	name string
	ttl  time.Duration
}{{"no ttl", 0}, {"with ttl", time.Hour}}

var errMiss = errors.New("a miss, where all is cached")

// perOperation repeats op for a while, and gives what one takes. The clock is
// read once in so many operations.
func perOperation(ctx context.Context, length time.Duration, each int, op func(i int) error) (time.Duration, error) {
	begin := time.Now()
	for n := 0; ; {
		for range each {
			if err := op(n); err != nil {
				return 0, err
			}
			n++
		}
		if took := time.Since(begin); took >= length || ctx.Err() != nil {
			return took / time.Duration(n), ctx.Err()
		}
	}
}

// hit makes a side out of a cache: open fills one, and gives what reads a record
// from it and what ends it.
func (b *bench) hit(name string, ours bool, t func() *report.Table, open func() (read func(i int) error, end func() error, err error)) *side {
	var read func(int) error
	var end func() error
	return &side{
		name: name, ours: ours,
		setup: func(ctx context.Context) (err error) {
			if read, end, err = open(); err != nil {
				return err
			}
			_, err = perOperation(ctx, b.set.length/4, hotKeys, read)
			return err
		},
		turn: func(ctx context.Context) error {
			took, err := perOperation(ctx, b.set.length/2, hotKeys, read)
			t().Add(name, float64(took.Nanoseconds()))
			return err
		},
		close: func() error {
			if end == nil {
				return nil
			}
			return end()
		},
	}
}

// hotStrata opens a store and brings hot records into its caches.
func (b *bench) hotStrata(ctx context.Context, opts tiered.Options, ttl time.Duration) (*tiered.Store, []string, func() error, error) {
	dir, remove, err := b.scratch()
	if err != nil {
		return nil, nil, nil, err
	}
	s, err := peer.OpenStrata(dir, b.shared, opts)
	if err != nil {
		return nil, nil, nil, errors.Join(err, remove())
	}
	end := func() error { return errors.Join(s.Close(), remove()) }
	keys, value := hotNames(), hotValue()
	var batch tiered.Batch
	for _, k := range keys {
		batch.Set(k, value, ttl)
	}
	err = s.Store.Write(ctx, &batch)
	for range 3 {
		for _, k := range keys {
			if err == nil {
				_, err = s.Store.Get(ctx, k)
			}
		}
	}
	return s.Store, keys, end, err
}

func hotNames() []string {
	keys := make([]string, hotKeys)
	for i := range keys {
		keys[i] = records.Key(i)
	}
	return keys
}

// hotValue is half random, half zeros.
func hotValue() []byte {
	v := make([]byte, hotBytes)
	for i := range v[:hotBytes/2] {
		v[i] = byte(i*i*31 + i*7)
	}
	return v
}

func l1View(ctx context.Context, b *bench, res *report.Result) error {
	for _, life := range lives {
		var t *report.Table
		ours := b.hit("strata, View", true, func() *report.Table { return t }, func() (func(int) error, func() error, error) {
			s, keys, end, err := b.hotStrata(ctx, tiered.Options{}, life.ttl)
			sum := 0
			view := func(v []byte) error { sum += len(v); return nil }
			return func(i int) error { return s.View(ctx, keys[i%hotKeys], view) }, end, err
		})
		theirs := b.hit("ristretto, Get", false, func() *report.Table { return t }, func() (func(int) error, func() error, error) {
			c, err := ristretto.NewCache(&ristretto.Config[uint64, []byte]{NumCounters: 10 * hotKeys, MaxCost: peer.CacheBytes / 2, BufferItems: 64})
			if err != nil {
				return nil, nil, err
			}
			const spread = 0x9e3779b97f4a7c15
			for i := range uint64(hotKeys) {
				c.SetWithTTL(i*spread, hotValue(), hotBytes, life.ttl)
			}
			c.Wait()
			sum := 0
			return func(i int) error {
				v, ok := c.Get(uint64(i%hotKeys) * spread)
				if !ok {
					return errMiss
				}
				sum += len(v)
				return nil
			}, func() error { c.Close(); return nil }, nil
		})
		t = table(res, "View of an L1 hit, "+life.name, "ns", false, ours, theirs)
		if err := b.alternate(ctx, res, b.set.rounds, ours, theirs); err != nil {
			return err
		}
		b.judge(res, 0, 0, report.Over(fmt.Sprintf("View of an L1 hit / ristretto Get, %s", life.name), t.Row(ours.name), t.Row(theirs.name), true, 1.3))
	}
	return nil
}

// kept is where copies go, so that none is left out.
type kept struct{ value []byte }

func l1Get(ctx context.Context, b *bench, res *report.Result) error {
	for _, life := range lives {
		var t *report.Table
		var last kept
		ours := b.hit("strata, Get", true, func() *report.Table { return t }, func() (func(int) error, func() error, error) {
			s, keys, end, err := b.hotStrata(ctx, tiered.Options{}, life.ttl)
			return func(i int) error {
				v, err := s.Get(ctx, keys[i%hotKeys])
				last.value = v
				return err
			}, end, err
		})
		theirs := b.hit("otter, GetIfPresent and a copy", false, func() *report.Table { return t }, func() (func(int) error, func() error, error) {
			opts := &otter.Options[string, []byte]{
				MaximumWeight: peer.CacheBytes / 2, Weigher: func(k string, v []byte) uint32 { return uint32(len(k) + len(v)) },
			}
			if life.ttl > 0 {
				opts.ExpiryCalculator = otter.ExpiryWriting[string, []byte](life.ttl)
			}
			c, err := otter.New(opts)
			if err != nil {
				return nil, nil, err
			}
			keys := hotNames()
			for _, k := range keys {
				c.Set(k, hotValue())
			}
			return func(i int) error {
				v, ok := c.GetIfPresent(keys[i%hotKeys])
				if !ok {
					return errMiss
				}
				out := make([]byte, len(v))
				copy(out, v)
				last.value = out
				return nil
			}, func() error { c.StopAllGoroutines(); return nil }, nil
		})
		t = table(res, "Get of an L1 hit, 512 bytes, "+life.name, "ns", false, ours, theirs)
		if err := b.alternate(ctx, res, b.set.rounds, ours, theirs); err != nil {
			return err
		}
		b.judge(res, 0, 0, report.Over(fmt.Sprintf("Get of an L1 hit / otter Get and copy, %s", life.name), t.Row(ours.name), t.Row(theirs.name), true, 1.5))
	}
	return nil
}
