//go:build !wasm

package l2mmap_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stratakv/strata/l2mmap"
)

// TestReadersBesideWriters runs the algorithm on the heap, where the race
// detector sees it: no reader gets anything but a whole frame of its key, and
// never an older one than before.
func TestReadersBesideWriters(t *testing.T) {
	_, c := heap(t, 36<<10, 16<<10)
	const keys, writers, readers = 24, 2, 3
	rounds := 20_000
	if testing.Short() {
		rounds = 3_000
	}
	var wg, writing sync.WaitGroup
	var stop atomic.Bool
	var hits atomic.Int64
	for w := range writers {
		writing.Add(1)
		wg.Go(func() {
			defer writing.Done()
			rng := rand.New(rand.NewPCG(1, uint64(w)))
			for i := range rounds {
				k := key(w + writers*rng.IntN(keys/writers)) // each writer has keys of its own
				if err := c.Put(k, hashOf(k), frameOf(k, uint64(i+1), 8+rng.IntN(1500)), 0, 0); err != nil && err != l2mmap.ErrLockedPage {
					t.Errorf("put: %v", err)
				}
			}
		})
	}
	for range readers {
		wg.Go(func() {
			last := map[string]uint64{}
			buf := make([]byte, 0, 4096)
			for i := 0; !stop.Load(); i++ {
				k := key(i % keys)
				frame, _, ok := c.Get(buf, k, hashOf(k), at(0))
				if !ok {
					continue
				}
				hits.Add(1)
				if !whole(k, frame) {
					t.Errorf("%s: got a torn frame of %d bytes", k, len(frame))
					return
				}
				if number := numberOf(frame); number < last[k] {
					t.Errorf("%s: got number %d after %d", k, number, last[k])
					return
				} else {
					last[k] = number
				}
			}
		})
	}
	writing.Wait()
	stop.Store(true)
	wg.Wait()
	if s := c.Stats(); hits.Load() == 0 || s.Faults != 0 || s.Resets != 0 {
		t.Errorf("got %d hits, %d faults, %d resets, want some, 0, 0", hits.Load(), s.Faults, s.Resets)
	}
	if err := c.Verify(); err != nil {
		t.Error(err)
	}
}

// TestDamageIsReset: a flipped bit anywhere in a page costs entries, and gives
// no wrong value, at every later operation.
func TestDamageIsReset(t *testing.T) {
	const keys = 12
	_, c := heap(t, 8<<10, 4<<10)
	for i := range keys {
		put(t, c, key(i), frameOf(key(i), 1, 60+i*20), 0, 0)
	}
	page := c.Memory()[l2mmap.FileHeaderBytes:]
	sound := slices.Clone(page)
	step := 1
	if testing.Short() {
		step = 11
	}
	for bit := 0; bit < 4096*8; bit += step {
		copy(page, sound)
		page[bit/8] ^= 1 << (bit % 8)
		for i := range keys {
			switch i % 3 {
			case 0:
				put(t, c, key(i), frameOf(key(i), 2, 100), 0, 0)
			case 1:
				if err := c.Remove(key(i), hashOf(key(i))); err != nil {
					t.Fatalf("bit %d: remove: %v", bit, err)
				}
			}
		}
		page[bit/8] ^= 1 << (bit % 8) // what was hidden may show again
		for i := range keys {
			if frame, ok := get(c, key(i), 0); ok && (!whole(key(i), frame) || i%3 == 0 && numberOf(frame) != 2 || i%3 == 1) {
				t.Fatalf("bit %d: %s: got a frame that was replaced, removed, or never put", bit, key(i))
			}
		}
		for i := range keys {
			put(t, c, key(i), frameOf(key(i), 3, 200), 0, 0)
			if frame, ok := get(c, key(i), 0); ok && numberOf(frame) != 3 {
				t.Fatalf("bit %d: %s: got an old frame", bit, key(i))
			}
		}
	}
	if c.Stats().Resets == 0 {
		t.Error("got no resets: the test shows nothing")
	}
}

// TestFreedEntryHasNoHeader: not even the way to an entry and the kind of its
// block, both as they were before it was removed, find it again.
func TestFreedEntryHasNoHeader(t *testing.T) {
	_, c := heap(t, 8<<10, 4<<10)
	page := c.Memory()[l2mmap.FileHeaderBytes:]
	put(t, c, "k", frameOf("k", 1, 40), 0, 0)
	before := slices.Clone(page)
	if err := c.Remove("k", hashOf("k")); err != nil {
		t.Fatal(err)
	}
	after := slices.Clone(page)
	var changed []int
	for at := 8; at < len(page); at += 8 { // the sequence aside
		if !bytes.Equal(before[at:at+8], after[at:at+8]) {
			changed = append(changed, at)
		}
	}
	if len(changed) < 4 {
		t.Fatalf("got %d changed words: the test shows nothing", len(changed))
	}
	for _, first := range changed {
		for _, second := range changed {
			copy(page, after)
			copy(page[first:first+8], before[first:])
			copy(page[second:second+8], before[second:])
			if _, ok := get(c, "k", 0); ok {
				t.Fatalf("words at %d and %d as before: got a removed frame", first, second)
			}
		}
	}
}

// TestLostLock: a page whose lock was overwritten while it was held is emptied,
// as another may have been in it.
func TestLostLock(t *testing.T) {
	_, c := heap(t, 8<<10, 4<<10)
	put(t, c, "k", []byte("v"), 0, 0)
	release, err := c.LockPage(hashOf("k"))
	if err != nil {
		t.Fatal(err)
	}
	clear(c.Memory()[l2mmap.FileHeaderBytes+8:][:8])
	put(t, c, "other", []byte("v"), 0, 0)
	resets := c.Stats().Resets
	release()
	if got := c.Stats().Resets - resets; got != 1 {
		t.Errorf("got %d resets, want 1", got)
	}
	if _, ok := get(c, "other", 0); ok {
		t.Error("got a hit in a page that two had changed at once")
	}
	put(t, c, "k", []byte("v"), 0, 0)
	if err := c.Verify(); err != nil {
		t.Error(err)
	}
}

// FuzzPage takes arbitrary bytes for a page: no operation panics, and no frame
// comes out that was not put.
func FuzzPage(f *testing.F) {
	control := l2mmap.NewControl(controlOptions())
	c, err := l2mmap.HeapCache(control, 8<<10, 4<<10)
	if err != nil {
		f.Fatal(err)
	}
	for i := range 10 {
		put(f, c, key(i), frameOf(key(i), 1, 60+i*20), 0, 0)
	}
	f.Add(append([]byte(nil), c.Memory()[l2mmap.FileHeaderBytes:]...), uint64(1))
	f.Add(make([]byte, 4096), uint64(2))
	f.Add([]byte{}, uint64(3))
	f.Fuzz(func(t *testing.T, page []byte, ops uint64) {
		// The same file, so that the checks of the seed hold.
		clear(c.Memory()[l2mmap.FileHeaderBytes:])
		copy(c.Memory()[l2mmap.FileHeaderBytes:], page)
		rng := rand.New(rand.NewPCG(ops, 0))
		for n := range 60 {
			k := key(rng.IntN(12))
			switch rng.IntN(4) {
			case 0:
				if err := c.Put(k, hashOf(k), frameOf(k, uint64(n), rng.IntN(400)), 0, 0); err != nil && err != l2mmap.ErrLockedPage {
					t.Fatalf("put: %v", err)
				}
			case 1:
				if err := c.Remove(k, hashOf(k)); err != nil && err != l2mmap.ErrLockedPage {
					t.Fatalf("remove: %v", err)
				}
			default:
				if frame, ok := get(c, k, 0); ok && len(frame) >= 8 && !whole(k, frame) {
					t.Fatalf("got %d bytes that were never put", len(frame))
				}
			}
		}
		_ = c.Verify() // no panic here either; what no operation met may be damaged still
	})
}

// FuzzHeader takes arbitrary bytes for the state of a control file and binds
// over them.
func FuzzHeader(f *testing.F) {
	f.Add(make([]byte, 200), uint64(2), uint64(9))
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255, 255}, uint64(1), uint64(0))
	f.Fuzz(func(t *testing.T, state []byte, epoch, version uint64) {
		control, c := heap(t, 8<<10, 4<<10)
		put(t, c, "k", []byte("v"), 0, 0)
		copy(control.Memory()[l2mmap.ControlStateAt:l2mmap.ControlStateEnd], state)
		_ = control.State()
		if _, err := control.Bind(l2mmap.Truth{Opening: epoch, Previous: epoch - 1, Version: version, BootID: "b"}, c); err != nil {
			t.Fatalf("bind: %v", err)
		}
		if frame, ok := get(c, "k", 0); ok {
			t.Fatalf("got %q, which another boot put there", frame)
		}
	})
}
