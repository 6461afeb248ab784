//go:build !wasm

package l3bolt_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stratakv/strata/l3bolt"
)

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
	b.ReportMetric(float64(info.Size())/(1<<20), "MiB")
}
