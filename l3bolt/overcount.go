//go:build !wasm

package l3bolt

import (
	"github.com/stratakv/strata/tiered/tier"
	bolt "go.etcd.io/bbolt"
)

// overcount is how the usage of blind changes is put right. An authority that
// was not told the head of what it replaces counts both. The usage in the
// journal and in published, and the state's in bbolt, is that count, never
// corrected: what blind changes replaced is still in it. What checkpoints find
// of that is in found, and in bbolt in the transaction that replaces it; so a
// crash neither loses it nor takes it off twice. The true usage is published's
// less found, less what the blind entries of the overlays still hide.
type overcount struct {
	found tier.Usage // by all checkpoints of the store
	told  tier.Usage // of found, by Overcount, and by State before
}

// Overcount is what checkpoints found since it was last asked for.
func (d *DB) Overcount() tier.Usage {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := &d.overcount
	more := o.found.Minus(o.told)
	o.told = o.found
	return more
}

// uncorrected is g with all in its usage that was ever taken off it.
func (d *DB) uncorrected(g *tier.Group) *tier.Group {
	d.mu.RLock()
	defer d.mu.RUnlock()
	all := *g
	all.Usage = g.Usage.Plus(d.overcount.told)
	return &all
}

// settleCount adds to found what a committed transaction found.
func (d *DB) settleCount(more tier.Usage) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := &d.overcount
	o.found = o.found.Plus(more)
}

// putFound writes what was found, more included, in the transaction that
// replaces the records. checkMu is held.
func (d *DB) putFound(tx *bolt.Tx, g *guard, more tier.Usage) error {
	if more == (tier.Usage{}) {
		return nil
	}
	if err := g.touch(bucketMeta, metaOver, false); err != nil {
		return err
	}
	found := d.overcount.found.Plus(more) // changes under checkMu only
	return tx.Bucket(bucketMeta).Put(metaOver, summed(appendUsage(nil, found)))
}
