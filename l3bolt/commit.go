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
// found the disk full, it is ErrFull. The frames belong to the DB from the
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

// append makes g durable in the journal. Where that found no room, a
// checkpoint is asked for: it gives room back.
func (d *DB) append(g *tier.Group) (int64, error) {
	if !g.Reserve {
		if err := d.spare.claim(); err != nil {
			return 0, err
		}
	}
	size, err := d.journal.append(g)
	if d.journal.broken != nil {
		d.status.breakBy(d.journal.broken)
	}
	if errors.Is(err, tier.ErrFull) {
		if held, _ := d.held(); held > 0 {
			d.freeze()
		}
		d.ask()
	}
	return size, err
}

// makeRoom returns when active may take another group (P10): below the bound,
// or with a quarter more for reserved groups while the disk is full.
func (d *DB) makeRoom(reserve bool) error {
	if err := d.status.usable(); err != nil {
		return err
	}
	d.freezeIfFull()
	if d.status.full() != nil {
		d.ask() // there may be room again
	}
	held, _ := d.held()
	if held < d.opts.CheckpointBytes {
		return nil
	}
	return d.status.wait(reserve && held < d.opts.CheckpointBytes+d.opts.CheckpointBytes/4, d.freezeIfFull, d.hasFrozen)
}

// held is the size of active, and whether there is a frozen overlay beside it.
func (d *DB) held() (bytes int64, frozen bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.active.bytes(), d.frozen != nil
}

func (d *DB) hasFrozen() bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.frozen != nil
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
		d.active.put(c.Key, entry{frame: c.Frame, head: c.Head})
	}
	d.active.journalBytes += size
	d.published = state{sequence: d.published.sequence + 1, version: g.Version, usage: g.Usage, stamp: g.Stamp}
}

// freezeIfFull hands active over to the checkpointer when it is at its bound
// and nothing is frozen.
func (d *DB) freezeIfFull() {
	if held, frozen := d.held(); held >= d.opts.CheckpointBytes && !frozen {
		d.freeze()
		d.ask()
	}
}

// freeze makes active frozen and begins a new one. Only Commit, Due and Close
// call it, which do not overlap.
func (d *DB) freeze() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.frozen != nil {
		return
	}
	d.active.state = d.published
	d.frozen, d.active = d.active, new(overlay)
}

// ask wakes the checkpointer; it looks for itself what there is to do.
func (d *DB) ask() {
	select {
	case d.kick <- struct{}{}:
	default:
	}
}
