package l2mmap_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stratakv/strata/l2mmap"
)

func BenchmarkMappedGetHit512(b *testing.B) {
	_, c, _ := owner(b, memoryDir(b), &l2mmap.PageOptions{Bytes: 4 << 20})
	benchmarkGet(b, c.Get, func(k string, frame []byte) { put(b, c, k, frame, 0, 0) })
}

func BenchmarkMappedLoadWord(b *testing.B) {
	control, _, _ := owner(b, memoryDir(b), &l2mmap.PageOptions{Bytes: 1 << 20})
	for i := 0; b.Loop(); i++ {
		if control.Load(uint16(i)).InFlight() != 0 {
			b.Fatal("got a word in flight")
		}
	}
}

// BenchmarkMappedPut300 puts frames of 300 bytes in random order into 64 MiB:
// of 100,000 keys each replaces its own frame, of 1,000,000 most evict another.
func BenchmarkMappedPut300(b *testing.B) {
	for _, keys := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			_, c, _ := owner(b, memoryDir(b), &l2mmap.PageOptions{Bytes: 64 << 20})
			frame := frameOf("k", 1, 300)
			names, hashes := make([]string, keys), make([]uint64, keys)
			for i := range keys {
				names[i], hashes[i] = key(i), hashOf(key(i))
				put(b, c, names[i], frame, 1<<40, 0)
			}
			rng := rand.New(rand.NewPCG(1, 2))
			b.ReportAllocs()
			for b.Loop() {
				i := rng.IntN(keys)
				if err := c.Put(names[i], hashes[i], frame, 1<<40, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
