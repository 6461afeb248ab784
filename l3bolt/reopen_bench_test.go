//go:build !wasm

package l3bolt_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered/tier"
)

var benchJournal = flag.Int("journal", 16, "MiB in the journal for BenchmarkReplay (256 is the most there can be)")

// BenchmarkReopen opens a store of -records records that was killed.
func BenchmarkReopen(b *testing.B) {
	x := newBench(b)
	dir := x.dir
	if err := x.db.Crash(); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "store.db"))
	if err != nil {
		b.Fatal(err)
	}
	reopen(b, dir)
	b.ReportMetric(float64(info.Size())/(1<<20), "MiB")
}

// BenchmarkReplay opens a store that was killed with -journal MiB in its journal.
func BenchmarkReplay(b *testing.B) {
	x := newBench(b)
	dir := x.dir
	if err := x.db.Crash(); err != nil {
		b.Fatal(err)
	}
	x.db = mustOpen(b, dir, l3bolt.Options{CheckpointBytes: 1 << 40}, nil)
	for bytes := 0; bytes < *benchJournal<<20; {
		g := &tier.Group{}
		for range 64 {
			x.put(g, x.rng.IntN(1_000_000))
			bytes += len(g.Changes[len(g.Changes)-1].Frame) + 30
		}
		x.commit(b, g)
	}
	if err := x.db.Crash(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	reopen(b, dir)
}

// reopen opens the store in dir again and again, killed each time.
func reopen(b *testing.B, dir string) {
	b.Helper()
	for b.Loop() {
		db, err := l3bolt.Open(dir, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := db.Crash(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
