//go:build !wasm

package l1_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/dgraph-io/ristretto/v2"
	"github.com/zeebo/xxh3"

	"github.com/stratakv/strata/l1"
)

func newCache(t testing.TB, bytes int64) *l1.Cache {
	t.Helper()
	c, err := l1.New(l1.Options{Bytes: bytes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	c.HeapIs(0, 1) // whatever the tests make of it
	return c
}

// at is the clock that stands at now.
func at(now int64) func() int64 { return func() int64 { return now } }

func hashOf(key string) uint64 { return xxh3.HashStringSeed(key, 42) }

func entry(key, value string, tag uint64) l1.Entry {
	return l1.Entry{Key: key, Value: []byte(value), Tag: tag, Version: tag}
}

// want checks the answer to Get; value "" stands for a miss.
func want(t *testing.T, c *l1.Cache, key string, tag uint64, now int64, value string) {
	t.Helper()
	e, hit := c.Get(hashOf(key), key, tag, at(now))
	if hit != (value != "") || hit && string(e.Value()) != value {
		t.Errorf("Get(%q, tag %d, now %d): got %v, want %.20q", key, tag, now, hit, value)
	}
}

func TestNewRefusesNoBudget(t *testing.T) {
	for _, bytes := range []int64{0, -1} {
		if _, err := l1.New(l1.Options{Bytes: bytes}); err == nil {
			t.Errorf("%d bytes: got no error", bytes)
		}
	}
}

func TestHitNeedsKeyTagAndDeadline(t *testing.T) {
	for _, settled := range []bool{false, true} {
		t.Run(fmt.Sprintf("settled=%v", settled), func(t *testing.T) {
			c := newCache(t, 8<<20)
			e := l1.Entry{Key: "a", Value: []byte("v"), Tag: 7, Deadline: 1000, Version: 3}
			c.Fill(hashOf("a"), e)
			c.Fill(hashOf("eternal"), entry("eternal", "v", 7))
			if settled {
				c.Settle()
			}
			want(t, c, "a", 7, 999, "v")
			want(t, c, "a", 6, 999, "")
			want(t, c, "a", 8, 999, "")
			want(t, c, "absent", 7, 0, "")
			want(t, c, "eternal", 7, 1<<62, "v")
			if _, hit := c.Get(hashOf("a"), "b", 7, at(0)); hit {
				t.Error("another key of the same hash: got a hit")
			}
			got, hit := c.Get(hashOf("a"), "a", 7, at(0))
			if !hit || got.Key() != "a" || got.Deadline() != 1000 || got.Version() != 3 {
				t.Errorf("got %+v, %v, want the entry", got, hit)
			}
			want(t, c, "a", 7, 1000, "")
			want(t, c, "a", 7, 999, "") // it was removed at its deadline
			st := c.Stats()
			if st.Hits != 3 || st.Misses != 6 || st.Expired != 1 || st.Fills != 2 || st.Entries != 1 {
				t.Errorf("got %+v, want 3 hits, 6 misses, 1 expired, 2 fills, 1 entry", st)
			}
		})
	}
}

// filler is what checkLastFill tries; ristretto by itself is its control.
type filler interface {
	fill(key, value string)
	get(key string) (value string, hit bool)
	settle()
}

type cacheFiller struct{ c *l1.Cache }

func (f cacheFiller) fill(key, value string) { f.c.Fill(hashOf(key), entry(key, value, 1)) }

func (f cacheFiller) get(key string) (string, bool) {
	e, hit := f.c.Get(hashOf(key), key, 1, at(0))
	if !hit {
		return "", false
	}
	return string(e.Value()), true
}

func (f cacheFiller) settle() { f.c.Settle() }

type bareFiller struct {
	c *ristretto.Cache[uint64, string]
}

func (f bareFiller) fill(key, value string) { f.c.Set(hashOf(key), value, int64(len(value))) }

func (f bareFiller) get(key string) (string, bool) {
	f.settle()
	return f.c.Get(hashOf(key))
}

func (f bareFiller) settle() { f.c.Wait() }

// checkLastFill fills each of many absent keys n times in a row, with values of
// different lengths if grow, and more or less time between, and returns an
// error for the first Get that does not give the last one.
func checkLastFill(f filler, name string, n int, grow bool, tries int) error {
	for i := range tries {
		if i%500 == 0 {
			f.settle() // no fill is to be refused for the backlog
		}
		key := fmt.Sprint(name, i)
		last := ""
		for j := range n {
			last = fmt.Sprint("value ", j)
			if grow {
				last = strings.Repeat(last, 1+j%7*10)
			}
			f.fill(key, last)
			for range i % 5 {
				runtime.Gosched()
			}
		}
		for _, when := range []string{"at once", "later"} {
			if got, hit := f.get(key); got != last {
				return fmt.Errorf("try %d, %s: got %.20q, %v, want %.20q", i, when, got, hit, last)
			}
			runtime.Gosched()
		}
	}
	return nil
}

func TestLastFillStands(t *testing.T) {
	tries := 10_000
	if testing.Short() {
		tries = 2_000
	}
	for _, n := range []int{2, 3, 8} {
		for _, grow := range []bool{false, true} {
			name := fmt.Sprintf("%d fills, grow=%v/", n, grow)
			c := newCache(t, 256<<20)
			if err := checkLastFill(cacheFiller{c}, name, n, grow, tries); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			c.Settle()
			if st := c.Stats(); st.Fills != uint64(n*tries) || st.Refused != 0 || st.Entries != int64(tries) || c.Kept() != st.Entries {
				t.Errorf("%s: got %+v, kept %d, want %d fills, 0 refused, %d entries", name, st, c.Kept(), n*tries, tries)
			}
		}
	}
}

// Ristretto by itself fails the check: the reason for the cells.
func TestLastFillCheckCatchesRistretto(t *testing.T) {
	c, err := ristretto.NewCache(&ristretto.Config[uint64, string]{NumCounters: 1e5, MaxCost: 64 << 20, BufferItems: 64})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := checkLastFill(bareFiller{c}, "", 2, false, 10_000); err == nil {
		t.Error("got no error, want the first value to stay")
	}
}

func TestDropBeatsFill(t *testing.T) {
	c := newCache(t, 64<<20)
	for i := range 20_000 {
		if i%500 == 0 {
			c.Settle()
		}
		key := fmt.Sprint(i)
		c.Fill(hashOf(key), entry(key, "first", 1))
		for range i % 5 {
			runtime.Gosched()
		}
		c.Drop(hashOf(key))
		want(t, c, key, 1, 0, "")
		if i%3 == 0 {
			c.Fill(hashOf(key), entry(key, "second", 1))
			want(t, c, key, 1, 0, "second")
			c.Drop(hashOf(key))
		}
		runtime.Gosched()
		want(t, c, key, 1, 0, "")
		if t.Failed() {
			t.Fatal("try ", i)
		}
	}
	empty := newCache(t, 64<<20)
	c.Settle()
	if got, want := c.Stats(), empty.Stats(); got.Entries != 0 || got.Bytes != want.Bytes {
		t.Errorf("got %+v, want no entry and %d bytes", got, want.Bytes)
	}
}

func TestLaterEntryStands(t *testing.T) {
	old := l1.Entry{Key: "k", Value: []byte("old"), Tag: 5, Version: 9}
	for _, tc := range []struct {
		why          string
		tag, version uint64
		stands       bool
	}{
		{"an older version", 6, 8, true},
		{"the same version by an older tag", 4, 9, true},
		{"the same version and tag", 5, 9, false},
		{"the same version by a newer tag", 6, 9, false},
		{"a newer version by an older tag", 4, 10, false},
	} {
		c := newCache(t, 8<<20)
		c.Fill(hashOf("k"), old)
		c.Fill(hashOf("k"), l1.Entry{Key: "k", Value: []byte("new"), Tag: tc.tag, Version: tc.version})
		_, stands := c.Get(hashOf("k"), "k", old.Tag, at(0))
		if tc.tag == old.Tag {
			e, _ := c.Get(hashOf("k"), "k", old.Tag, at(0))
			stands = string(e.Value()) == "old"
		}
		refused := c.Stats().Refused
		if stands != tc.stands || refused != map[bool]uint64{true: 1}[tc.stands] {
			t.Errorf("%s: got the old one %v, refused %d, want %v", tc.why, stands, refused, tc.stands)
		}
	}
}

func TestEqualHashesShareAPlace(t *testing.T) {
	c := newCache(t, 8<<20)
	for range 100 {
		for _, key := range []string{"a", "b"} {
			c.Fill(1, entry(key, key, 1))
			if e, hit := c.Get(1, key, 1, at(0)); !hit || string(e.Value()) != key {
				t.Fatalf("got %+v, %v, want %q", e, hit, key)
			}
		}
		if _, hit := c.Get(1, "a", 1, at(0)); hit {
			t.Fatal("got both, want the last one only")
		}
	}
	if st := c.Stats(); st.Entries != 1 {
		t.Errorf("got %d entries, want 1", st.Entries)
	}
}

// What does not fit takes away what stood before: it is no longer the last.
func TestTooLargeLeavesNothing(t *testing.T) {
	c := newCache(t, 8<<20)
	for i, settled := range []bool{false, true} {
		key := fmt.Sprint(i)
		c.Fill(hashOf(key), entry(key, "small", 1))
		if settled {
			c.Settle()
		}
		want(t, c, key, 1, 0, "small")
		c.Fill(hashOf(key), entry(key, strings.Repeat("x", 1<<20), 1))
		want(t, c, key, 1, 0, "")
	}
	c.Fill(hashOf("later"), entry("later", "small", 2))
	c.Fill(hashOf("later"), entry("later", strings.Repeat("x", 1<<20), 1))
	want(t, c, "later", 2, 0, "small")
	if st := c.Stats(); st.Fills != 3 || st.Refused != 3 || st.Entries != 1 {
		t.Errorf("got %+v, want 3 fills, 3 refused, 1 entry", st)
	}
}

// Key and value are copied: the caller may do with his what he likes.
func TestNothingOfTheCallerIsKept(t *testing.T) {
	c := newCache(t, 8<<20)
	request := strings.Repeat("k", 1000)
	key, value := request[:10], []byte("value")
	c.Fill(hashOf(key), l1.Entry{Key: key, Value: value, Tag: 1, Version: 1})
	clear(value)
	e, hit := c.Get(hashOf(key), key, 1, at(0))
	if !hit || string(e.Value()) != "value" || cap(e.Value()) != len(e.Value()) {
		t.Errorf("got %+v, %v, want the value as it was, without room behind it", e, hit)
	}
	if unsafe.StringData(e.Key()) == unsafe.StringData(key) {
		t.Error("got the caller's key, want a copy")
	}
}

// Empty parts have nothing behind the header to point to.
func TestEmptyKeyAndValue(t *testing.T) {
	c := newCache(t, 8<<20)
	for _, e := range []l1.Entry{{}, {Key: "k"}, {Value: []byte("v")}} {
		e.Tag, e.Version = 1, 1
		c.Fill(hashOf(e.Key), e)
		got, hit := c.Get(hashOf(e.Key), e.Key, 1, at(0))
		if !hit || got.Key() != e.Key || got.Value() == nil || string(got.Value()) != string(e.Value) {
			t.Errorf("%q, %q: got %+v, %v", e.Key, e.Value, got, hit)
		}
		c.Drop(hashOf(e.Key))
	}
}

// An entry that a reader holds stays as it is, whatever becomes of its place.
func TestLentEntryStaysWhole(t *testing.T) {
	c := newCache(t, 8<<20)
	c.Fill(hashOf("k"), entry("k", "first", 1))
	c.Settle()
	e, hit := c.Get(hashOf("k"), "k", 1, at(0))
	if !hit {
		t.Fatal("got a miss")
	}
	c.Fill(hashOf("k"), entry("k", "other", 2)) // of equal size: in place
	c.Drop(hashOf("k"))
	c.Close()
	if e.Key() != "k" || string(e.Value()) != "first" || e.Tag() != 1 {
		t.Errorf("got %+v, want what it was", e)
	}
}

func TestHitAllocatesNothing(t *testing.T) {
	c := newCache(t, 8<<20)
	key := "session:0123456789"
	hash := hashOf(key)
	c.Fill(hash, entry(key, "value", 1))
	c.Settle()
	got := testing.AllocsPerRun(1000, func() {
		if _, hit := c.Get(hash, key, 1, at(0)); !hit {
			t.Fatal("got a miss")
		}
	})
	if got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}
