//go:build !wasm

package l3bolt

import (
	"testing"
	"time"
)

// TestPauseKeepsTheLead: a checkpoint that is ahead pauses, one that is behind
// its lead does not, nor one that somebody waits for.
func TestPauseKeepsTheLead(t *testing.T) {
	d := &DB{opts: Options{CheckpointBytes: 1000}, active: newOverlay(0), frozen: newOverlay(0)}
	d.frozen.journalBytes = 1000
	c := &checkpoint{d: d, frozen: d.frozen}
	for _, p := range []struct {
		written, active int64
		want            bool
	}{
		{0, 0, false}, {500, 0, true}, {1000, 100, true}, {500, 390, true}, {500, 410, false}, {900, 800, false},
	} {
		d.written.Store(p.written)
		d.active.journalBytes = p.active
		if got := c.leisure(); got > 0 != p.want || got > idlest {
			t.Errorf("%d of frozen written, %d in active: got leisure %v, want some: %t", p.written, p.active, got, p.want)
		}
	}
}

// TestNobodyWaitsForAPause: Close and writers who wait end it.
func TestNobodyWaitsForAPause(t *testing.T) {
	d := &DB{opts: Options{CheckpointBytes: 1000}, active: newOverlay(0), frozen: newOverlay(0), stop: make(chan struct{}), hurry: make(chan struct{}, 1)}
	d.journal = &journal{spare: newSpare(osFS{}, t.TempDir(), -1)}
	d.frozen.journalBytes = 1000
	d.written.Store(1000)
	c := &checkpoint{d: d, frozen: d.frozen}
	began := time.Now()
	const pauses = 200
	for range pauses {
		d.spur()
		c.pause(time.Hour)
	}
	close(d.stop)
	for range pauses {
		c.pause(time.Hour)
	}
	if took := time.Since(began); took > pauses*longPause {
		t.Errorf("%d pauses that were cut short took %v", 2*pauses, took)
	}
}

// TestWritersWaitForAPieceAtMost: when active is full nothing of frozen is left
// to be written, and each piece before gives writers some room.
func TestWritersWaitForAPieceAtMost(t *testing.T) {
	const bound, piece = 1 << 20, 1 << 14
	d := &DB{opts: Options{CheckpointBytes: bound}}
	for _, frozen := range []int64{bound / 8, bound, 2 * bound} {
		last := int64(-1)
		for written := int64(0); written < frozen; written += piece {
			d.written.Store(written)
			got := d.mayFill(frozen)
			if got <= last || got < bound/4 || got >= bound {
				t.Errorf("%d of %d written: got room for %d, want more than the %d before, and less than %d", written, frozen, got, last, bound)
			}
			last = got
		}
		d.written.Store(frozen)
		if got := d.mayFill(frozen); got != bound {
			t.Errorf("all of %d written: got room for %d, want %d", frozen, got, bound)
		}
	}
}
