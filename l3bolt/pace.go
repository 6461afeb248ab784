//go:build !wasm

package l3bolt

import "time"

// A checkpoint takes its time, so that it is little felt: while it is ahead of
// the writers, who fill active meanwhile, it pauses after each piece, the longer
// the further it is ahead, at most idlest times as long as the piece took. It
// keeps a quarter of a lead; where it has less it does not pause. Writers who get
// ahead of it wait for its next piece, see mayFill and makeRoom: they go at its
// speed then, and are never stopped for long.
const (
	idlest    = 8
	longPause = 50 * time.Millisecond
)

// pause waits after a piece that took so long.
func (c *checkpoint) pause(took time.Duration) {
	d := c.d
	if c.hurry || d.status.full() != nil || d.journal.spare.lent() {
		return
	}
	pause := time.Duration(float64(took) * c.leisure())
	if pause <= 0 {
		return
	}
	timer := time.NewTimer(min(pause, longPause))
	defer timer.Stop()
	select {
	case <-d.stop:
	case <-d.hurry:
	case <-timer.C:
	}
}

// leisure is how much longer than a piece the pause after it may be.
func (c *checkpoint) leisure() float64 {
	active, frozen, _ := c.d.held()
	done := float64(c.d.written.Load()) / float64(max(frozen, 1))
	filled := float64(active) / float64(max(c.d.opts.CheckpointBytes, 1))
	return min(max(done-1.25*filled, 0)*4*idlest, idlest)
}

// mayFill is how much active may hold while frozen is being written: a quarter of
// its bound at first, and all of it at the end only. So writers always wait for a
// piece, and never for all that is left of a checkpoint.
func (d *DB) mayFill(frozen int64) int64 {
	quarter := float64(d.opts.CheckpointBytes) / 4
	done := min(float64(d.written.Load())/float64(max(frozen, 1)), 1)
	return max(int64(quarter+3*quarter*done), 1)
}
