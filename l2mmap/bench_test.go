//go:build !wasm

package l2mmap_test

import (
	"testing"
)

func BenchmarkGetHit512(b *testing.B) {
	_, c := heap(b, 4<<20, 0)
	benchmarkGet(b, c.Get, func(k string, frame []byte) { put(b, c, k, frame, 0, 0) })
}

func benchmarkGet(b *testing.B, get func([]byte, string, uint64, func() int64) ([]byte, int64, bool), put func(string, []byte)) {
	const keys = 1024
	names, hashes := make([]string, keys), make([]uint64, keys)
	for i := range keys {
		names[i], hashes[i] = key(i), hashOf(key(i))
		put(names[i], frameOf(names[i], 1, 512))
	}
	buf, now := make([]byte, 0, 1024), at(0)
	b.ReportAllocs()
	b.SetBytes(512)
	for i := 0; b.Loop(); i++ {
		if _, _, ok := get(buf, names[i%keys], hashes[i%keys], now); !ok {
			b.Fatal("got a miss")
		}
	}
}

func BenchmarkPut512(b *testing.B) {
	_, c := heap(b, 4<<20, 0)
	const keys = 16384 // more than fit: it evicts
	frame := frameOf("k", 1, 512)
	names, hashes := make([]string, keys), make([]uint64, keys)
	for i := range keys {
		names[i], hashes[i] = key(i), hashOf(key(i))
	}
	b.ReportAllocs()
	b.SetBytes(512)
	for i := 0; b.Loop(); i++ {
		if err := c.Put(names[i%keys], hashes[i%keys], frame, 0, 0); err != nil {
			b.Fatal(err)
		}
	}
}
