//go:build !wasm

package l1_test

import (
	"fmt"
	"testing"

	"github.com/dgraph-io/ristretto/v2"

	"github.com/stratakv/strata/l1"
)

const benchKeys = 1 << 12

// benchGets runs get over many keys, and over one, alone and in parallel.
func benchGets(b *testing.B, get func(i int) bool) {
	for _, n := range []int{1, benchKeys} {
		b.Run(fmt.Sprintf("200B/%dkeys/serial", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if !get(i & (n - 1)) {
					b.Fatal("got a miss")
				}
			}
		})
		b.Run(fmt.Sprintf("200B/%dkeys/parallel", n), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					if !get(i & (n - 1)) {
						b.Fatal("got a miss")
					}
				}
			})
		})
	}
}

func benchNames() (keys []string, hashes []uint64) {
	for i := range benchKeys {
		keys = append(keys, fmt.Sprintf("session:%016x", i))
		hashes = append(hashes, hashOf(keys[i]))
	}
	return keys, hashes
}

func BenchmarkGetHit(b *testing.B) {
	c := newCache(b, 64<<20)
	keys, hashes := benchNames()
	for i, key := range keys {
		c.Fill(hashes[i], l1.Entry{Key: key, Value: make([]byte, 200), Tag: 1, Version: 1, Deadline: 1 << 60})
		if i%1000 == 0 {
			c.Settle() // none is to be refused for the backlog
		}
	}
	c.Settle()
	now := at(1)
	benchGets(b, func(i int) bool {
		e, hit := c.Get(hashes[i], keys[i], 1, now)
		return hit && len(e.Value()) == 200
	})
}

// BenchmarkRistrettoGetHit is what BenchmarkGetHit compares with.
func BenchmarkRistrettoGetHit(b *testing.B) {
	c, err := ristretto.NewCache(&ristretto.Config[uint64, []byte]{
		NumCounters: 1 << 20, MaxCost: 64 << 20, BufferItems: 64,
		KeyToHash: func(hash uint64) (uint64, uint64) { return hash, 0 },
	})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	_, hashes := benchNames()
	for _, hash := range hashes {
		c.Set(hash, make([]byte, 200), 200)
	}
	c.Wait()
	benchGets(b, func(i int) bool {
		value, hit := c.Get(hashes[i])
		return hit && len(value) == 200
	})
}

func BenchmarkMiss(b *testing.B) {
	c := newCache(b, 64<<20)
	keys, hashes := benchNames()
	now := at(1)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.Get(hashes[i&(benchKeys-1)], keys[i&(benchKeys-1)], 1, now)
	}
}

// BenchmarkFill refills in place, with a newer generation each time.
func BenchmarkFill(b *testing.B) {
	c := newCache(b, 64<<20)
	keys, hashes := benchNames()
	value := make([]byte, 200)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		k := i & (benchKeys - 1)
		c.Fill(hashes[k], l1.Entry{Key: keys[k], Value: value, Tag: uint64(i), Version: uint64(i)})
	}
}

// BenchmarkFillNew fills absent keys of a full cache, at the pace of eviction.
func BenchmarkFillNew(b *testing.B) {
	c := newCache(b, 4<<20)
	value := make([]byte, 200)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		key := fmt.Sprintf("session:%016x", i)
		c.Fill(hashOf(key), l1.Entry{Key: key, Value: value, Tag: 1, Version: 1})
		if i%1000 == 0 {
			c.Settle()
		}
	}
}
