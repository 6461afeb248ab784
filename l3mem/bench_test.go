package l3mem_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stratakv/strata/l3mem"
	"github.com/stratakv/strata/tiered/tier"
)

const benchFrame = l3mem.Resealed + 200

func benchSizes(b *testing.B, run func(b *testing.B, s *l3mem.Store, keys []string)) {
	for _, n := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprintf("200B/%d", n), func(b *testing.B) {
			s, keys := filled(b, n, benchFrame, l3mem.Options{MaxBytes: int64(n)*420 + 1<<20})
			b.ReportAllocs()
			b.SetBytes(200)
			b.ResetTimer()
			run(b, s, keys)
		})
	}
}

func BenchmarkGet(b *testing.B) {
	benchSizes(b, func(b *testing.B, s *l3mem.Store, keys []string) {
		for b.Loop() {
			s.Load(keys[rand.IntN(len(keys))])
		}
	})
}

// BenchmarkSet overwrites, with a later deadline each time.
func BenchmarkSet(b *testing.B) {
	benchSizes(b, func(b *testing.B, s *l3mem.Store, keys []string) {
		g := tier.Group{Changes: []tier.Change{{Frame: make([]byte, benchFrame)}}}
		c := &g.Changes[0]
		c.Deadline = int64(len(keys))
		for b.Loop() {
			c.Key, c.Version, c.Deadline = keys[rand.IntN(len(keys))], c.Version+1, c.Deadline+1
			s.Commit(&g)
		}
	})
}

// BenchmarkInsert removes a record and stores it anew.
func BenchmarkInsert(b *testing.B) {
	benchSizes(b, func(b *testing.B, s *l3mem.Store, keys []string) {
		frame := make([]byte, benchFrame)
		g := tier.Group{Changes: make([]tier.Change, 1)}
		for b.Loop() {
			key := keys[rand.IntN(len(keys))]
			g.Changes[0] = tier.Change{Key: key}
			s.Commit(&g)
			g.Changes[0] = tier.Change{Key: key, Frame: frame, Head: tier.Head{Version: 1, Deadline: rand.Int64()}}
			s.Commit(&g)
		}
	})
}

func BenchmarkScan(b *testing.B) {
	benchSizes(b, func(b *testing.B, s *l3mem.Store, keys []string) {
		for b.Loop() {
			s.Scan(tier.Range{From: keys[rand.IntN(len(keys))], Records: 256, MaxBytes: 1 << 20})
		}
	})
}
