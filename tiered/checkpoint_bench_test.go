//go:build !wasm

package tiered_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkSetBesideCheckpoints is Set by so many callers, as fast as they can,
// over STRATA_BENCH_RECORDS records, and tells the latencies apart: of sets that
// met a checkpoint under way, and of the others. It is for long runs:
//
//	STRATA_BENCH_RECORDS=1000000 go test ./tiered -run '^$' -bench BesideCheckpoints -benchtime 3000000x
//
// last/first is the rate of the last fifth of the sets, in that of the first.
func BenchmarkSetBesideCheckpoints(b *testing.B) {
	for _, writers := range []int{64, 512} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s, _, n := openBenchStores(b)
			took, beside := make([]time.Duration, b.N), make([]bool, b.N)
			var next atomic.Int64
			var underWay atomic.Bool
			stop := make(chan struct{})
			var watch, wg sync.WaitGroup
			watch.Go(func() {
				tick := time.NewTicker(time.Millisecond)
				defer tick.Stop()
				for {
					select {
					case <-stop:
						return
					case <-tick.C:
						underWay.Store(s.Stats().L3.Checkpointing)
					}
				}
			})
			marks := make([]time.Time, 6)
			began, checkpoints := time.Now(), s.Stats().L3.Checkpoints
			b.ResetTimer()
			for g := range writers {
				wg.Go(func() {
					rng := rand.New(rand.NewPCG(uint64(g), uint64(b.N)))
					for {
						i := next.Add(1) - 1
						if i >= int64(b.N) {
							return
						}
						if fifth := int64(b.N)/5 + 1; i%fifth == 0 {
							marks[i/fifth] = time.Now()
						}
						k, v := benchKey(rng.IntN(n)), benchValue(rng)
						before, start := underWay.Load(), time.Now()
						if err := s.Set(context.Background(), k, v, time.Hour); err != nil {
							b.Error(err)
							return
						}
						took[i], beside[i] = time.Since(start), before || underWay.Load()
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			close(stop)
			watch.Wait()
			tellLatencies(b, took, beside)
			b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "op/s")
			b.ReportMetric(float64(s.Stats().L3.Checkpoints-checkpoints), "checkpoints")
			if first, last := marks[1].Sub(marks[0]), time.Since(marks[4]); b.N > 100 {
				b.ReportMetric(float64(first)/float64(last), "last/first")
			}
		})
	}
}

// tellLatencies reports quantiles of what met a checkpoint, and of the rest.
func tellLatencies(b *testing.B, took []time.Duration, beside []bool) {
	b.Helper()
	var with, without []time.Duration
	for i, d := range took {
		if beside[i] {
			with = append(with, d)
		} else {
			without = append(without, d)
		}
	}
	for _, part := range []struct {
		name string
		took []time.Duration
	}{{"", without}, {"-beside", with}} {
		if len(part.took) == 0 {
			continue
		}
		slices.Sort(part.took)
		ms := func(d time.Duration) float64 { return d.Seconds() * 1e3 }
		b.ReportMetric(ms(part.took[len(part.took)/2]), "p50-ms"+part.name)
		b.ReportMetric(ms(part.took[len(part.took)*99/100]), "p99-ms"+part.name)
		b.ReportMetric(ms(part.took[len(part.took)-1]), "max-ms"+part.name)
	}
	b.ReportMetric(float64(len(with))/float64(len(took)), "share-beside")
}
