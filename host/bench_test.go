//go:build linux || darwin

package host_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stratakv/strata/tiered/tier"
)

// A round trip of a follower in the owner's own process: both ends' work is in
// the figure.
func BenchmarkLoad(b *testing.B) {
	for _, callers := range []int{1, 64} {
		for _, size := range []int{256, 64 << 10, 1 << 20} {
			b.Run(fmt.Sprintf("%dB/%d", size, callers), func(b *testing.B) {
				owner, follower := pair(b, toyStore{dir: b.TempDir()})
				op := tier.Op{Kind: tier.OpSet, Key: "key", Frame: make([]byte, size), RawLen: size}
				if _, err := owner.Write(b.Context(), []tier.Op{op}); err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				b.SetBytes(int64(size))
				b.SetParallelism(max(1, callers/runtime.GOMAXPROCS(0)))
				if callers == 1 {
					for b.Loop() {
						if _, _, err := follower.Load(b.Context(), "key"); err != nil {
							b.Fatal(err)
						}
					}
					return
				}
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if _, _, err := follower.Load(b.Context(), "key"); err != nil {
							b.Error(err)
						}
					}
				})
			})
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, callers := range []int{2, 64} {
		b.Run(fmt.Sprintf("256B/%d", callers), func(b *testing.B) {
			_, follower := pair(b, toyStore{dir: b.TempDir(), silent: true})
			b.ReportAllocs()
			b.SetParallelism(max(1, callers/runtime.GOMAXPROCS(0)))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					op := tier.Op{Kind: tier.OpSet, Key: "key", Frame: make([]byte, 256), RawLen: 256}
					if _, err := follower.Write(b.Context(), []tier.Op{op}); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// How long a follower's write is held up by the kill of its owner, under the
// load of three processes.
func BenchmarkTakeover(b *testing.B) {
	var held []time.Duration
	for b.Loop() {
		held = append(held, killOwners(b, b.TempDir(), "", 20)...)
	}
	slices.Sort(held)
	at := func(q float64) float64 { return float64(held[int(q*float64(len(held)-1))].Microseconds()) / 1000 }
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
	b.ReportMetric(at(1), "max-ms")
	b.ReportMetric(float64(len(held)), "takeovers")
}
