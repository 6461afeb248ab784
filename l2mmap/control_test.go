//go:build !wasm

package l2mmap_test

import (
	"encoding/binary"
	"testing"

	"github.com/stratakv/strata/l2mmap"
)

// setWord overwrites a bucket's word from outside.
func setWord(c *l2mmap.Control, bucket int, w uint64) {
	binary.LittleEndian.PutUint64(c.Memory()[l2mmap.ControlWords+bucket*8:], w)
}

func TestWords(t *testing.T) {
	c := l2mmap.NewControl(controlOptions())
	if c.Shared() {
		t.Error("heap: got shared")
	}
	first := c.Load(7)
	c.Begin(7)
	c.Begin(7)
	if w := c.Load(7); w.InFlight() != 2 || w.Generation() != first.Generation() {
		t.Errorf("after two begins: got %d in flight, generation %d", w.InFlight(), w.Generation())
	}
	w := c.End(7)
	if w.InFlight() != 1 || w.Generation() != first.Generation()+1 {
		t.Errorf("after one end: got %d in flight, generation %d", w.InFlight(), w.Generation())
	}
	c.Begin(7)
	if w = c.EndMany(7, 2); w.InFlight() != 0 || w.Generation() != first.Generation()+2 || c.Load(7) != w {
		t.Errorf("after the end of two: got %d in flight, generation %d", w.InFlight(), w.Generation())
	}
	if c.Load(6) != first || c.Load(8) != first {
		t.Error("neighbours changed")
	}
}

// TestImpossibleWord: damage to a word ends all trust, for readers at once and
// at the owner for everyone.
func TestImpossibleWord(t *testing.T) {
	for name, damage := range map[string]func(c *l2mmap.Control){
		"load of too many in flight":       func(c *l2mmap.Control) { setWord(c, 3, 0xfff0); c.Load(3) },
		"begin of too many":                func(c *l2mmap.Control) { setWord(c, 3, 0x8000); c.Begin(3) },
		"load of an impossible generation": func(c *l2mmap.Control) { setWord(c, 3, 1<<63); c.Load(3) },
		"end of none in flight":            func(c *l2mmap.Control) { c.End(3) },
	} {
		t.Run(name, func(t *testing.T) {
			control, cache := heap(t, 1<<20, 0)
			put(t, cache, "k", []byte("v"), 0, 0)
			damage(control)
			if control.Detached() == "" {
				t.Fatal("got attached still")
			}
			for _, b := range []uint16{0, 3, l2mmap.Buckets - 1} {
				if w := control.Load(b); w.InFlight() == 0 {
					t.Errorf("word %d: got one that is trusted", b)
				}
			}
			if binary.LittleEndian.Uint64(control.Memory()[l2mmap.ControlWords:]) != l2mmap.Poison {
				t.Error("the owner left the words to others")
			}
			if _, ok := get(cache, "k", 0); ok {
				t.Error("get: got a hit")
			}
			control.Begin(5)
			if w := control.End(5); w.InFlight() == 0 {
				t.Error("end when detached: got a word that is trusted")
			}
		})
	}
}

// TestPoisonStays: a committer that looks at the control file before another
// goroutine detaches it begins and ends on poison, which nobody may trust.
func TestPoisonStays(t *testing.T) {
	add := map[string]func(c *l2mmap.Control){
		"begin":       func(c *l2mmap.Control) { c.BeginLate(3) },
		"end":         func(c *l2mmap.Control) { c.EndLate(3, 1) },
		"end of many": func(c *l2mmap.Control) { c.EndLate(3, 1<<15) },
		"end of all":  func(c *l2mmap.Control) { c.EndLate(3, l2mmap.Poison&0xffff) },
		"end of 2^14": func(c *l2mmap.Control) { c.EndLate(3, 1<<14) },
	}
	for name, first := range add {
		for then, second := range add {
			control, _ := heap(t, 1<<20, 0)
			follower := control.Another()
			setWord(control, 9, 0xfff0)
			control.Load(9) // detaches
			for range 1 << 10 {
				first(control)
				if w := follower.LoadRaw(3); follower.Possible(w) {
					t.Fatalf("%s: got %#x, which is possible", name, uint64(w))
				}
				second(control)
				if w := follower.LoadRaw(3); follower.Possible(w) {
					t.Fatalf("%s, %s: got %#x, which is possible", name, then, uint64(w))
				}
			}
			if w := follower.Load(3); w.InFlight() == 0 {
				t.Errorf("%s, %s: another process got a word that is trusted", name, then)
			}
		}
	}
}
