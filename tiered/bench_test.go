//go:build !wasm

package tiered_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered"
)

// These benchmarks compare the durable store with bare bbolt in one run, over
// STRATA_BENCH_RECORDS records (default 20,000; figures are taken with
// 1,000,000):
//
//	STRATA_BENCH_RECORDS=1000000 go test ./tiered -run '^$' -bench 'Durable|Replay' -benchtime 3s -count 5
//
// Values are 300 bytes, half of them random, so that compression gains little.

const benchValueBytes = 300

func benchRecords(b *testing.B) int {
	v := os.Getenv("STRATA_BENCH_RECORDS")
	if v == "" {
		return 20_000
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		b.Fatalf("STRATA_BENCH_RECORDS: %v", err)
	}
	return n
}

func benchKey(i int) string { return fmt.Sprintf("session:%016x", uint64(i)*0x9e3779b97f4a7c15) }

func benchValue(rng *rand.Rand) []byte {
	v := make([]byte, benchValueBytes)
	for i := 0; i < len(v)/2; i += 8 {
		binary.LittleEndian.PutUint64(v[i:], rng.Uint64())
	}
	return v
}

// benchStores are made once and kept until the process ends.
var benchStores benchFill

type benchFill struct {
	once   sync.Once
	dir    string
	strata *tiered.Store
	bolt   *bolt.DB
	n      int
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if st := &benchStores; st.dir != "" {
		if st.strata != nil {
			_ = st.strata.Close()
		}
		if st.bolt != nil {
			_ = st.bolt.Close()
		}
		_ = os.RemoveAll(st.dir)
	}
	os.Exit(code)
}

var benchBucket = []byte("records")

func openBenchStores(b *testing.B) (*tiered.Store, *bolt.DB, int) {
	b.Helper()
	st := &benchStores
	st.once.Do(func() { st.n = benchRecords(b); st.err = st.fill() })
	if st.err != nil {
		b.Fatal(st.err)
	}
	return st.strata, st.bolt, st.n
}

func (st *benchFill) fill() (err error) {
	if st.dir, err = os.MkdirTemp("", "strata-bench-"); err != nil {
		return err
	}
	if st.strata, err = tiered.Open(filepath.Join(st.dir, "strata"), nil); err != nil {
		return err
	}
	st.bolt, err = bolt.Open(filepath.Join(st.dir, "bolt.db"), 0o600, &bolt.Options{
		FreelistType: bolt.FreelistMapType, InitialMmapSize: 1 << 30,
	})
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := 0; i < st.n; {
		var batch tiered.Batch
		err := st.bolt.Update(func(tx *bolt.Tx) error {
			bk, err := tx.CreateBucketIfNotExists(benchBucket)
			for ; err == nil && i < st.n && batch.Len() < 10_000; i++ {
				v := benchValue(rng)
				batch.Set(benchKey(i), v, time.Hour)
				err = bk.Put([]byte(benchKey(i)), v)
			}
			return err
		})
		if err != nil {
			return err
		}
		if err := st.strata.Write(context.Background(), &batch); err != nil {
			return err
		}
	}
	// Reopened, so that both start with all records in their trees.
	if err := st.strata.Close(); err != nil {
		return err
	}
	st.strata, err = tiered.Open(filepath.Join(st.dir, "strata"), nil)
	return err
}

// inParallel spreads b.N calls of fn over so many goroutines.
func inParallel(b *testing.B, goroutines int, fn func(rng *rand.Rand) error) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for g := range goroutines {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(g), uint64(b.N)))
			for left.Add(-1) >= 0 {
				if err := fn(rng); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}

func BenchmarkDurableSet(b *testing.B) {
	for _, writers := range []int{1, 64, 512} {
		b.Run(fmt.Sprintf("strata/writers=%d", writers), func(b *testing.B) {
			s, _, n := openBenchStores(b)
			inParallel(b, writers, func(rng *rand.Rand) error {
				return s.Set(context.Background(), benchKey(rng.IntN(n)), benchValue(rng), time.Hour)
			})
		})
		peer := "bbolt.Batch"
		if writers == 1 {
			peer = "bbolt.Update"
		}
		b.Run(fmt.Sprintf("%s/writers=%d", peer, writers), func(b *testing.B) {
			_, db, n := openBenchStores(b)
			db.MaxBatchDelay = time.Millisecond
			put := db.Batch
			if writers == 1 {
				put = db.Update
			}
			inParallel(b, writers, func(rng *rand.Rand) error {
				k, v := []byte(benchKey(rng.IntN(n))), benchValue(rng)
				return put(func(tx *bolt.Tx) error { return tx.Bucket(benchBucket).Put(k, v) })
			})
		})
	}
}

func BenchmarkDurableGet(b *testing.B) {
	for _, readers := range []int{1, 64} {
		b.Run(fmt.Sprintf("strata/readers=%d", readers), func(b *testing.B) {
			s, _, n := openBenchStores(b)
			inParallel(b, readers, func(rng *rand.Rand) error {
				_, err := s.Get(context.Background(), benchKey(rng.IntN(n)))
				return err
			})
		})
		b.Run(fmt.Sprintf("bbolt.View/readers=%d", readers), func(b *testing.B) {
			_, db, n := openBenchStores(b)
			inParallel(b, readers, func(rng *rand.Rand) error {
				k := []byte(benchKey(rng.IntN(n)))
				return db.View(func(tx *bolt.Tx) error {
					v := tx.Bucket(benchBucket).Get(k)
					_ = append([]byte(nil), v...)
					return nil
				})
			})
		})
	}
}

// BenchmarkReplay opens a store whose journal holds about 10 MiB that no
// checkpoint has taken: what a kill leaves behind.
func BenchmarkReplay(b *testing.B) {
	master := filepath.Join(b.TempDir(), "master")
	s, err := tiered.Open(master, nil)
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for i := 0; s.Stats().L3.JournalBytes < 10<<20; {
		var batch tiered.Batch
		for range 100 {
			batch.Set(benchKey(i), benchValue(rng), time.Hour)
			i++
		}
		if err := s.Write(b.Context(), &batch); err != nil {
			b.Fatal(err)
		}
	}
	killed := filepath.Join(b.TempDir(), "killed")
	if err := copyDir(killed, master); err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(10 << 20)
	for b.Loop() {
		b.StopTimer()
		dir := filepath.Join(b.TempDir(), "copy")
		if err := errors.Join(os.RemoveAll(dir), copyDir(dir, killed), syncAll(dir)); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		db, err := l3bolt.Open(dir, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// syncAll writes the files below dir to the disk, as the killed store had.
func syncAll(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}
