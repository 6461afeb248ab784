//go:build !wasm

package l2mmap_test

import (
	"testing"

	"github.com/stratakv/strata/l2mmap"
)

// TestBindRules: the cached frame survives only what the rules of Bind explain.
func TestBindRules(t *testing.T) {
	const boot = "test" // HeapCache binds opening 1, version 0 in this boot
	for _, tc := range []struct {
		name   string
		before func(c *l2mmap.Control)
		truth  l2mmap.Truth
		keeps  bool
	}{
		{"in step", nil, l2mmap.Truth{Opening: 2, Previous: 1, Version: 9, BootID: boot}, true},
		{"group not committed", func(c *l2mmap.Control) { c.SetGroup(10, 12) }, l2mmap.Truth{Opening: 2, Previous: 1, Version: 9, BootID: boot}, true},
		{"group committed", func(c *l2mmap.Control) { c.SetGroup(10, 12) }, l2mmap.Truth{Opening: 2, Previous: 1, Version: 12, BootID: boot}, true},
		{"group committed in part", func(c *l2mmap.Control) { c.SetGroup(10, 12) }, l2mmap.Truth{Opening: 2, Previous: 1, Version: 11, BootID: boot}, false},
		{"beyond the group", func(c *l2mmap.Control) { c.SetGroup(10, 12) }, l2mmap.Truth{Opening: 2, Previous: 1, Version: 13, BootID: boot}, false},
		{"group of another place", func(c *l2mmap.Control) { c.SetGroup(11, 12) }, l2mmap.Truth{Opening: 2, Previous: 1, Version: 12, BootID: boot}, false},
		{"group ended", func(c *l2mmap.Control) { c.SetGroup(10, 12); c.EndGroup(12) }, l2mmap.Truth{Opening: 2, Previous: 1, Version: 12, BootID: boot}, true},
		{"older copy", nil, l2mmap.Truth{Opening: 2, Previous: 1, Version: 8, BootID: boot}, false},
		{"opened elsewhere", nil, l2mmap.Truth{Opening: 3, Previous: 2, Version: 9, BootID: boot}, false},
		{"same opening again", nil, l2mmap.Truth{Opening: 1, Previous: 0, Version: 9, BootID: boot}, false},
		{"another boot", nil, l2mmap.Truth{Opening: 2, Previous: 1, Version: 9, BootID: "other"}, false},
		{"unknown boot", nil, l2mmap.Truth{Opening: 2, Previous: 1, Version: 9}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			control, c := heap(t, 1<<20, 0)
			put(t, c, "k", []byte("v"), 0, 0)
			control.EndGroup(9)
			if tc.before != nil {
				tc.before(control)
			}
			b := l2mmap.BucketOf(hashOf("k"))
			before := control.Load(b)
			bound, err := control.Bind(tc.truth, c)
			if err != nil {
				t.Fatalf("bind: %v", err)
			}
			if _, ok := get(c, "k", 0); ok != tc.keeps || (bound.Wiped == "") != tc.keeps {
				t.Errorf("got hit %v, wiped %q, want kept %v", ok, bound.Wiped, tc.keeps)
			}
			for i := range l2mmap.Buckets {
				w := control.Load(uint16(i))
				if w.InFlight() != 0 || (w.Generation() == before.Generation()) != tc.keeps {
					t.Fatalf("word %d: got generation %d, %d in flight; it was %d", i, w.Generation(), w.InFlight(), before.Generation())
				}
			}
			s := control.State()
			if s.Opening != tc.truth.Opening || s.Version != tc.truth.Version || s.Last != 0 || s.Pages != int64(c.Pages()) {
				t.Errorf("got state %+v", s)
			}
		})
	}
}

// TestBindRepairsBucketsInFlight: only these lose their entries and tags.
func TestBindRepairsBucketsInFlight(t *testing.T) {
	control, c := heap(t, 1<<20, 0)
	put(t, c, "torn", []byte("v"), 0, 0)
	put(t, c, "kept", []byte("v"), 0, 0)
	b := l2mmap.BucketOf(hashOf("torn"))
	before := control.Load(b)
	control.Begin(b)
	control.Begin(b)
	bound, err := control.Bind(l2mmap.Truth{Opening: 2, Previous: 1, BootID: "test"}, c)
	if err != nil || bound.Repaired != 1 || bound.Wiped != "" || len(bound.Left) != 0 {
		t.Fatalf("bind: got %+v, %v, want one repaired", bound, err)
	}
	if _, ok := get(c, "torn", 0); ok {
		t.Error("entry of a bucket in flight: got a hit")
	}
	if _, ok := get(c, "kept", 0); !ok {
		t.Error("entry of another bucket: got a miss")
	}
	if w := control.Load(b); w.InFlight() != 0 || w.Generation() != before.Generation()+1 {
		t.Errorf("got generation %d, %d in flight, want %d, 0", w.Generation(), w.InFlight(), before.Generation()+1)
	}
}

// TestBindWithoutPagesUnbinds: what nobody kept in step is not read again.
func TestBindWithoutPagesUnbinds(t *testing.T) {
	control, c := heap(t, 1<<20, 0)
	put(t, c, "k", []byte("v"), 0, 0)
	if _, err := control.Bind(l2mmap.Truth{Opening: 2, Previous: 1, BootID: "test"}, nil); err != nil {
		t.Fatal(err)
	}
	if _, ok := get(c, "k", 0); ok {
		t.Error("get while another geometry is bound: got a hit")
	}
	bound, err := control.Bind(l2mmap.Truth{Opening: 3, Previous: 2, BootID: "test"}, c)
	if err != nil || bound.Wiped != "" || bound.PagesWiped == "" {
		t.Fatalf("bind: got %+v, %v, want the pages wiped alone", bound, err)
	}
	if _, ok := get(c, "k", 0); ok {
		t.Error("get of a frame that missed an opening: got a hit")
	}
}

// TestBindLeavesLockedPages: a stopped process does not hold a takeover up, and
// its page's buckets stay distrusted.
func TestBindLeavesLockedPages(t *testing.T) {
	for _, truth := range []l2mmap.Truth{{Opening: 2, Previous: 1, BootID: "test"}, {Opening: 9, Previous: 8, BootID: "test"}} {
		control, c := heap(t, 1<<20, 0)
		put(t, c, "k", []byte("v"), 0, 0)
		b := l2mmap.BucketOf(hashOf("k"))
		control.Begin(b)
		release, err := c.LockPage(hashOf("k"))
		if err != nil {
			t.Fatal(err)
		}
		bound, err := control.Bind(truth, c)
		if err != nil || len(bound.Left) == 0 {
			t.Fatalf("bind: got %+v, %v, want buckets left", bound, err)
		}
		if control.Load(b).InFlight() == 0 {
			t.Error("bucket of a locked page: got a word that is trusted")
		}
		release()
		for _, f := range bound.Left {
			if err := control.Repair(f, c); err != nil {
				t.Fatalf("repair: %v", err)
			}
		}
		for i := range l2mmap.Buckets {
			if n := control.Load(uint16(i)).InFlight(); n != 0 {
				t.Fatalf("word %d after repair: got %d in flight", i, n)
			}
		}
		if _, ok := get(c, "k", 0); ok {
			t.Error("entry of a repaired bucket: got a hit")
		}
		if err := c.Verify(); err != nil {
			t.Error(err)
		}
	}
}

// TestBindOverImpossibleWords: with nobody else attached they start afresh.
func TestBindOverImpossibleWords(t *testing.T) {
	control, c := heap(t, 1<<20, 0)
	put(t, c, "k", []byte("v"), 0, 0)
	setWord(control, 77, 1<<64-1)
	bound, err := control.Bind(l2mmap.Truth{Opening: 2, Previous: 1, BootID: "test"}, c)
	if err != nil || bound.Wiped == "" {
		t.Fatalf("bind: got %+v, %v, want a wipe", bound, err)
	}
	if w := control.Load(77); w.InFlight() != 0 {
		t.Errorf("got %d in flight, want 0", w.InFlight())
	}
	if _, ok := get(c, "k", 0); ok {
		t.Error("got a hit")
	}
}

// TestBindLeavesNewPagesAlone: to empty what is empty would take memory and
// time; but a page in which something can be found is emptied, even if its
// header looks like a new one's.
func TestBindLeavesNewPagesAlone(t *testing.T) {
	control, c := heap(t, 1<<20, 16<<10)
	if n := c.Formatted(); n != 0 {
		t.Errorf("bound a new file: got %d pages written, want 0", n)
	}
	put(t, c, "k", []byte("v"), 0, 0)
	clear(c.Memory()[l2mmap.FileHeaderBytes+c.PageOf(hashOf("k"))*c.PageBytes():][:64])
	if _, ok := get(c, "k", 0); !ok {
		t.Fatal("a zeroed header hides the entry: nothing is tested")
	}
	bound, err := control.Bind(l2mmap.Truth{Opening: 3, Previous: 2, BootID: "test"}, c)
	if err != nil || bound.Wiped == "" {
		t.Fatalf("bind: got %+v, %v, want a wipe", bound, err)
	}
	if _, ok := get(c, "k", 0); ok {
		t.Error("wiped: got a hit")
	}
	if n := c.Formatted(); n != 1 {
		t.Errorf("wiped: got %d pages written, want 1", n)
	}
}
