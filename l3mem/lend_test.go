package l3mem_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stratakv/strata/l3mem"
	"github.com/stratakv/strata/tiered/tier"
)

// What lends gives what copies give, in the same order.
func TestLentIsWhatCopiesAre(t *testing.T) {
	s, keys := filled(t, 500, l3mem.Resealed+150, l3mem.Options{MaxBytes: 1 << 20})
	before := []byte("before")
	for _, key := range append(keys, "absent", "") {
		rec, found, err := s.Load(key)
		if err != nil {
			t.Fatal(err)
		}
		frame, head, ok := s.AppendFrame(before, key)
		if ok != found || head != rec.Head || s.Head(key) != rec.Head || !bytes.Equal(frame, append(bytes.Clone(before), rec.Frame...)) {
			t.Fatalf("AppendFrame: got %d bytes, %+v, %v, want %d behind %d, %+v, %v", len(frame), head, ok, len(rec.Frame), len(before), rec.Head, found)
		}
	}
	for _, r := range []tier.Range{
		{Records: 1000, MaxBytes: 1 << 30}, {Prefix: "session:8", Records: 7, MaxBytes: 1 << 30},
		{Prefix: "session:", From: "session:f", Records: 1000, MaxBytes: 1 << 30}, {Prefix: "none", Records: 1, MaxBytes: 1},
	} {
		want, wantMore, err := s.Scan(r)
		if err != nil {
			t.Fatal(err)
		}
		var scratch []byte
		for _, frames := range []bool{true, false} {
			n, more := 0, false
			scratch, more = s.Walk(r, scratch, frames, func(rec tier.Record) bool {
				if n == len(want) || rec.Key != want[n].Key || rec.Head != want[n].Head || frames && !bytes.Equal(rec.Frame, want[n].Frame) || !frames && rec.Frame != nil {
					t.Fatalf("Walk of %+v, record %d: got %+v", r, n, rec.Head)
				}
				n++
				return true
			})
			if n != len(want) || more != wantMore {
				t.Errorf("Walk of %+v: got %d records, more %v, want %d, %v", r, n, more, len(want), wantMore)
			}
		}
	}
	n := 0
	if _, more := s.Walk(tier.Range{Records: 10}, nil, false, func(tier.Record) bool { n++; return n < 3 }); n != 3 || !more {
		t.Errorf("Walk that is told to stop: got %d records, more %v, want 3, true", n, more)
	}
}

func TestSweepTakesTheEarliestAndTheDueAlone(t *testing.T) {
	const n = 400
	s, keys := filled(t, n, 100, l3mem.Options{MaxBytes: 1 << 20, Evict: true}) // deadlines 1 to n, in no order
	now := int64(100)
	for _, limit := range []int{0, -1, 30, 50, 1000, 1000} {
		due, err := s.Due(now, max(limit, 0))
		if err != nil {
			t.Fatal(err)
		}
		if rec, found, _ := s.Load(append(due, keys[0])[0]); found && len(due) > 0 && s.Earliest() != rec.Deadline {
			t.Fatalf("Earliest: got %d, want %d", s.Earliest(), rec.Deadline)
		}
		if got := s.Sweep(now, limit); got != len(due) {
			t.Fatalf("Sweep of %d: got %d, want %d", limit, got, len(due))
		}
		for _, key := range due {
			if s.Head(key).Version != 0 {
				t.Error("a record that was due first is still there")
			}
		}
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range keys {
		if h := s.Head(key); h.Version != 0 && h.Expired(now) {
			t.Error("an expired record was left")
		}
	}
	if got, want := s.Stats().Usage.Records, int64(n-100); got != want {
		t.Errorf("records: got %d, want %d", got, want)
	}
}

func TestClearedIsAsNew(t *testing.T) {
	for _, evict := range []bool{false, true} {
		s, keys := filled(t, 2000, 200, l3mem.Options{MaxBytes: 1 << 20, Evict: evict})
		s.Clear()
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		if got := s.Stats(); got.Usage != (tier.Usage{}) || got.FileBytes != 0 || s.Head(keys[0]).Version != 0 || s.Timed() || s.Earliest() != math.MaxInt64 {
			t.Errorf("evict %v: got %+v after Clear, want nothing", evict, got)
		}
		for i := range 300 {
			c := tier.Change{Key: fmt.Sprint(i), Frame: make([]byte, rand.IntN(500)), Head: tier.Head{Version: 1, Deadline: 5}}
			if err := s.Commit(&tier.Group{Changes: []tier.Change{c}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Check(); err != nil {
			t.Errorf("evict %v, filled again: %v", evict, err)
		}
	}
}

func TestLendingAllocatesNothing(t *testing.T) {
	s, keys := filled(t, 500, 200, l3mem.Options{MaxBytes: 1 << 20})
	room, scratch := make([]byte, 0, 300), make([]byte, 0, 300)
	got := testing.AllocsPerRun(100, func() {
		room, _, _ = s.AppendFrame(room[:0], keys[rand.IntN(len(keys))])
		scratch, _ = s.Walk(tier.Range{Records: 50}, scratch, true, func(tier.Record) bool { return true })
		s.Sweep(0, 10)
	})
	if got > 0.5 {
		t.Errorf("got %v allocations, want none", got)
	}
}

func TestLendingAfterClose(t *testing.T) {
	s, keys := filled(t, 10, 100, l3mem.Options{MaxBytes: 64 << 10})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, _, found := s.AppendFrame(nil, keys[0])
	_, more := s.Walk(tier.Range{Records: 5}, nil, true, func(tier.Record) bool { t.Error("a record after Close"); return true })
	s.Clear()
	if found || more || s.Head(keys[0]).Version != 0 || s.Sweep(1<<60, 5) != 0 {
		t.Error("a closed store gives records")
	}
}
