//go:build linux || darwin

package l3bolt_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered/tier"
)

// fill puts n records of size bytes.
func (f *full) fill(n, size int) {
	f.t.Helper()
	for i := 0; i < n; {
		err := f.commit(false, func(g *tier.Group, m *model) {
			for range min(50, n-i) {
				f.mk.put(g, m, fmt.Sprintf("key%05d", i), noise(f.mk, size), 90_000)
				i++
			}
		})
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

// limit lets store.db not grow any more.
func (f *full) limit() func() {
	f.t.Helper()
	info, err := os.Stat(filepath.Join(f.dir, "store.db"))
	if err != nil {
		f.t.Fatal(err)
	}
	return limitFileSize(f.t, uint64(info.Size()))
}

func (f *full) onKey(reserve bool, i int, change func(*tier.Group, *model, string)) error {
	return f.commit(reserve, func(g *tier.Group, m *model) { change(g, m, fmt.Sprintf("key%05d", i)) })
}

func (f *full) remove(i int) error {
	return f.onKey(true, i, func(g *tier.Group, m *model, key string) { f.mk.remove(g, m, key) })
}

func (f *full) shorten(i int) error {
	return f.onKey(true, i, func(g *tier.Group, m *model, key string) { f.mk.touch(g, m, key, 50_000) })
}

// TestCheckpointGoesPieceByPiece: removals, shorter lives and new records that
// bbolt has no room to write at once; in pieces it has.
func TestCheckpointGoesPieceByPiece(t *testing.T) {
	if !alone(t) {
		return
	}
	const n = 3000
	f := newFull(t, l3bolt.Options{SpareBytes: 64 << 10})
	f.fill(n, 300)
	if err := f.db.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	f.limit()
	for i := range n {
		step := f.shorten
		if i < n/2 {
			step = f.remove
		}
		if err := step(i); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n / 4 {
		if err := f.onKey(false, n+i, func(g *tier.Group, m *model, key string) { f.mk.put(g, m, key, noise(f.mk, 300), 0) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.db.Checkpoint(); err != nil {
		t.Fatalf("checkpoint: got %v, want none", err)
	}
	if f.db.Pieces() < 3 {
		t.Errorf("it had %d pieces, want some, or the test shows nothing", f.db.Pieces())
	}
	f.same()
	f.m = f.mk.sweep(t, f.db, f.m, 60_000)
	f.reopen(l3bolt.Options{SpareBytes: 64 << 10}, f.db.Close)
	if err := f.db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDeletionsAloneLetWritesRecover: more is published than bbolt has room
// for; a checkpoint that found none does not stand in the way of the next one,
// which has less to write.
func TestDeletionsAloneLetWritesRecover(t *testing.T) {
	if !alone(t) {
		return
	}
	opts := l3bolt.Options{SegmentBytes: 64 << 10, SpareBytes: 512 << 10}
	f := newFull(t, opts)
	f.limit()
	const n = 250
	f.fill(n, 4000)
	for range 2 {
		if err := f.db.Checkpoint(); answerOf(err) != tier.ErrFull || f.db.Err() == nil {
			t.Fatalf("checkpoint: got %v, Err %v; want ErrFull", err, f.db.Err())
		}
		f.same()
	}
	for i := range n - 4 {
		if err := f.remove(i); err != nil {
			t.Fatalf("removal %d: got %v, want none", i, err)
		}
	}
	f.recovers()
	f.reopen(opts, f.db.Close)
	if err := f.db.Close(); err != nil {
		t.Fatal(err)
	}
}

// recovers waits until a group that needs room is taken, and nothing is left
// to complain of.
func (f *full) recovers() {
	f.t.Helper()
	err := errors.New("not tried")
	for start := time.Now(); time.Since(start) < 30*time.Second; {
		if err = f.put("again"); err == nil && f.db.Err() == nil {
			f.same()
			return
		}
		if err != nil && answerOf(err) != tier.ErrFull {
			break
		}
	}
	f.t.Fatalf("got %v, Err %v; want writes to recover", err, f.db.Err())
}

// TestFreeingIsNeverRefusedByMemory: shorter lives of large records fill memory
// faster than the journal; pieces take them to bbolt, though the rest of the
// checkpoint finds no room.
func TestFreeingIsNeverRefusedByMemory(t *testing.T) {
	if !alone(t) {
		return
	}
	opts := l3bolt.Options{SegmentBytes: 8 << 10, CheckpointBytes: 64 << 10, SpareBytes: 4 << 20}
	f := newFull(t, opts)
	f.fill(150, 8000)
	if err := f.db.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	f.limit()
	for i, err := 0, error(nil); err == nil; i++ {
		err = f.onKey(false, 1000+i, func(g *tier.Group, m *model, key string) { f.mk.put(g, m, key, noise(f.mk, 8000), 0) })
		if err != nil && answerOf(err) != tier.ErrFull || i > 1000 {
			t.Fatal(err)
		}
	}
	for i := range 150 {
		step := f.shorten
		if i%4 == 3 {
			step = f.remove
		}
		if err := step(i); err != nil {
			t.Fatalf("group %d: got %v, want none", i, err)
		}
	}
	f.same()
	f.reopen(opts, f.db.Crash)
	if err := f.db.Crash(); err != nil {
		t.Fatal(err)
	}
}

// TestLaterPiecesFindNoRoom: some pieces of a checkpoint are in bbolt when the
// disk is full. All stays, through a kill too, and goes on when there is room.
func TestLaterPiecesFindNoRoom(t *testing.T) {
	if !alone(t) {
		return
	}
	opts := l3bolt.Options{SegmentBytes: 64 << 10, CheckpointBytes: 256 << 10, SpareBytes: -1}
	for _, kill := range []bool{true, false} {
		f := newFull(t, opts)
		info, err := os.Stat(filepath.Join(f.dir, "store.db"))
		if err != nil {
			t.Fatal(err)
		}
		f.db.Paused(func() { f.fill(40, 4000) })
		lift := limitFileSize(t, uint64(info.Size())+100<<10)
		if err := f.db.Checkpoint(); answerOf(err) != tier.ErrFull || f.db.Err() == nil {
			t.Fatalf("checkpoint: got %v, Err %v; want ErrFull", err, f.db.Err())
		}
		if n := f.db.Pieces(); n == 0 {
			t.Error("no piece was written, the test shows nothing")
		}
		f.same()
		if kill {
			f.reopen(opts, f.db.Crash)
		}
		lift()
		f.recovers()
		f.reopen(opts, f.db.Close)
		if err := f.db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
