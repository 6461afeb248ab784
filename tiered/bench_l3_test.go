//go:build !wasm

package tiered_test

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/stratakv/strata/tiered"
)

// BenchmarkGetFromL3 reads random records from the durable tier and, in turns of
// some keys, the same from bare bbolt: with both caches full of others, and
// without caches. Of what is read with caches some is met there; served-by-L3
// says how much is not. For published figures:
//
//	STRATA_BENCH_RECORDS=1000000 go test ./tiered -run '^$' -bench GetFromL3 -benchtime 1000x -count 5
func BenchmarkGetFromL3(b *testing.B) {
	for _, tc := range []struct {
		name string
		opts tiered.Options
	}{
		{"caches=full", tiered.Options{L1Bytes: 16 << 20, L2Bytes: 16 << 20}},
		{"caches=none", tiered.Options{L1Bytes: -1, L2Bytes: -1}},
	} {
		b.Run(tc.name, func(b *testing.B) {
			_, db, n := openBenchStores(b)
			s := reopenBenchStore(b, &tc.opts)
			rng := rand.New(rand.NewPCG(1, uint64(b.N)))
			get := func(key string) error {
				_, err := s.Get(context.Background(), key)
				return err
			}
			for range n / 4 {
				if err := get(benchKey(rng.IntN(n))); err != nil {
					b.Fatal(err)
				}
			}
			before := s.Stats().L3.Hits
			alternate(b, rng, n, get, func(key string) error {
				return db.View(func(tx *bolt.Tx) error {
					_ = append([]byte(nil), tx.Bucket(benchBucket).Get([]byte(key))...)
					return nil
				})
			})
			b.ReportMetric(float64(s.Stats().L3.Hits-before)/float64(turn*b.N), "served-by-L3")
		})
	}
}

const turn = 256

// alternate reports what a call of each of both takes, in turns with the same keys.
func alternate(b *testing.B, rng *rand.Rand, n int, ours, bare func(key string) error) {
	var keys [turn]string
	var took [2]time.Duration
	for b.Loop() {
		for i := range keys {
			keys[i] = benchKey(rng.IntN(n))
		}
		for i, get := range []func(string) error{ours, bare} {
			begun := time.Now()
			for _, key := range keys {
				if err := get(key); err != nil {
					b.Fatal(err)
				}
			}
			took[i] += time.Since(begun)
		}
	}
	each := float64(turn * b.N)
	b.ReportMetric(float64(took[0])/each, "strata-ns")
	b.ReportMetric(float64(took[1])/each, "bbolt-ns")
	b.ReportMetric(float64(took[0])/float64(took[1]), "ratio")
}

// reopenBenchStore opens the one store with other options.
func reopenBenchStore(b *testing.B, opts *tiered.Options) *tiered.Store {
	b.Helper()
	st := &benchStores
	err := st.strata.Close()
	if err == nil {
		st.strata, err = tiered.Open(filepath.Join(st.dir, "strata"), opts)
	}
	if err != nil {
		b.Fatal(err)
	}
	return st.strata
}
