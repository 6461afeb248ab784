//go:build !wasm

package l3bolt

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/stratakv/strata/internal/failpoint"
	"github.com/stratakv/strata/tiered/tier"
	bolt "go.etcd.io/bbolt"
)

// After a checkpoint that found the disk full, or did not bring the journal's
// spare back, the next one waits, twice as long each time unless something was
// written.
const (
	firstBackOff = 100 * time.Millisecond
	lastBackOff  = 5 * time.Second
)

// checkpointer is a goroutine of the DB. It writes frozen overlays into bbolt
// when it is asked to.
func (d *DB) checkpointer() {
	defer close(d.done)
	var backOff time.Duration
	for {
		select {
		case <-d.stop:
			return
		case <-d.kick:
		}
		if backOff > 0 && !d.pause(backOff) {
			return
		}
		if d.status.full() != nil {
			d.freezeAny()
		}
		pieces := d.pieces.Load()
		err := d.checkpoint(false)
		switch {
		case !errors.Is(err, tier.ErrFull) && !d.journal.spare.lent():
			backOff = 0
		case d.pieces.Load() > pieces:
			backOff = firstBackOff
		default:
			backOff = min(max(2*backOff, firstBackOff), lastBackOff)
		}
	}
}

// pause is false when Close cut it short.
func (d *DB) pause(delay time.Duration) bool {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-d.stop:
		return false
	case <-timer.C:
		return true
	}
}

// checkpoint brings frozen into bbolt.
//
//  1. It goes by pieces: ranges of keys in ascending order, so that each leaf is
//     written about once, each in a transaction of bounded size, with pauses
//     between them (see pace). checkMu is free in the pauses.
//  2. The position moves in the last piece's transaction. The first one's says
//     where it will be (metaNext).
//  3. frozen is not changed, and answers for all that it holds until the last
//     piece is committed.
//  4. A crash between pieces replays all of frozen over what is there already.
//     That is right because all groups up to frozen's state are durable in the
//     journal, and the last change of each key stands. In between, a touch may
//     find a later body, which a later group then replaces, or no record, which
//     a later group then has removed. Should the journal be lost, metaNext sees
//     to it that no version is given twice and usage is counted anew.
//  5. Where the disk has no room the rest goes another way, see squeeze.
type checkpoint struct {
	d      *DB
	frozen *overlay
	keys   []keyed   // of frozen, ascending; those whose last change bbolt has not got
	early  []string  // met too early by Due, and not put where they belong yet
	begun  bool      // bbolt knows where the position will be
	hurry  bool      // without pauses
	shrunk bool      // the journal has given up what it keeps for later
	kept   []indexed // each timed record that is written, where its entry is now
	moved  []indexed // each of early whose entry was put where it belongs
	values []byte    // memory for what a piece puts; bbolt is done with it when that is committed
}

// checkpoint writes frozen, if there is one, and drops it. With ErrFull what is
// not in bbolt is in active again; any other error has broken the DB.
func (d *DB) checkpoint(hurry bool) error {
	d.checkpointMu.Lock()
	defer d.checkpointMu.Unlock()
	d.mu.RLock()
	frozen := d.frozen
	d.mu.RUnlock()
	if frozen == nil || d.status.broken() != nil {
		return nil
	}
	c := d.newCheckpoint(frozen)
	c.hurry = hurry
	err := c.run()
	if err != nil || d.status.broken() != nil {
		return err
	}
	defer d.status.checkpointed(nil)
	d.checkMu.Lock()
	defer d.checkMu.Unlock()
	return d.keepRoom()
}

func (d *DB) newCheckpoint(frozen *overlay) *checkpoint {
	c := &checkpoint{d: d, frozen: frozen, keys: frozen.sorted()} // outside of the lock, which commits need
	d.expiry.mu.Lock()
	defer d.expiry.mu.Unlock()
	for key := range d.expiry.slots {
		if _, ok := frozen.get(key); !ok {
			c.early = append(c.early, key)
		}
	}
	slices.Sort(c.early)
	return c
}

// run writes all pieces, unless the DB breaks meanwhile.
func (c *checkpoint) run() error {
	d, total := c.d, len(c.keys)
	defer d.written.Store(0)
	for d.status.broken() == nil {
		began := time.Now()
		last, err := c.next()
		if errors.Is(err, errTight) || err != nil && rolledBack(err) {
			if !c.shrunk && d.journal.shrink() {
				c.shrunk = true
				continue
			}
			last, err = true, c.squeeze()
		}
		if err != nil {
			return d.checkpointFailed(err)
		}
		if last {
			return nil
		}
		d.written.Store(c.frozen.bytes() / int64(max(total, 1)) * int64(total-len(c.keys)))
		d.status.progressed()
		failpoint.Pass("l3bolt-pieces")
		c.pause(time.Since(began))
	}
	return nil
}

// next writes the next piece. It is errTight if that might take what room is
// left for what frees some.
func (c *checkpoint) next() (last bool, err error) {
	d := c.d
	d.checkMu.Lock()
	defer d.checkMu.Unlock()
	limit := d.pieceBytes()
	// The last record of a piece may be longer than the piece was to be.
	tight, err := d.keepMore(2 * min(max(limit, mostPieceBytes), c.frozen.bytes()))
	if err != nil || tight {
		return false, cmp.Or(err, errTight)
	}
	p := &piece{c: c, limit: limit, mayEnd: true}
	if err := c.write(p, c.keys, c.early); err != nil {
		return false, err
	}
	c.keys, c.early = c.keys[p.keys:], c.early[p.early:]
	return p.ends, nil
}

// write commits one piece of keys and early, as far as its limit goes. checkMu
// is held.
func (c *checkpoint) write(p *piece, keys []keyed, early []string) error {
	d := c.d
	c.values = c.values[:0]
	err := d.base.update(func(tx *bolt.Tx, g *guard) error { return p.run(tx, g, keys, early) })
	if err != nil {
		return err
	}
	c.begun = true
	c.kept, c.moved = append(c.kept, p.kept...), append(c.moved, p.moved...)
	d.pieces.Add(1)
	d.miscounted = d.miscounted || p.uncounted
	d.settleCount(p.over)
	if !p.ends {
		return nil
	}
	failpoint.Pass("l3bolt-checkpointed")
	d.position = c.frozen.state.sequence
	d.drop(c)
	d.status.progressed()
	d.checkpoints.Add(1)
	d.journal.trim(d.position)
	d.journal.spare.keep()
	return nil
}

func (d *DB) checkpointFailed(err error) error {
	if rolledBack(err) {
		err = failed(tier.ErrFull, "checkpoint into", d.base.path, err)
		d.status.checkpointed(err)
		return err
	}
	if !errors.Is(err, tier.ErrCorrupt) {
		err = &fault{"checkpoint into", d.base.path, err}
	}
	d.status.breakBy(err)
	return err
}

// drop ends the life of the frozen overlay that c wrote (D4, D6).
func (d *DB) drop(c *checkpoint) {
	x := &d.expiry
	x.mu.Lock()
	defer x.mu.Unlock()
	x.settle(c.kept)
	for _, e := range c.moved {
		if !x.met(e.slot, e.key) {
			x.drop(e.key)
		}
	}
	x.settled = len(x.slots)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.frozen = nil
}
