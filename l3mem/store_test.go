package l3mem_test

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/l3mem"
	"github.com/stratakv/strata/tiered/tier"
)

func TestState(t *testing.T) {
	x, y := newModel(t, 0, false).store.State(), newModel(t, 0, false).store.State()
	if x.ID == y.ID || x.Seed == y.Seed {
		t.Errorf("two stores: got ids %x %x, seeds %x %x, want different ones", x.ID, y.ID, x.Seed, y.Seed)
	}
	x.ID, x.Seed = [16]byte{}, 0
	if want := (tier.State{Epoch: 1}); x != want {
		t.Errorf("State: got %+v, want %+v", x, want)
	}
}

// A Touch rewrites as many bytes as the codec seals.
func TestResealedIsTheCodecsHeader(t *testing.T) {
	if l3mem.Resealed != codec.HeaderSize {
		t.Errorf("resealed: got %d, want %d", l3mem.Resealed, codec.HeaderSize)
	}
}

func TestOptions(t *testing.T) {
	for _, tc := range []struct {
		name     string
		maxBytes int64
		want     string
	}{
		{"Least", 64 << 10, ""},
		{"TooSmall", 64<<10 - 1, "less than 64 KiB"},
		{"Negative", -1, "less than 64 KiB"},
		{"TooMuch", math.MaxInt64, "more than can be addressed"},
		{"Odd", 1<<20 + 13, ""},
	} {
		for _, evict := range []bool{false, true} {
			t.Run(fmt.Sprint(tc.name, evict), func(t *testing.T) {
				s, err := l3mem.New(&l3mem.Options{MaxBytes: tc.maxBytes, Evict: evict})
				if tc.want != "" {
					if err == nil || !strings.Contains(err.Error(), tc.want) {
						t.Errorf("New: got %v, want %q", err, tc.want)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := s.Reserved(); got > tc.maxBytes || got < tc.maxBytes*98/100-blockBytes {
					t.Errorf("reserved: got %d of %d", got, tc.maxBytes)
				}
			})
		}
	}
}

const blockBytes = 64

func TestKeysAndValues(t *testing.T) {
	m := newModel(t, 64<<20, false)
	long := strings.Repeat("k", 32_000)
	keys := []string{"", "\x00", "\x00\x00", "a", "a\x00", "a\x00\x00", "a\x00b", "b", "\xff", "\xff\xff",
		long, long + "\x00", long[1:], long[:31_000], long[:60], long[:61], strings.Repeat("p", 200) + "x", strings.Repeat("p", 200) + "y"}
	for i, size := range []int{0, 1, 35, 36, 59, 60, 61, 5 << 20} {
		for _, key := range keys {
			if size > 1000 && len(key) > 1 {
				continue
			}
			if err := m.commit(0, m.set(key, size, int64(i))); err != nil {
				t.Fatal(err)
			}
		}
		m.verify()
		m.verifyDue(3)
	}
	if err := m.commit(0, m.touch("", 1)); err != nil {
		t.Fatal(err)
	}
	m.verify()
	for _, key := range keys {
		m.commit(0, m.remove(key))
	}
	m.verify()
	if got := m.store.Used(); got != 0 {
		t.Errorf("blocks in use: got %d, want 0", got)
	}
}

func TestUnaddressableIsTooLarge(t *testing.T) {
	m := newModel(t, 1<<20, false)
	m.commit(0, m.set("a", 10, 0))
	for name, c := range map[string]tier.Change{
		"Key":    m.set(strings.Repeat("k", 1<<16), 1, 0),
		"RawLen": {Key: "k", Frame: []byte("f"), Head: tier.Head{Version: 9, RawLen: -1}},
	} {
		g := tier.Group{Changes: []tier.Change{m.remove("a"), c}}
		if err := m.store.Commit(&g); !errors.Is(err, tier.ErrTooLarge) {
			t.Errorf("%s: got %v, want ErrTooLarge", name, err)
		}
	}
	m.verify()
	if err := m.commit(0, m.remove(strings.Repeat("k", 1<<17))); err != nil {
		t.Errorf("removal of a key that cannot be: got %v, want nil", err)
	}
}

// fill sets records until the store is full.
func (m *model) fill(size int, deadline int64) (keys []string) {
	m.Helper()
	for {
		key := fmt.Sprintf("fill:%06d", len(keys))
		if m.commit(0, m.set(key, size, deadline)) != nil {
			return keys
		}
		keys = append(keys, key)
	}
}

func TestFullStore(t *testing.T) {
	const size = 200
	fresh := func(t *testing.T) (*model, []string) {
		m := newModel(t, 64<<10, false)
		keys := m.fill(size, 0)
		if free := m.store.Capacity() - m.store.Used(); free >= m.store.Blocks(len(keys[0]), size) {
			t.Fatalf("ErrFull with %d blocks free", free)
		}
		// Leave not one block.
		for i := 0; m.store.Used() < m.store.Capacity(); i++ {
			if err := m.commit(0, m.set(keys[i], size+60, 0)); err != nil {
				t.Fatal(err)
			}
		}
		return m, keys
	}
	for _, tc := range []struct {
		name    string
		fits    bool
		changes func(m *model, keys []string) []tier.Change
	}{
		{"Insert", false, func(m *model, keys []string) []tier.Change {
			return []tier.Change{m.set("k", 0, 0)}
		}},
		{"Grow", false, func(m *model, keys []string) []tier.Change {
			return []tier.Change{m.set(keys[20], size+60, 0)}
		}},
		{"Equal", true, func(m *model, keys []string) []tier.Change {
			return []tier.Change{m.set(keys[20], size, 7)}
		}},
		{"Smaller", true, func(m *model, keys []string) []tier.Change {
			return []tier.Change{m.set(keys[20], 0, 7)}
		}},
		{"Delete", true, func(m *model, keys []string) []tier.Change {
			return []tier.Change{m.remove(keys[20])}
		}},
		{"DeleteAbsent", true, func(m *model, keys []string) []tier.Change {
			return []tier.Change{m.remove("absent")}
		}},
		{"TouchAll", true, func(m *model, keys []string) (changes []tier.Change) {
			for i, key := range keys {
				changes = append(changes, m.touch(key, int64(1+i*7919%1000)))
			}
			return changes
		}},
		{"SwapInAnyOrder", true, func(m *model, keys []string) []tier.Change {
			return []tier.Change{m.set("new", size, 3), m.remove(keys[20])}
		}},
		{"TwoForOne", false, func(m *model, keys []string) []tier.Change {
			return []tier.Change{m.remove(keys[20]), m.set("new", size, 3), m.set("next", size, 3)}
		}},
		{"LastOfAKeyCounts", true, func(m *model, keys []string) []tier.Change {
			return []tier.Change{m.set(keys[20], 50_000, 0), m.set("new", 50_000, 0), m.remove("new"), m.set(keys[20], size, 0)}
		}},
		{"AllAtOnceForOne", true, func(m *model, keys []string) (changes []tier.Change) {
			changes = append(changes, m.set("large", int(m.store.Capacity()-1)*60, 0))
			for _, key := range keys {
				changes = append(changes, m.remove(key))
			}
			return changes
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, keys := fresh(t)
			err := m.commit(0, tc.changes(m, keys)...)
			if fits := err == nil; fits != tc.fits {
				t.Errorf("Commit: got %v, want it to fit: %v", err, tc.fits)
			}
			m.verify()
			m.verifyDue(500)
		})
	}
}

// What fits depends on sizes alone: after any past, an emptied store takes
// what a new one takes.
func TestNoFragmentation(t *testing.T) {
	m := newModel(t, 256<<10, false)
	whole := int(m.store.Capacity()-1) * 60
	first := m.fill(10, 0)
	for round := range 3 {
		for i, key := range first {
			if i%2 == round%2 {
				m.commit(0, m.remove(key))
			}
		}
		m.fill(1000, 9)
		for key := range m.records {
			m.commit(0, m.remove(key))
		}
		if err := m.commit(0, m.set("whole", whole, 0)); err != nil {
			t.Fatalf("a record as large as the store: got %v", err)
		}
		m.verify()
		m.commit(0, m.remove("whole"))
		if keys := m.fill(10, 0); len(keys) != len(first) {
			t.Fatalf("records that fit: got %d, want %d as at first", len(keys), len(first))
		}
		m.verify()
	}
}

func TestDueIsOrderedAndBounded(t *testing.T) {
	m := newModel(t, 1<<20, false)
	for i := range 100 {
		m.commit(0, m.set(fmt.Sprint(i*37%100), 10, int64(1+i*37%100)))
	}
	for limit, want := range map[int]int{-1: 0, 0: 0, 1: 1, 10: 10, 1000: 50} {
		got, err := m.store.Due(50, limit)
		if err != nil || len(got) != want {
			t.Fatalf("Due(50, %d): got %d keys, %v, want %d", limit, len(got), err, want)
		}
		for i, key := range got {
			if key != fmt.Sprint(i) {
				t.Errorf("Due(50, %d)[%d]: got %s, want %d", limit, i, key, i)
			}
		}
	}
}

func TestClosedStore(t *testing.T) {
	m := newModel(t, 0, true)
	m.commit(0, m.set("a", 1, 1))
	for range 2 {
		if err := m.store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, _, load := m.store.Load("a")
	_, _, scan := m.store.Scan(tier.Range{Records: 1, MaxBytes: 1})
	_, due := m.store.Due(1, 1)
	for name, err := range map[string]error{
		"Load": load, "Scan": scan, "Due": due,
		"Heads":  m.store.Heads([]string{"a"}, make([]tier.Head, 1), nil),
		"Commit": m.store.Commit(&tier.Group{}),
	} {
		if !errors.Is(err, tier.ErrClosed) {
			t.Errorf("%s after Close: got %v, want ErrClosed", name, err)
		}
	}
	if got := m.store.Reserved(); got != 0 {
		t.Errorf("reserved after Close: got %d bytes, want 0", got)
	}
	if m.store.Timed() || m.store.Stats().Usage != (tier.Usage{}) {
		t.Error("after Close: got records, want none")
	}
}

func TestNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails if one is left
		m := newModel(t, 64<<10, true)
		for i := range 2000 {
			m.store.Commit(&tier.Group{Changes: []tier.Change{m.set(fmt.Sprint(i), 100, int64(i+10))}})
		}
		if m.store.Stats().Evictions == 0 {
			t.Error("evictions: got 0")
		}
	})
}

// Readers beside commits meet whole records: all bytes of one version.
func TestReadersBesideCommits(t *testing.T) {
	for name, evict := range map[string]bool{"Full": false, "Evict": true} {
		t.Run(name, func(t *testing.T) {
			m := newModel(t, 64<<10, evict)
			done := make(chan struct{})
			var readers sync.WaitGroup
			for i := range 3 {
				readers.Go(func() { m.readUntil(done, i) })
			}
			for i := range 3000 {
				m.store.Commit(&tier.Group{Changes: []tier.Change{
					m.set(fmt.Sprint(i%50), i%700, int64(i%3)),
					m.set(fmt.Sprint(i%7, "x"), i%1500, 0),
					m.remove(fmt.Sprint(i % 11)),
				}, Stamp: tier.Stamp{Store: 1}})
			}
			close(done)
			readers.Wait()
			if err := m.store.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

func (m *model) readUntil(done chan struct{}, i int) {
	heads := make([]tier.Head, 3)
	for {
		select {
		case <-done:
			return
		default:
		}
		i++
		rec, found, err := m.store.Load(fmt.Sprint(i % 50))
		if err != nil || found && !m.whole(rec) {
			m.Errorf("Load: got %+v, %v, want a whole record", rec.Head, err)
		}
		recs, _, err := m.store.Scan(tier.Range{Records: 20, MaxBytes: 4000})
		for _, rec := range recs {
			if err != nil || !m.whole(rec) {
				m.Errorf("Scan: got %+v, %v, want whole records", rec.Head, err)
			}
		}
		if err := m.store.Heads([]string{"1", "2", "absent"}, heads, nil); err != nil || heads[2].Version != 0 {
			m.Errorf("Heads: got %+v, %v", heads, err)
		}
		m.store.Stats()
		m.store.Timed()
		runtime.Gosched()
	}
}

// whole reports whether the frame is as set made it for the version.
func (m *model) whole(rec tier.Record) bool {
	for i, b := range rec.Frame {
		if b != byte(rec.Version)+byte(i)*31 {
			return false
		}
	}
	return len(rec.Frame) == rec.FrameLen
}
