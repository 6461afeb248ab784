//go:build !wasm

package tiered_test

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/dgraph-io/ristretto/v2"

	"github.com/stratakv/strata/tiered"
)

// These benchmarks show what a hit costs, beside bare ristretto's Get of the
// same value in the same run:
//
//	go test ./tiered -run '^$' -bench Hit -count 5

const hotKeys = 4096

func openHot(b *testing.B, opts tiered.Options, ttl time.Duration) (*tiered.Store, []string) {
	b.Helper()
	opts.SharedDir = filepath.Join(b.TempDir(), "shared")
	s, err := tiered.Open(b.TempDir(), &opts)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	var batch tiered.Batch
	keys := make([]string, hotKeys)
	for i := range keys {
		keys[i] = benchKey(i)
		batch.Set(keys[i], make([]byte, 512), ttl)
	}
	if err := s.Write(context.Background(), &batch); err != nil {
		b.Fatal(err)
	}
	for range 3 {
		for _, k := range keys {
			if _, err := s.Get(context.Background(), k); err != nil {
				b.Fatal(err)
			}
		}
	}
	return s, keys
}

func BenchmarkHit(b *testing.B) {
	for _, life := range []struct {
		name string
		ttl  time.Duration
	}{{"without ttl", 0}, {"with ttl", time.Hour}} {
		b.Run(life.name, func(b *testing.B) { benchHits(b, life.ttl) })
	}
}

func benchHits(b *testing.B, ttl time.Duration) {
	ctx := context.Background()
	n := 0
	view := func(v []byte) error { n += len(v); return nil }
	b.Run("ristretto.Get", func(b *testing.B) {
		c, err := ristretto.NewCache(&ristretto.Config[uint64, []byte]{NumCounters: 10 * hotKeys, MaxCost: 64 << 20, BufferItems: 64})
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		for i := range hotKeys {
			c.SetWithTTL(uint64(i)*0x9e3779b97f4a7c15, make([]byte, 512), 512, ttl)
		}
		c.Wait()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			v, _ := c.Get(uint64(i%hotKeys) * 0x9e3779b97f4a7c15)
			n += len(v)
		}
	})
	for _, c := range []struct {
		name string
		opts tiered.Options
		read func(s *tiered.Store, key string) error
	}{
		{"L1/View", tiered.Options{}, func(s *tiered.Store, key string) error { return s.View(ctx, key, view) }},
		{"L1/Get", tiered.Options{}, func(s *tiered.Store, key string) error { _, err := s.Get(ctx, key); return err }},
		{"L2/Get", tiered.Options{L1Bytes: -1}, func(s *tiered.Store, key string) error { _, err := s.Get(ctx, key); return err }},
		{"L3/Get", tiered.Options{L1Bytes: -1, L2Bytes: -1}, func(s *tiered.Store, key string) error { _, err := s.Get(ctx, key); return err }},
	} {
		b.Run(c.name, func(b *testing.B) {
			s, keys := openHot(b, c.opts, ttl)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := c.read(s, keys[i%hotKeys]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkReadsBesideWrites reads Zipf-distributed keys while 10,000 Sets a
// second go to the same distribution, and reports who answers and which share
// of the fills of L2 is refused because a write came between.
func BenchmarkReadsBesideWrites(b *testing.B) {
	for name, opts := range map[string]tiered.Options{"all tiers": {}, "no L1": {L1Bytes: -1}} {
		b.Run(name, func(b *testing.B) {
			s, keys := openHot(b, opts, time.Hour)
			stop := make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() { writeAtRate(b, s, keys, stop) })
			zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 1, hotKeys-1)
			before, start := s.Stats(), time.Now()
			b.ResetTimer()
			for b.Loop() {
				if _, err := s.Get(context.Background(), keys[zipf.Uint64()]); err != nil {
					b.Fatal(err)
				}
			}
			now, took := s.Stats(), time.Since(start)
			close(stop)
			wg.Wait()
			all := float64(b.N)
			b.ReportMetric(100*float64(now.L1.Hits-before.L1.Hits)/all, "%L1")
			b.ReportMetric(100*float64(now.L2.Hits-before.L2.Hits)/all, "%L2")
			fills, refused := float64(now.L2.Fills-before.L2.Fills), float64(now.L2.Refused-before.L2.Refused)
			b.ReportMetric(100*refused/max(fills+refused, 1), "%refused")
			b.ReportMetric(float64(now.L3.Ops-before.L3.Ops)/took.Seconds(), "writes/s")
		})
	}
}

// writeAtRate does 10,000 Sets a second, a hundred at a time, until stop.
func writeAtRate(b *testing.B, s *tiered.Store, keys []string, stop chan struct{}) {
	zipf := rand.NewZipf(rand.New(rand.NewPCG(3, 4)), 1.1, 1, hotKeys-1)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	value := make([]byte, 512)
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		for range 100 {
			key := keys[zipf.Uint64()]
			wg.Go(func() {
				if err := s.Set(context.Background(), key, value, time.Hour); err != nil {
					b.Error(err)
				}
			})
		}
	}
}
