package l2mmap_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stratakv/strata/l2mmap"
	"github.com/stratakv/strata/tiered/tier"
)

// load runs readers and writers on c until stop. Every frame is checked; each
// key has one writer, and a reader never sees a number older than the last one
// that was put and acknowledged before the read began.
func load(t *testing.T, c *l2mmap.Cache, stop *atomic.Bool, hits *atomic.Int64) *sync.WaitGroup {
	const keys, writers, readers = 48, 2, 2
	var put [keys]atomic.Uint64
	wg := new(sync.WaitGroup)
	for w := range writers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 0))
			for n := uint64(1); !stop.Load(); n++ {
				i := w + writers*rng.IntN(keys/writers)
				err := c.Put(key(i), hashOf(key(i)), frameOf(key(i), n, 8+rng.IntN(1200)), 0, 0)
				switch {
				case err == nil:
					put[i].Store(n)
				case errors.Is(err, l2mmap.ErrLockedPage), errors.Is(err, l2mmap.ErrDetached), errors.Is(err, tier.ErrClosed):
				default:
					t.Errorf("put: %v", err)
				}
			}
		})
	}
	for range readers {
		wg.Go(func() {
			buf := make([]byte, 0, 4096)
			for i := 0; !stop.Load(); i = (i + 1) % keys {
				least := put[i].Load()
				frame, _, ok := c.Get(buf, key(i), hashOf(key(i)), at(0))
				if !ok {
					continue
				}
				hits.Add(1)
				if !whole(key(i), frame) {
					t.Errorf("%s: got a frame that was never put", key(i))
				} else if numberOf(frame) < least {
					t.Errorf("%s: got number %d after %d was acknowledged", key(i), numberOf(frame), least)
				}
			}
		})
	}
	return wg
}

// TestVandal flips bytes in pages and headers under load.
func TestVandal(t *testing.T) {
	dir := memoryDir(t)
	_, c, _ := owner(t, dir, &l2mmap.PageOptions{Bytes: 36 << 10, PageBytes: 16 << 10})
	f, err := os.OpenFile(only(t, dir, "pages-"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var stop atomic.Bool
	var hits atomic.Int64
	wg := load(t, c, &stop, &hits)
	flips := 0
	for end := time.Now().Add(litmusTime(t)); time.Now().Before(end); flips++ {
		if flips%8 == 0 {
			<-time.After(50 * time.Microsecond)
		}
		at := l2mmap.FileHeaderBytes + rng.Int64N(int64(len(c.Memory())-l2mmap.FileHeaderBytes))
		if flips%100 == 0 {
			at = rng.Int64N(256) // the header, but not its mark: that detaches
		}
		b := make([]byte, 1)
		if _, err := f.ReadAt(b, at); err != nil {
			t.Fatal(err)
		}
		b[0] ^= byte(1 + rng.IntN(255))
		if _, err := f.WriteAt(b, at); err != nil {
			t.Fatal(err)
		}
	}
	stop.Store(true)
	wg.Wait()
	s := c.Stats()
	t.Logf("%d flips, %d hits, %d faults, %d resets", flips, hits.Load(), s.Faults, s.Resets)
	if hits.Load() == 0 || s.Resets == 0 || s.Faults == 0 {
		t.Errorf("got %d hits, %d resets, %d faults, want some of each", hits.Load(), s.Resets, s.Faults)
	}
}

// TestTruncationUnderLoad: the fault is caught, and the page file is not used
// again, by anyone.
func TestTruncationUnderLoad(t *testing.T) {
	if raceDetector {
		// Its atomic operations are C functions; a fault inside one of them is
		// fatal, whatever SetPanicOnFault says. TestOwnerDetachesForAll and
		// TestTruncatedControlFile, where nothing runs beside, stay.
		t.Skip("the race detector's own code cannot survive a truncation that comes while it runs")
	}
	for _, length := range []int64{0, l2mmap.FileHeaderBytes + 100<<10} {
		dir := memoryDir(t)
		control, c, _ := owner(t, dir, &l2mmap.PageOptions{Bytes: 1 << 20})
		second, follower, err := files(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = follower.Close(); _ = second.Close() })
		var stop atomic.Bool
		var hits atomic.Int64
		wg := load(t, c, &stop, &hits)
		for hits.Load() < 100 {
			<-time.After(time.Millisecond)
		}
		if err := os.Truncate(only(t, dir, "pages-"), length); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(10 * time.Second); c.Detached() == "" && time.Now().Before(end); {
			<-time.After(time.Millisecond)
		}
		stop.Store(true)
		wg.Wait()
		if c.Detached() == "" {
			t.Fatalf("truncated to %d: got attached still", length)
		}
		if err := c.Put("k", hashOf("k"), nil, 0, 0); !errors.Is(err, l2mmap.ErrDetached) {
			t.Errorf("put: got %v, want ErrDetached", err)
		}
		_ = c.Stats()
		if got := holds(t, follower, 48); got != 0 {
			t.Errorf("truncated to %d: got %d entries by a process that the owner does not keep in step", length, got)
		}
		b := l2mmap.BucketOf(hashOf("k"))
		control.Begin(b)
		if w := control.End(b); w.InFlight() != 0 || control.Detached() != "" {
			t.Errorf("words: got %d in flight, detached %q, want them to go on", w.InFlight(), control.Detached())
		}
	}
}

// TestOwnerDetachesForAll: what the owner cannot reach any more it cannot keep
// in step, so nobody reads the rest of the file either.
func TestOwnerDetachesForAll(t *testing.T) {
	dir := memoryDir(t)
	_, c, _ := owner(t, dir, &l2mmap.PageOptions{Bytes: 40 << 10, PageBytes: 16 << 10})
	control, follower, err := files(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = follower.Close(); _ = control.Close() })
	var in [2]string // a key of each page
	for i := 0; in[0] == "" || in[1] == ""; i++ {
		in[c.PageOf(hashOf(key(i)))] = key(i)
	}
	put(t, c, in[0], []byte("v"), 0, 0)
	if _, ok := get(follower, in[0], 0); !ok {
		t.Fatal("follower: got a miss")
	}
	if err := os.Truncate(only(t, dir, "pages-"), l2mmap.FileHeaderBytes+16<<10); err != nil {
		t.Fatal(err)
	}
	if err := c.Put(in[1], hashOf(in[1]), nil, 0, 0); !errors.Is(err, l2mmap.ErrDetached) {
		t.Fatalf("put beyond the end: got %v, want ErrDetached", err)
	}
	if _, ok := get(follower, in[0], 0); ok {
		t.Error("follower: got a hit in a file that nobody keeps in step")
	}
}

// TestTruncatedControlFile: no word is trusted any more, and nothing crashes.
func TestTruncatedControlFile(t *testing.T) {
	dir := memoryDir(t)
	control, c, _ := owner(t, dir, &l2mmap.PageOptions{Bytes: 1 << 20})
	put(t, c, "k", []byte("v"), 0, 0)
	if err := os.Truncate(only(t, dir, "control-"), 0); err != nil {
		t.Fatal(err)
	}
	if w := control.Load(5); w.InFlight() == 0 {
		t.Error("load: got a word that is trusted")
	}
	control.Begin(5)
	control.SetGroup(1, 2)
	if w := control.End(5); w.InFlight() == 0 || control.Detached() == "" {
		t.Errorf("end: got %d in flight, detached %q", w.InFlight(), control.Detached())
	}
	if _, ok := get(c, "k", 0); ok {
		t.Error("get: got a hit")
	}
	if err := c.Put("k", hashOf("k"), nil, 0, 0); !errors.Is(err, l2mmap.ErrDetached) {
		t.Errorf("put: got %v, want ErrDetached", err)
	}
}

// TestRemovedFiles: who has them open goes on; who comes later gets new ones,
// and is not taken for the same.
func TestRemovedFiles(t *testing.T) {
	dir := memoryDir(t)
	_, c, _ := owner(t, dir, &l2mmap.PageOptions{Bytes: 1 << 20})
	put(t, c, "k", []byte("v"), 0, 0)
	if err := errors.Join(os.Remove(only(t, dir, "pages-")), os.Remove(only(t, dir, "control-"))); err != nil {
		t.Fatal(err)
	}
	if _, ok := get(c, "k", 0); !ok {
		t.Error("get by who has it open: got a miss")
	}
	_, later, _ := owner(t, dir, &l2mmap.PageOptions{Bytes: 1 << 20})
	if _, ok := get(later, "k", 0); ok {
		t.Error("get in new files: got a hit")
	}
}
