package tiered_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// BenchmarkWritePath is Set by so many callers at once over
// STRATA_BENCH_RECORDS records: beside op/s and allocations it tells the
// processor time an op, the ops a group, and the latency.
func BenchmarkWritePath(b *testing.B) {
	for _, writers := range []int{1, 64, 512} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s, _, n := openBenchStores(b)
			took := make([]time.Duration, b.N)
			var next atomic.Int64
			before, cpu := s.Stats().L3.Commits, processorTime(b)
			var wg sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			for g := range writers {
				wg.Go(func() {
					rng := rand.New(rand.NewPCG(uint64(g), uint64(b.N)))
					for {
						i := next.Add(1) - 1
						if i >= int64(b.N) {
							return
						}
						k, v := benchKey(rng.IntN(n)), benchValue(rng)
						start := time.Now()
						if err := s.Set(context.Background(), k, v, time.Hour); err != nil {
							b.Error(err)
							return
						}
						took[i] = time.Since(start)
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			cpu = processorTime(b) - cpu
			slices.Sort(took)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
			b.ReportMetric(float64(cpu.Nanoseconds())/1e3/float64(b.N), "cpu-us/op")
			b.ReportMetric(float64(b.N)/float64(s.Stats().L3.Commits-before), "op/group")
			b.ReportMetric(took[len(took)/2].Seconds()*1e3, "p50-ms")
			b.ReportMetric(took[len(took)*99/100].Seconds()*1e3, "p99-ms")
		})
	}
}

// processorTime is what this process has used of it so far.
func processorTime(b testing.TB) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
