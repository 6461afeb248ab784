//go:build !wasm

package l1_test

import (
	"strings"
	"testing"

	"github.com/stratakv/strata/l1"
)

// While the heap is longer than it is meant to be large entries are refused,
// what stood in their place is gone, and small ones are taken.
func TestOverrunRefusesLargeEntries(t *testing.T) {
	c := newCache(t, 64<<20)
	large, small := strings.Repeat("v", 2*l1.LargeEntry), strings.Repeat("v", l1.LargeEntry/2)
	version := uint64(0)
	fill := func(key, value string) {
		version++
		c.Fill(hashOf(key), entry(key, value, version))
		c.Settle()
	}
	asks := func() {
		for range l1.AskEvery / l1.LargeEntry {
			fill("asks", large)
		}
	}
	fill("stands", large)
	fill("replaced", large)
	c.HeapIs(101, 100)
	asks()
	refused := c.Stats().Refused
	fill("replaced", large)
	fill("new", large)
	fill("small", small)
	if got := c.Stats().Refused - refused; got != 2 {
		t.Errorf("got %d refused, want 2", got)
	}
	want(t, c, "stands", 1, 0, large)
	want(t, c, "replaced", version-2, 0, "")
	want(t, c, "replaced", 2, 0, "")
	want(t, c, "new", version-1, 0, "")
	want(t, c, "small", version, 0, small)

	// The first one after that finds out.
	c.HeapIs(100, 100)
	fill("new", large)
	want(t, c, "new", version, 0, large)
	wantSettled(t, c)
}

// A fill that is refused takes no entry that is as good from others.
func TestRefusedFillLeavesWhatIsAsGood(t *testing.T) {
	c := newCache(t, 64<<20)
	large := strings.Repeat("v", 2*l1.LargeEntry)
	e := entry("key", large, 7)
	c.Fill(hashOf("key"), e)
	c.Settle()
	c.HeapIs(101, 100)
	for range l1.AskEvery / l1.LargeEntry {
		c.Fill(hashOf("key"), e)
	}
	want(t, c, "key", 7, 0, large)
	wantSettled(t, c)
}
