//go:build unix

package tiered_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered"
)

const (
	pacedCallers  = 8
	pacedReads    = 2000                   // a second, of all callers
	pacedSets     = 1000                   // a second
	pacedAtLeast  = 500 * time.Millisecond // or what is told is not worth telling
	pacedAtMost   = 8 * time.Second
	pacedRecords  = 100_000
	pacedEachKept = 3 // one of so many records is left
)

// BenchmarkBesideCompaction is Get and Set at a fixed rate, without L1 and L2,
// on a store two thirds of which were deleted: for some seconds with no
// compaction, or for as long as one takes. A call that is due while its caller
// is busy counts from when it was due.
//
//	go test ./tiered -run '^$' -bench BesideCompaction -benchtime 1x
func BenchmarkBesideCompaction(b *testing.B) {
	from := b.TempDir()
	fillHoles(b, from)
	for _, c := range []struct {
		name         string
		compactBytes int64
	}{{"without", -1}, {"beside", 1}} {
		b.Run(c.name, func(b *testing.B) {
			var gets, sets []time.Duration
			for range b.N {
				b.StopTimer()
				dir := filepath.Join(b.TempDir(), "store")
				copyStore(b, dir, from)
				db, s := openPaced(b, dir, c.compactBytes)
				b.StartTimer()
				ended := func() bool { return c.compactBytes > 0 && db.Stats().Compactions > 0 }
				begun := time.Now()
				g, w := paced(b, s, ended)
				b.StopTimer()
				gets, sets = append(gets, g...), append(sets, w...)
				switch took := time.Since(begun); {
				case c.compactBytes > 0 && !ended():
					b.Fatalf("no compaction ended in %v", took)
				case took < pacedAtLeast:
					b.Fatalf("it took %v only", took)
				}
				b.ReportMetric(float64(db.Stats().FileBytes>>20), "file-MiB")
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
			tellPaced(b, "get", gets)
			tellPaced(b, "set", sets)
		})
	}
}

func openPaced(b *testing.B, dir string, compactBytes int64) (*l3bolt.DB, *tiered.Store) {
	b.Helper()
	db, err := l3bolt.Open(dir, &l3bolt.Options{CompactBytes: compactBytes})
	if err != nil {
		b.Fatal(err)
	}
	s, err := tiered.OpenOver(db, dir, &tiered.Options{L1Bytes: -1, L2Bytes: -1, SharedDir: filepath.Join(dir, "shared")})
	if err != nil {
		b.Fatal(errors.Join(err, db.Close()))
	}
	b.Cleanup(func() { s.Close() })
	return db, s
}

func pacedKey(i int) string { return benchKey(i * pacedEachKept) }

// fillHoles makes a store of whose records two thirds were deleted.
func fillHoles(b *testing.B, dir string) {
	b.Helper()
	_, s := openPaced(b, dir, -1)
	rng := rand.New(rand.NewPCG(1, 2))
	write := func(change func(*tiered.Batch, int)) {
		for i := 0; i < pacedRecords*pacedEachKept; {
			var batch tiered.Batch
			for end := i + 10_000; i < end; i++ {
				change(&batch, i)
			}
			if err := s.Write(context.Background(), &batch); err != nil {
				b.Fatal(err)
			}
		}
	}
	write(func(batch *tiered.Batch, i int) { batch.Set(benchKey(i), benchValue(rng), 0) })
	write(func(batch *tiered.Batch, i int) {
		if i%pacedEachKept != 0 {
			batch.Delete(benchKey(i))
		}
	})
	if err := errors.Join(s.Close(), os.RemoveAll(filepath.Join(dir, "shared"))); err != nil {
		b.Fatal(err)
	}
}

// copyStore leaves nothing for the disk to write later, while calls are timed.
func copyStore(b *testing.B, to, from string) {
	b.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		b.Fatal(err)
	}
	err := filepath.WalkDir(to, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
	if err != nil {
		b.Fatal(err)
	}
}

// paced calls until ended, or for pacedAtMost, and gives what each call took.
func paced(b *testing.B, s *tiered.Store, ended func() bool) (gets, sets []time.Duration) {
	b.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	var stop atomic.Bool
	for i := range pacedCallers {
		rng := rand.New(rand.NewPCG(uint64(i), 7))
		wg.Go(func() {
			took := atRate(&stop, pacedReads/pacedCallers, func() error {
				_, err := s.Get(context.Background(), pacedKey(rng.IntN(pacedRecords)))
				return err
			}, b)
			mu.Lock()
			defer mu.Unlock()
			gets = append(gets, took...)
		})
		rng2 := rand.New(rand.NewPCG(uint64(i), 8))
		wg.Go(func() {
			took := atRate(&stop, pacedSets/pacedCallers, func() error {
				return s.Set(context.Background(), pacedKey(rng2.IntN(pacedRecords)), benchValue(rng2), 0)
			}, b)
			mu.Lock()
			defer mu.Unlock()
			sets = append(sets, took...)
		})
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); time.Since(begun) < pacedAtMost && !ended(); {
		<-tick.C
	}
	stop.Store(true)
	wg.Wait()
	return gets, sets
}

// atRate calls so many times a second. The timer's own lateness does not count.
func atRate(stop *atomic.Bool, rate int, call func() error, b *testing.B) (took []time.Duration) {
	step := time.Second / time.Duration(rate)
	for due := time.Now(); !stop.Load(); due = due.Add(step) {
		begun := due
		if wait := time.Until(due); wait > 0 {
			<-time.After(wait)
			begun = time.Now()
		}
		if err := call(); err != nil {
			b.Error(err)
			return took
		}
		took = append(took, time.Since(begun))
	}
	return took
}

func tellPaced(b *testing.B, name string, took []time.Duration) {
	b.Helper()
	if len(took) == 0 {
		b.Fatal("nothing was called")
	}
	slices.Sort(took)
	for _, q := range []struct {
		name string
		at   int
	}{{"p50", len(took) / 2}, {"p99", len(took) * 99 / 100}, {"max", len(took) - 1}} {
		b.ReportMetric(float64(took[q.at])/float64(time.Microsecond), fmt.Sprintf("us-%s-%s", q.name, name))
	}
}
