//go:build !wasm

package l2mmap_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stratakv/strata/l2mmap"
	"github.com/stratakv/strata/tiered/tier"
)

// modelled is what the model knows of a key.
type modelled struct {
	frame    []byte
	deadline int64
}

// TestModel compares random operations with a map. A page may forget; it never
// returns what is not the last put, nor anything removed or expired.
func TestModel(t *testing.T) {
	for _, size := range []struct {
		name      string
		bytes     int64
		pageBytes int
		most      int // bytes of a frame
	}{
		{"one tiny page", 8 << 10, 4 << 10, 1200},
		{"some small pages", 68 << 10, 16 << 10, 5000},
		{"roomy", 4 << 20, 256 << 10, 3000},
	} {
		t.Run(size.name, func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rng := rand.New(rand.NewPCG(seed, 1))
			control, c := heap(t, size.bytes, size.pageBytes)
			model := map[string]modelled{}
			now, hits := int64(1000), 0
			for i := range 30_000 {
				k := key(rng.IntN(200))
				switch op := rng.IntN(10); {
				case op < 3:
					frame := frameOf(k, uint64(i), rng.IntN(size.most))
					deadline := int64(0)
					if rng.IntN(2) == 0 {
						deadline = now + rng.Int64N(400)
					}
					var err error
					if rng.IntN(2) == 0 {
						err = c.Put(k, hashOf(k), frame, deadline, now)
						model[k] = modelled{frame, deadline}
					} else if m, met := model[k]; met {
						err = c.Fill(k, hashOf(k), m.frame, m.deadline, now, control.Load(l2mmap.BucketOf(hashOf(k))))
					}
					if err != nil && !errors.Is(err, tier.ErrTooLarge) {
						t.Fatalf("op %d: %v", i, err)
					}
				case op < 4:
					if err := c.Remove(k, hashOf(k)); err != nil {
						t.Fatalf("op %d: remove: %v", i, err)
					}
					delete(model, k)
				case op < 5:
					now += rng.Int64N(20)
				default:
					frame, deadline, ok := c.Get([]byte("before"), k, hashOf(k), at(now))
					m, met := model[k]
					if !ok {
						break
					}
					hits++
					if !met || m.deadline != 0 && m.deadline <= now {
						t.Fatalf("op %d: got a frame of %s, which is removed or expired", i, k)
					}
					if string(frame) != "before"+string(m.frame) || deadline != m.deadline {
						t.Fatalf("op %d: got %d bytes with deadline %d, want %d with %d", i, len(frame)-6, deadline, len(m.frame), m.deadline)
					}
				}
				if i%1000 == 0 {
					if err := c.Verify(); err != nil {
						t.Fatalf("after op %d: %v", i, err)
					}
				}
			}
			if err := c.Verify(); err != nil {
				t.Error(err)
			}
			if s := c.Stats(); hits == 0 || s.Resets != 0 || s.Faults != 0 {
				t.Errorf("got %d hits, %d resets, %d faults, want some, 0, 0", hits, s.Resets, s.Faults)
			}
		})
	}
}

func TestDeadlineIsExact(t *testing.T) {
	_, c := heap(t, 1<<20, 0)
	put(t, c, "k", []byte("v"), 100, 0)
	if _, ok := get(c, "k", 99); !ok {
		t.Error("a millisecond before the deadline: got a miss, want a hit")
	}
	if _, ok := get(c, "k", 100); ok {
		t.Error("at the deadline: got a hit, want a miss")
	}
	put(t, c, "k", []byte("past"), 50, 60)
	if _, ok := get(c, "k", 0); ok {
		t.Error("put with a past deadline: got a hit, want the old frame removed")
	}
}

func TestEmptyKeyAndFrame(t *testing.T) {
	_, c := heap(t, 2<<20, 0)
	put(t, c, "", nil, 0, 0)
	if frame, ok := get(c, "", 0); !ok || len(frame) != 0 {
		t.Errorf("got %d bytes, %v, want none, true", len(frame), ok)
	}
	long := strings.Repeat("k", 32_000)
	put(t, c, long, []byte("v"), 0, 0)
	if frame, ok := get(c, long, 0); !ok || string(frame) != "v" {
		t.Errorf("key of 32,000 bytes: got %q, %v, want v, true", frame, ok)
	}
}

// TestHashCollision gives two keys one hash: the full key decides.
func TestHashCollision(t *testing.T) {
	_, c := heap(t, 1<<20, 0)
	const hash = 42
	for _, k := range []string{"one", "two", "longer"} {
		if err := c.Put(k, hash, []byte(k), 0, 0); err != nil {
			t.Fatal(err)
		}
		for _, other := range []string{"one", "two", "longer"} {
			frame, _, ok := c.Get(nil, other, hash, at(0))
			if ok != (other == k) || ok && string(frame) != k {
				t.Errorf("after a put of %q, get of %q: got %q, %v", k, other, frame, ok)
			}
		}
	}
}

func TestFillNeedsTheWord(t *testing.T) {
	control, c := heap(t, 1<<20, 0)
	h := hashOf("k")
	b := l2mmap.BucketOf(h)
	before := control.Load(b)
	if err := c.Fill("k", h, []byte("old"), 0, 0, before); err != nil {
		t.Fatalf("fill with the word: %v", err)
	}
	control.Begin(b)
	during := control.Load(b)
	for name, w := range map[string]l2mmap.Word{"of before begin": before, "in flight": during} {
		if err := c.Fill("k", h, []byte("stale"), 0, 0, w); !errors.Is(err, l2mmap.ErrRefused) {
			t.Errorf("fill with the word %s while in flight: got %v, want ErrRefused", name, err)
		}
	}
	put(t, c, "k", []byte("new"), 0, 0)
	after := control.End(b)
	if err := c.Fill("k", h, []byte("stale"), 0, 0, before); !errors.Is(err, l2mmap.ErrRefused) {
		t.Errorf("fill with the word of before, after end: got %v, want ErrRefused", err)
	}
	if frame, _ := get(c, "k", 0); string(frame) != "new" {
		t.Errorf("got %q, want new", frame)
	}
	if err := c.Fill("k", h, []byte("loaded"), 0, 0, after); err != nil {
		t.Errorf("fill with the end's own word: %v", err)
	}
	if s := c.Stats(); s.Refused != 3 || s.Fills != 2 {
		t.Errorf("got %d refused, %d fills, want 3, 2", s.Refused, s.Fills)
	}
}

// TestFillLosesToPut: whatever moment a fill meets a write at, what was put
// stands after the end.
func TestFillLosesToPut(t *testing.T) {
	control, c := heap(t, 1<<20, 0)
	h := hashOf("k")
	b := l2mmap.BucketOf(h)
	var truth atomic.Uint64
	var fillers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		fillers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				w := control.Load(b)
				frame := binary.LittleEndian.AppendUint64(nil, truth.Load())
				_ = c.Fill("k", h, frame, 0, 0, w) // mostly refused
			}
		})
	}
	defer fillers.Wait()
	defer close(stop)
	for n := uint64(1); n <= 20_000; n++ {
		control.Begin(b)
		truth.Store(n)
		err := c.Put("k", h, binary.LittleEndian.AppendUint64(nil, n), 0, 0)
		for errors.Is(err, l2mmap.ErrLockedPage) { // a filler was taken off its processor
			err = c.Remove("k", h)
		}
		if err != nil {
			t.Fatal(err)
		}
		control.End(b)
		for range 3 {
			if frame, ok := get(c, "k", 0); ok && binary.LittleEndian.Uint64(frame) != n {
				t.Fatalf("after the end of write %d: got %d", n, binary.LittleEndian.Uint64(frame))
			}
			runtime.Gosched()
		}
	}
	if s := c.Stats(); s.Fills == 0 || s.Refused == 0 {
		t.Errorf("%d fills, %d refused: nothing was tested", s.Fills, s.Refused)
	}
}

func TestTooLarge(t *testing.T) {
	control, c := heap(t, 1<<20, 0)
	most := c.MaxItem() - len("k")
	put(t, c, "k", bytes.Repeat([]byte("x"), most), 0, 0)
	if frame, ok := get(c, "k", 0); !ok || len(frame) != most {
		t.Fatalf("largest item: got %d bytes, %v, want %d", len(frame), ok, most)
	}
	tooLarge := make([]byte, most+1)
	w := control.Load(l2mmap.BucketOf(hashOf("k")))
	if err := c.Fill("k", hashOf("k"), tooLarge, 0, 0, w); !errors.Is(err, tier.ErrTooLarge) {
		t.Errorf("fill: got %v, want ErrTooLarge", err)
	}
	if _, ok := get(c, "k", 0); !ok {
		t.Error("a refused fill took the old frame away")
	}
	put(t, c, "k", tooLarge, 0, 0)
	if _, ok := get(c, "k", 0); ok {
		t.Error("a put that does not fit left the superseded frame")
	}
	if s := c.Stats(); s.Evictions != 0 {
		t.Errorf("got %d evictions for items that are refused, want 0", s.Evictions)
	}
}

// TestEvictsUntilItFits: what the ancestor refused, 40 % of a page left to
// small items. Here a quarter is the most.
func TestEvictsUntilItFits(t *testing.T) {
	_, c := heap(t, 260<<10, 256<<10)
	for i := range 400 {
		put(t, c, key(i), frameOf(key(i), 1, 1000), 0, 0)
	}
	before := holds(t, c, 400)
	big := c.MaxItem() - len("big")
	put(t, c, "big", frameOf("big", 1, big), 0, 0)
	if _, ok := get(c, "big", 0); !ok {
		t.Error("an item of a quarter page: got a miss, want a hit")
	}
	gone := before - holds(t, c, 400)
	if most := c.BlocksFor(big+3)/c.BlocksFor(1000+8) + 1; gone > most {
		t.Errorf("got %d evicted for the big one, want at most %d", gone, most)
	}
	if err := c.Verify(); err != nil {
		t.Error(err)
	}
}

func TestOverwritesEvictNothing(t *testing.T) {
	_, c := heap(t, 20<<10, 16<<10)
	n := 0
	for ; c.Stats().Evictions == 0; n++ {
		put(t, c, key(n), frameOf(key(n), 1, 100), 0, 0)
	}
	before := holds(t, c, n)
	for i := range 500 {
		put(t, c, key(n-1), frameOf(key(n-1), uint64(i), 100), 0, 0)
	}
	if after := holds(t, c, n); after != before {
		t.Errorf("got %d entries after 500 overwrites of one, want %d", after, before)
	}
}

func TestExpiredGoFirst(t *testing.T) {
	_, c := heap(t, 20<<10, 16<<10)
	n := 0
	for ; c.Stats().Evictions == 0; n++ {
		deadline := int64(0)
		if n%2 == 0 {
			deadline = 100
		}
		put(t, c, key(n), frameOf(key(n), 1, 100), deadline, 0)
	}
	living := 0
	for i := 1; i < n; i += 2 {
		if _, ok := get(c, key(i), 0); ok {
			living++
		}
	}
	evicted := c.Stats().Evictions
	put(t, c, "large", frameOf("large", 1, c.MaxItem()-5), 0, 200)
	s := c.Stats()
	if s.Evictions != evicted || s.Expired == 0 {
		t.Errorf("got %d evictions and %d expired, want %d and some", s.Evictions, s.Expired, evicted)
	}
	for i := 1; i < n; i += 2 {
		if _, ok := get(c, key(i), 200); ok {
			living--
		}
	}
	if living != 0 {
		t.Errorf("%d entries without deadline went before expired ones", living)
	}
}

// TestSieveSparesTheVisited: what is read between scans stays.
func TestSieveSparesTheVisited(t *testing.T) {
	_, c := heap(t, 68<<10, 64<<10)
	for i := range 20 {
		put(t, c, key(i), frameOf(key(i), 1, 100), 0, 0)
	}
	for i := 20; i < 5000; i++ {
		put(t, c, key(i%9000), frameOf(key(i%9000), 1, 100), 0, 0)
		if got := holds(t, c, 20); got != 20 {
			t.Fatalf("after %d puts: got %d of the 20 that are read, want all", i, got)
		}
	}
	if c.Stats().Evictions == 0 {
		t.Error("got no evictions: the test shows nothing")
	}
}

// TestSieveSparesTheReplaced: what is written anew between scans
// stays.
func TestSieveSparesTheReplaced(t *testing.T) {
	_, c := heap(t, 68<<10, 64<<10)
	for i := 20; i < 3000; i++ {
		for k := range 20 {
			if i > 20 && !c.Has(hashOf(key(k))) {
				t.Fatalf("round %d: key %d was evicted", i, k)
			}
			put(t, c, key(k), frameOf(key(k), uint64(i), 100), 0, 0)
		}
		put(t, c, key(i), frameOf(key(i), 1, 100), 0, 0)
	}
	for k := range 20 {
		if frame, ok := get(c, key(k), 0); !ok || numberOf(frame) != 2999 || !whole(key(k), frame) {
			t.Errorf("key %d: got %d bytes, %v, want its last frame", k, len(frame), ok)
		}
	}
	if c.Stats().Evictions == 0 {
		t.Error("got no evictions: the test shows nothing")
	}
	if err := c.Verify(); err != nil {
		t.Error(err)
	}
}

func TestGetDoesNotAllocate(t *testing.T) {
	_, c := heap(t, 1<<20, 0)
	put(t, c, "k", frameOf("k", 1, 512), 0, 0)
	buf := make([]byte, 0, 1024)
	h := hashOf("k")
	if n := testing.AllocsPerRun(100, func() {
		if _, _, ok := c.Get(buf, "k", h, at(0)); !ok {
			t.Error("got a miss")
		}
	}); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

func TestCloseOfCache(t *testing.T) {
	control, c := heap(t, 1<<20, 0)
	put(t, c, "k", []byte("v"), 0, 0)
	for range 2 {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := get(c, "k", 0); ok {
		t.Error("get after close: got a hit")
	}
	if err := c.Put("k", hashOf("k"), nil, 0, 0); !errors.Is(err, tier.ErrClosed) {
		t.Errorf("put after close: got %v, want ErrClosed", err)
	}
	if err := control.Close(); err != nil {
		t.Fatal(err)
	}
	if w := control.Load(1); w.InFlight() == 0 {
		t.Error("word after close: got one that is trusted")
	}
}

func TestGeometryOptions(t *testing.T) {
	for _, tc := range []struct {
		bytes     int64
		pageBytes int
		ok        bool
	}{
		{64 << 20, 0, true}, {8 << 10, 0, true}, {8 << 10, 4 << 10, true}, {1 << 20, 64 << 10, true},
		{4 << 10, 0, false}, {1 << 20, 1000, false}, {1 << 20, 5000, false}, {64 << 20, 32 << 20, false},
		{600 << 20, 4 << 10, false}, {-1, 0, false},
	} {
		control := l2mmap.NewControl(controlOptions())
		c, err := l2mmap.HeapCache(control, tc.bytes, tc.pageBytes)
		if (err == nil) != tc.ok {
			t.Errorf("%d bytes in pages of %d: got %v, want ok %v", tc.bytes, tc.pageBytes, err, tc.ok)
			continue
		}
		if err == nil && int64(len(c.Memory())) > tc.bytes {
			t.Errorf("%d bytes in pages of %d: got a file of %d", tc.bytes, tc.pageBytes, len(c.Memory()))
		}
	}
}
