//go:build !wasm

package l3bolt

import (
	"errors"
	"fmt"

	"github.com/stratakv/strata/internal/failpoint"
	"github.com/stratakv/strata/tiered/tier"
)

// Commit appends g to the journal, syncs it, and publishes it. It waits while
// memory is at its bound and a checkpoint is under way; if that checkpoint
// finds the disk full, it is ErrFull. The frames belong to the DB from the
// call on, whatever it returns.
func (d *DB) Commit(g *tier.Group) error {
	d.commitMu.Lock()
	defer d.commitMu.Unlock()
	if d.closed {
		return fmt.Errorf("%w: commit", tier.ErrClosed)
	}
	if err := checkGroup(g); err != nil {
		return err
	}
	if err := d.makeRoom(g.Reserve); err != nil {
		return err
	}
	g = d.uncorrected(g)
	size, err := d.append(g)
	if err != nil {
		return err
	}
	failpoint.Pass("l3bolt-synced")
	d.publish(g, size)
	d.commits.Add(1)
	d.freezeIfFull()
	return nil
}

// append makes g durable in the journal. Where that found no room, or only the
// spare, a checkpoint is asked for: it gives room back.
func (d *DB) append(g *tier.Group) (int64, error) {
	if !g.Reserve {
		if err := d.claim(); err != nil {
			d.relieve()
			return 0, err
		}
	}
	size, err := d.journal.append(g)
	if f := d.journal.broken.Load(); f != nil {
		d.status.breakBy(f)
	}
	if errors.Is(err, tier.ErrFull) || d.journal.spare.lent() {
		d.relieve()
	}
	return size, err
}

// claim refuses what does not free room while some of that is missing which is
// kept for what does.
func (d *DB) claim() error {
	if err := d.journal.spare.claim(); err != nil || !d.short.Load() {
		return err
	}
	if d.checkMu.TryLock() { // else a checkpoint is about to find out
		err := d.keepRoom()
		d.checkMu.Unlock()
		if err != nil {
			return err
		}
	}
	if d.short.Load() {
		return failed(tier.ErrFull, "keep room in", d.base.path, errKeptBack)
	}
	return nil
}

// relieve asks for a checkpoint of all that is published.
func (d *DB) relieve() {
	if d.status.full() == nil {
		d.freezeAny()
	}
	d.spur()
	d.ask()
}

// freezeAny freezes active if there is anything in it.
func (d *DB) freezeAny() {
	if active, _, _ := d.held(); active > 0 {
		d.freeze()
	}
}

// makeRoom returns when active may take another group (P10). While the disk is
// full, what both overlays hold counts against the bound, because a checkpoint
// that finds no room makes one of them. Groups with Reserve may fill both, and
// a quarter more; there they wait for two more checkpoints, the one that may be
// under way and one of all: what frees room may leave memory though the rest
// does not.
func (d *DB) makeRoom(reserve bool) error {
	for until := uint64(0); ; {
		seen, ends, full, err := d.status.now()
		if err != nil {
			return err
		}
		bound := d.opts.CheckpointBytes
		if full != nil && reserve {
			bound = 2*bound + bound/4
		}
		active, frozen, busy := d.held()
		switch {
		case full == nil && !busy:
			if active >= bound {
				d.freeze()
				d.ask()
			}
			return nil
		case full == nil:
			if active < d.mayFill(frozen) {
				return nil
			}
			d.spur()
		case full != nil:
			d.ask() // there may be room again
			if active+frozen < bound {
				return nil
			}
			if until == 0 {
				until = ends + 2
			}
			if !reserve || ends >= until {
				return full
			}
		}
		failpoint.Pass("l3bolt-queued")
		d.status.await(seen)
	}
}

// held is the size of active and of frozen, and whether there is one.
func (d *DB) held() (active, frozen int64, busy bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.frozen != nil {
		frozen = d.frozen.bytes()
	}
	return d.active.bytes(), frozen, d.frozen != nil
}

// publish makes a group visible that the journal holds durably (D1).
func (d *DB) publish(g *tier.Group, size int64) {
	d.expiry.mu.Lock()
	defer d.expiry.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range g.Changes {
		c := &g.Changes[i]
		if c.Frame != nil && c.Deadline != 0 {
			d.timed.Store(true)
		}
		d.active.put(c.Key, newEntry(c.Frame, c.Head, c.Blind))
	}
	d.active.journalBytes += size
	d.memory.learn(g.Memory, g.Version)
	d.published = state{sequence: d.published.sequence + 1, version: g.Version, usage: g.Usage, stamp: g.Stamp}
}

// freezeIfFull hands active over to the checkpointer when it is at its bound
// and nothing is frozen.
func (d *DB) freezeIfFull() {
	if active, _, busy := d.held(); active >= d.opts.CheckpointBytes && !busy {
		d.relieve()
	}
}

// freeze makes active frozen and begins a new one, if nothing is frozen.
func (d *DB) freeze() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.frozen != nil {
		return
	}
	d.active.state = d.published
	d.frozen, d.active = d.active, newOverlay(0)
}

// thaw makes one of active and the rest of frozen, which bbolt has not got: the
// next checkpoint is of both, and what was removed since makes it smaller (D4,
// D6). checkpointMu is held: frozen stays what it is.
func (d *DB) thaw(rest []keyed, kept []indexed) {
	whole := newOverlay(0)
	for _, k := range rest {
		whole.put(k.key, *k.entry)
	}
	d.expiry.mu.Lock()
	defer d.expiry.mu.Unlock()
	d.expiry.settle(kept)
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, e := range d.active.entries {
		whole.put(key, *e)
	}
	whole.journalBytes = d.frozen.journalBytes + d.active.journalBytes
	d.active, d.frozen = whole, nil
}

// spur ends the pause of a checkpoint that is under way.
func (d *DB) spur() {
	select {
	case d.hurry <- struct{}{}:
	default:
	}
}

// ask wakes the checkpointer; it looks for itself what there is to do.
func (d *DB) ask() {
	select {
	case d.kick <- struct{}{}:
	default:
	}
}
