//go:build !wasm

package l2mmap_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stratakv/strata/l2mmap"
	"github.com/zeebo/xxh3"
)

const seed = 0x5eed

var storeID = [16]byte{1, 2, 3}

func controlOptions() *l2mmap.ControlOptions {
	return &l2mmap.ControlOptions{StoreID: storeID, Seed: seed}
}

func hashOf(key string) uint64 { return xxh3.HashStringSeed(key, seed) }

func key(i int) string { return fmt.Sprintf("key-%04d", i) }

// frameOf makes size bytes that tell key and number, and cannot be taken for
// those of another.
func frameOf(key string, number uint64, size int) []byte {
	b := make([]byte, size)
	state := xxh3.HashStringSeed(key, number)
	var word [8]byte
	for i := range b {
		if i%8 == 0 {
			state = state*6364136223846793005 + 1442695040888963407
			binary.LittleEndian.PutUint64(word[:], state)
		}
		b[i] = word[i%8]
	}
	if size >= 8 {
		binary.LittleEndian.PutUint64(b, number)
	}
	return b
}

// whole reports whether frame is one that frameOf made for key.
func whole(key string, frame []byte) bool {
	if len(frame) < 8 {
		return false
	}
	return bytes.Equal(frame, frameOf(key, binary.LittleEndian.Uint64(frame), len(frame)))
}

// heap gives a bound cache on the heap.
func heap(t testing.TB, maxBytes int64, pageBytes int) (*l2mmap.Control, *l2mmap.Cache) {
	t.Helper()
	control := l2mmap.NewControl(controlOptions())
	c, err := l2mmap.HeapCache(control, maxBytes, pageBytes)
	if err != nil {
		t.Fatalf("heap cache: %v", err)
	}
	t.Cleanup(func() { _ = c.Close(); _ = control.Close() })
	return control, c
}

// at is the clock that stands at now.
func at(now int64) func() int64 { return func() int64 { return now } }

func get(c *l2mmap.Cache, key string, now int64) ([]byte, bool) {
	frame, _, ok := c.Get(nil, key, hashOf(key), at(now))
	return frame, ok
}

func put(t testing.TB, c *l2mmap.Cache, key string, frame []byte, deadline, now int64) {
	t.Helper()
	if err := c.Put(key, hashOf(key), frame, deadline, now); err != nil {
		t.Fatalf("put of %d bytes: %v", len(frame), err)
	}
}

// holds counts which of the keys [0, n) are there, and checks what they say.
func holds(t testing.TB, c *l2mmap.Cache, n int) int {
	t.Helper()
	found := 0
	for i := range n {
		if frame, ok := get(c, key(i), 0); ok {
			found++
			if !whole(key(i), frame) {
				t.Errorf("%s: got %d bytes that were never put", key(i), len(frame))
			}
		}
	}
	return found
}

// numberOf is the number that frameOf was given.
func numberOf(frame []byte) uint64 { return binary.LittleEndian.Uint64(frame) }
