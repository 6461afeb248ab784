//go:build !wasm

package l1_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stratakv/strata/l1"
)

// fillSettled fills n keys with values of size bytes, and waits often enough
// that none is refused for the backlog; what is refused while the heap is
// overrun comes again. The values are one, which makes no garbage.
func fillSettled(c *l1.Cache, name string, n, size int) {
	var queued int64
	most := c.Stats().Limit / 64
	value := bytes.Repeat([]byte{1}, size)
	for i := range n {
		key := fmt.Sprintf("%s:%016x", name, i)
		e := l1.Entry{Key: key, Value: value, Tag: 1, Version: 1}
		for c.Fill(hashOf(key), e); size >= l1.LargeEntry; c.Fill(hashOf(key), e) {
			if _, hit := c.Get(hashOf(key), key, 1, at(0)); hit {
				break
			}
			runtime.Gosched()
		}
		if queued += l1.Size(e); queued > most || i%1000 == 0 {
			c.Settle()
			queued = 0
		}
	}
	c.Settle()
}

func TestBudgetHolds(t *testing.T) {
	const limit = 16 << 20
	for _, size := range []int{0, 100, 5000, 300_000} {
		c := newCache(t, limit)
		each := l1.Size(l1.Entry{Key: fmt.Sprintf("k:%016x", 0), Value: make([]byte, size)})
		n := int(2 * l1.LiveShare(limit) / each)
		fillSettled(c, "k", n, size)
		wantSettled(t, c)
		st := c.Stats()
		if st.Bytes < limit*85/100 || st.Limit != limit {
			t.Errorf("values of %d bytes: got %d bytes of %d, want it nearly full", size, st.Bytes, st.Limit)
		}
		if st.Entries*each > st.Bytes || st.Evictions == 0 {
			t.Errorf("values of %d bytes: got %+v, want evictions, and %d bytes an entry counted", size, st, each)
		}
	}
}

// What is kept counts once and whole, spare capacity of the value included.
func TestBytesAreThoseOfEntries(t *testing.T) {
	c := newCache(t, 16<<20)
	empty := c.Stats().Bytes
	small, large := entry("k", "v", 1), entry("k", strings.Repeat("v", 10_000), 2)
	for _, e := range []l1.Entry{small, large} {
		c.Fill(hashOf("k"), e)
		c.Settle()
		if got, want := c.Stats().Bytes-empty, c.Counted(l1.Size(e)); got < want-1 || got > want+1 {
			t.Errorf("got %d bytes for the entry, want %d", got, want)
		}
	}
	if small, large := l1.Size(small), l1.Size(large); large < small+10_000 {
		t.Errorf("got %d bytes for a large value, %d for a small one", large, small)
	}
}

// What may live leaves room for what the collector lets grow.
func TestLiveShare(t *testing.T) {
	for _, tc := range []struct{ percent, least, most int64 }{
		{0, 1000, 1000}, // switched off: a memory limit bounds the heap
		{50, 666, 667},
		{100, 500, 500},
		{400, 200, 200},
	} {
		if got := l1.LiveShareOf(1000, tc.percent); got < tc.least || got > tc.most {
			t.Errorf("GOGC=%d: got %d of 1000, want %d to %d", tc.percent, got, tc.least, tc.most)
		}
	}
}

// Values that grow in place must not grow the cache: ristretto's own update
// evicts nothing.
func TestGrowthEvicts(t *testing.T) {
	const limit = 8 << 20
	c := newCache(t, limit)
	for _, size := range []int{10, 100, 1000, 10_000, 100} {
		fillSettled(c, "k", 10_000, size)
		wantSettled(t, c)
		if st := c.Stats(); st.Entries == 0 {
			t.Errorf("values of %d bytes: got no entry", size)
		}
	}
	if st := c.Stats(); st.Evictions == 0 {
		t.Error("got no eviction")
	}
}

// stalled runs fn while ristretto's goroutine stands still.
func stalled(c *l1.Cache, fn func()) {
	c.Settle()
	release := c.Stall(0, entry("stall", "v", 1))
	defer release()
	fn()
}

// pick returns the ith key whose lock is free in stalled.
func pick(c *l1.Cache, i int) string {
	key := fmt.Sprint("k", i)
	for c.SameShard(hashOf(key), 0) {
		key += "'"
	}
	return key
}

// When ristretto cannot keep up, fills are refused beyond the limits of its
// queue, none is lost below, and no call waits.
func TestBacklogIsBounded(t *testing.T) {
	const limit = 64 << 20
	for _, tc := range []struct {
		name  string
		limit int64
		size  int
		most  int
	}{
		{"items", 8 * limit, 0, l1.MaxBacklogItems - 1},
		{"bytes", limit, 1000, int(l1.LiveShare(limit) / 16 / l1.Size(entry("k12345", strings.Repeat("v", 1000), 1)))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCache(t, tc.limit)
			const n = l1.MaxBacklogItems + 1000
			stalled(c, func() {
				for i := range n {
					key := pick(c, i)
					c.Fill(hashOf(key), entry(key, strings.Repeat("v", tc.size), 1))
				}
			})
			before := c.Stats()
			if got := int(before.Fills); got < tc.most*95/100 || got > tc.most*105/100 || got+int(before.Refused) != n {
				t.Errorf("got %d fills and %d refused of %d, want about %d fills", got, before.Refused, n, tc.most)
			}
			wantSettled(t, c)
			if after := c.Stats(); after.Entries != int64(before.Fills)+1 || after.Refused != before.Refused {
				t.Errorf("got %+v, want all of %d fills, and the one that stalls, as entries", after, before.Fills)
			}
		})
	}
}

// A refill or a drop that finds no room in the queue leaves a miss, and the key
// comes back with a later fill.
func TestRefusedKeyComesBack(t *testing.T) {
	for _, tc := range []struct {
		name string
		act  func(c *l1.Cache, key string)
	}{
		{"refill", func(c *l1.Cache, key string) { c.Fill(hashOf(key), entry(key, "the second, longer value", 1)) }},
		{"drop", func(c *l1.Cache, key string) { c.Drop(hashOf(key)) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCache(t, 64<<20)
			key := pick(c, -1)
			c.Fill(hashOf(key), entry(key, "first", 1))
			stalled(c, func() {
				for i := range l1.MaxBacklogItems + 1 {
					other := pick(c, i)
					c.Fill(hashOf(other), entry(other, "v", 1))
				}
				want(t, c, key, 1, 0, "first")
				tc.act(c, key)
				want(t, c, key, 1, 0, "")
			})
			c.Settle()
			want(t, c, key, 1, 0, "")
			c.Fill(hashOf(key), entry(key, "the third value, of another length", 1))
			c.Settle()
			want(t, c, key, 1, 0, "the third value, of another length")
			c.Drop(hashOf(key))
			want(t, c, key, 1, 0, "")
			wantSettled(t, c)
		})
	}
}

// A value that grows while it is queued counts as it grows.
func TestGrowthInTheQueueIsBounded(t *testing.T) {
	const limit = 64 << 20
	most := l1.LiveShare(limit) / 16
	c := newCache(t, limit)
	stalled(c, func() {
		for i := range 20 {
			key := pick(c, i)
			c.Fill(hashOf(key), entry(key, "small", 1))
			c.Fill(hashOf(key), entry(key, strings.Repeat("v", int(most)/10), 1))
			if _, bytes := c.Backlog(); bytes > most {
				t.Fatalf("got %d bytes queued, want at most %d", bytes, most)
			}
		}
		want(t, c, pick(c, 0), 1, 0, strings.Repeat("v", int(most)/10))
		want(t, c, pick(c, 19), 1, 0, "")
	})
	if got := c.Stats().Refused; got < 10 || got > 12 {
		t.Errorf("got %d refused, want about 11 of 20", got)
	}
	wantSettled(t, c)
}
