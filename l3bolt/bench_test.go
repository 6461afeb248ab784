//go:build !wasm

package l3bolt_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered/tier"
)

// benchRecords is how many records lie there before a benchmark begins.
var benchRecords = flag.Int("records", 20_000, "records preloaded for benchmarks (1000000 for published figures)")

// bench is a preloaded store on a real disk.
type bench struct {
	dir     string
	db      *l3bolt.DB
	rng     *rand.Rand
	frame   []byte
	version uint64
}

func newBench(b *testing.B) *bench {
	b.Helper()
	c, err := codec.New(codec.Options{Level: -1}, 1<<20)
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	x := &bench{dir: dir, db: mustOpen(b, dir, l3bolt.Options{}, nil), rng: rand.New(rand.NewPCG(1, 1)), frame: c.Encode(make([]byte, 300))}
	for first := 0; first < *benchRecords; first += 5000 {
		g := &tier.Group{}
		for n := first; n < min(first+5000, *benchRecords); n++ {
			x.put(g, n)
		}
		x.commit(b, g)
	}
	if err := x.db.Checkpoint(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := x.db.Close(); err != nil {
			b.Error(err)
		}
	})
	return x
}

func benchKey(n int) string { return fmt.Sprintf("session:%016x", uint64(n)*0x9e3779b97f4a7c15) }

func (x *bench) put(g *tier.Group, n int) {
	x.version++
	key := benchKey(n)
	frame, head := codec.Reseal(codecSealed(x.frame, key), key, x.version, int64(1+n))
	g.Changes = append(g.Changes, tier.Change{Key: key, Frame: frame, Head: head})
}

// codecSealed seals the one frame that all records are copies of.
func codecSealed(frame []byte, key string) []byte {
	codec.Seal(frame, key, 1, 0)
	return frame
}

func (x *bench) commit(b *testing.B, g *tier.Group) {
	g.Version = x.version
	if err := x.db.Commit(g); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkCommit(b *testing.B) {
	for _, size := range []int{1, 64, 512} {
		b.Run(fmt.Sprintf("changes=%d", size), func(b *testing.B) {
			x := newBench(b)
			b.ReportAllocs()
			for b.Loop() {
				g := &tier.Group{Changes: make([]tier.Change, 0, size)}
				for range size {
					x.put(g, x.rng.IntN(*benchRecords))
				}
				x.commit(b, g)
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "changes/s")
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	x := newBench(b)
	b.Run("stored", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, found, err := x.db.Load(benchKey(x.rng.IntN(*benchRecords))); err != nil || !found {
				b.Fatal(found, err)
			}
		}
	})
	g := &tier.Group{}
	x.put(g, 0)
	x.commit(b, g)
	b.Run("overlay", func(b *testing.B) {
		b.ReportAllocs()
		key := benchKey(0)
		for b.Loop() {
			if _, found, err := x.db.Load(key); err != nil || !found {
				b.Fatal(found, err)
			}
		}
	})
}
