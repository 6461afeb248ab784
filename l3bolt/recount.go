//go:build !wasm

package l3bolt

import (
	"github.com/stratakv/strata/codec"
	bolt "go.etcd.io/bbolt"
)

// The authority counts usage by the heads that it is told. Of a damaged record
// there is none, so what replaces or removes it does not take it off the
// count. The checkpoint that meets this marks the store (metaRecount), and the
// next opening counts anew. The mark goes with the first checkpoint, or
// closing, of an opening that has met none itself: its state is right.

// mark keeps or takes away the mark, in the transaction that writes the state.
func (d *DB) mark(tx *bolt.Tx, g *guard, met bool) error {
	b := tx.Bucket(bucketMeta)
	if marked := b.Get(metaRecount) != nil; marked == met {
		return nil
	}
	if err := g.touch(bucketMeta, metaRecount, !met); err != nil {
		return err
	}
	if met {
		return b.Put(metaRecount, summed(nil))
	}
	return b.Delete(metaRecount)
}

// adopt takes over what is left of next, where a checkpoint was going to bring
// the position, if the journal does not reach there: somebody lost it, but not
// the pieces that the checkpoint wrote. Then all is counted anew, and nobody
// knows which writes were remembered.
func (d *DB) adopt(next state) (lost bool) {
	p := &d.published
	if next.sequence <= p.sequence {
		return false
	}
	p.version, p.stamp = max(p.version, next.version), next.stamp
	d.memory.lose(p.version)
	return true
}

// putLoss keeps, in the transaction of the opening that met it, that adopt found
// the journal lost.
func (d *DB) putLoss(tx *bolt.Tx, g *guard) error {
	s := d.published
	s.sequence = d.position
	return d.reach(tx, g, s, true)
}

// recount counts what is published, before anyone else has the DB. Damaged
// records do not count: nobody will take them off. Where damage is such that
// not all can be counted, the usage stays what it was, and so does the mark.
func (d *DB) recount() {
	c := checker{overlaid: d.active.all()}
	err := d.base.view(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketRecords).ForEach(func(k, raw []byte) error {
			key := string(k[1:])
			v, err := parseValue(raw)
			if err != nil {
				return nil
			}
			if head, err := codec.Head(key, v.frame); err == nil {
				c.stored(key, head)
			}
			return nil
		})
	})
	if err != nil {
		d.miscounted = true
		return
	}
	c.count()
	d.published.usage = c.usage.Plus(c.hidden).Plus(d.overcount.found)
}
