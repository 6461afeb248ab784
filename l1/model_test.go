//go:build !wasm

package l1_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stratakv/strata/l1"
)

// wantSettled checks the cache's books when nothing is queued any more.
func wantSettled(t *testing.T, c *l1.Cache) {
	t.Helper()
	c.Settle()
	st := c.Stats()
	if kept := c.Kept(); kept != st.Entries {
		t.Errorf("got %d entries, ristretto has %d of them", st.Entries, kept)
	}
	if items, bytes := c.Backlog(); items != 0 || bytes != 0 {
		t.Errorf("got a backlog of %d items and %d bytes, want none", items, bytes)
	}
	if st.Bytes > st.Limit {
		t.Errorf("got %d bytes, want at most %d", st.Bytes, st.Limit)
	}
}

// Random operations against a map: the last fill or nothing, with any budget.
func TestModel(t *testing.T) {
	ops := 200_000
	if testing.Short() {
		ops = 20_000
	}
	for _, budget := range []int64{1, 4 << 10, 64 << 10, 1 << 20, 64 << 20} {
		t.Run(fmt.Sprint(budget), func(t *testing.T) {
			seed := rand.Uint64()
			rnd := rand.New(rand.NewPCG(seed, 1))
			c := newCache(t, budget)
			type fill struct {
				value         byte
				size          int
				version, tag  uint64
				dropped, once bool
			}
			model := map[uint64]fill{}
			hits := 0
			for i := range ops {
				hash := rnd.Uint64N(300)
				key := fmt.Sprint(hash)
				m := model[hash]
				switch op := rnd.IntN(10); {
				case op < 4:
					m = fill{value: byte(rnd.Uint32()), size: 1 + rnd.IntN(3)*rnd.IntN(2000), version: m.version + rnd.Uint64N(2), tag: m.tag + rnd.Uint64N(2), once: true}
					value := make([]byte, m.size)
					value[0] = m.value
					c.Fill(hash, l1.Entry{Key: key, Value: value, Version: m.version, Tag: m.tag})
					model[hash] = m
				case op < 5:
					c.Drop(hash)
					m.dropped = true
					model[hash] = m
				default:
					e, hit := c.Get(hash, key, m.tag, at(0))
					if !hit {
						break
					}
					hits++
					if !m.once || m.dropped || e.Value()[0] != m.value || len(e.Value()) != m.size || e.Version() != m.version {
						t.Fatalf("seed %d, op %d, key %s: got version %d, want %+v or a miss", seed, i, key, e.Version(), m)
					}
				}
			}
			if budget >= 64<<10 && hits < ops/200 {
				t.Errorf("got %d hits in %d operations, want more", hits, ops)
			}
			wantSettled(t, c)
		})
	}
}

// One writer a key beside readers: what a Get finds is never older than the
// fill that had returned when the Get began, and nothing that was dropped.
func TestReadersNeverGoBack(t *testing.T) {
	for _, budget := range []int64{16 << 10, 64 << 10, 16 << 20} {
		t.Run(fmt.Sprint(budget), func(t *testing.T) { readersNeverGoBack(t, newCache(t, budget)) })
	}
}

func readersNeverGoBack(t *testing.T, c *l1.Cache) {
	const keys, writers = 64, 2
	rounds := 60_000
	if testing.Short() {
		rounds = 10_000
	}
	var floor [keys]atomic.Uint64 // the oldest version that may be seen
	var done atomic.Bool
	var reads, writes sync.WaitGroup
	var hits atomic.Int64
	for w := range writers {
		writes.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(w), 2))
			for version := uint64(1); version < uint64(rounds); version++ {
				k := rnd.IntN(keys/writers)*writers + w
				key := fmt.Sprint(k)
				if rnd.IntN(8) == 0 {
					c.Drop(hashOf(key))
				} else {
					value := make([]byte, 8+rnd.IntN(3)*100)
					binary.LittleEndian.PutUint64(value, version)
					c.Fill(hashOf(key), l1.Entry{Key: key, Value: value, Tag: 1, Version: version})
				}
				floor[k].Store(version)
			}
		})
	}
	for r := range 2 {
		reads.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(r), 3))
			for !done.Load() {
				k := rnd.IntN(keys)
				key := fmt.Sprint(k)
				oldest := floor[k].Load()
				e, hit := c.Get(hashOf(key), key, 1, at(0))
				if !hit {
					continue
				}
				hits.Add(1)
				if got := binary.LittleEndian.Uint64(e.Value()); e.Version() < oldest || got != e.Version() || e.Key() != key {
					t.Errorf("key %s: got version %d with value %d of %s, want at least %d", key, e.Version(), got, e.Key(), oldest)
					return
				}
			}
		})
	}
	writes.Wait()
	done.Store(true)
	reads.Wait()
	if hits.Load() == 0 {
		t.Error("got no hit")
	}
	wantSettled(t, c)
}
