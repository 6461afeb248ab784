package l2mmap_test

import (
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
