//go:build !wasm

package l3bolt

import (
	"cmp"
	"encoding/binary"
	"os"
	"slices"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/internal/failpoint"
	"github.com/stratakv/strata/tiered/tier"
	bolt "go.etcd.io/bbolt"
)

// A piece of a checkpoint writes about so many bytes, its records and the leaves
// that they go to; less where CheckpointBytes is small.
//
// With each piece bbolt writes its list of free pages, too: where that is longer
// than a piece would be, a piece is as long as it, up to mostPieceBytes.
const (
	pieceBytes      = 256 << 10
	mostPieceBytes  = 1 << 20
	leastPieceBytes = 8 << 10
	leastPieces     = 64
)

func (d *DB) pieceBytes() int64 {
	list := d.compactor.free.Load() / int64(os.Getpagesize()) * 8
	most := max(pieceBytes, min(list, mostPieceBytes))
	return max(min(d.opts.CheckpointBytes/leastPieces, most), leastPieceBytes)
}

// piece is one transaction of a checkpoint.
type piece struct {
	c      *checkpoint
	limit  int64 // of bytes; 0: none
	mayEnd bool  // the position may move if nothing is left

	guard           *guard
	records, expiry *bolt.Bucket
	entries         []entryChange
	place           []byte // of the record at hand, in bucketRecords
	bytes           int64  // of records

	// What the transaction did, once it is committed.
	keys, early int        // how many of those given
	ends        bool       // the position moved
	kept        []indexed  // each timed record, where its entry is now
	moved       []indexed  // each of early whose entry was put where it belongs
	uncounted   bool       // it replaced a record whose head is damaged
	over        tier.Usage // what blind changes hid that it replaced
}

// entryChange puts an entry into the index or takes it out.
type entryChange struct {
	place string
	put   bool
}

// indexed is an entry of bbolt's index.
type indexed struct {
	slot     uint64
	key      string
	deadline int64 // of the record
}

// run writes keys of frozen and early, in their order, until they end or the
// limit is reached.
func (p *piece) run(tx *bolt.Tx, g *guard, keys []keyed, early []string) error {
	p.guard, p.records, p.expiry = g, tx.Bucket(bucketRecords), tx.Bucket(bucketExpiry)
	for ; p.keys < len(keys) && !p.full(); p.keys++ {
		if err := p.write(keys[p.keys]); err != nil {
			return err
		}
	}
	for ; p.keys == len(keys) && p.early < len(early) && !p.full(); p.early++ {
		if err := p.reindex(early[p.early]); err != nil {
			return err
		}
	}
	if err := p.writeEntries(); err != nil {
		return err
	}
	d := p.c.d
	if err := d.putFound(tx, g, p.over); err != nil {
		return err
	}
	p.ends = p.mayEnd && p.keys == len(keys) && p.early == len(early)
	if p.ends {
		return cmp.Or(d.reach(tx, g, p.c.frozen.state, d.miscounted || p.uncounted), failpoint.Error("l3bolt-checkpoint"))
	}
	if d.miscounted || p.uncounted {
		if err := d.mark(tx, g, true); err != nil {
			return err
		}
	}
	return cmp.Or(p.announce(tx), failpoint.Error("l3bolt-piece"))
}

// full reports whether the limit is reached.
func (p *piece) full() bool {
	return p.limit > 0 && p.bytes+int64(len(p.guard.leaves))*p.guard.f.size >= p.limit
}

// announce says in the first piece where the last one will move the position.
func (p *piece) announce(tx *bolt.Tx) error {
	if p.c.begun {
		return nil
	}
	if err := p.guard.touch(bucketMeta, metaNext, false); err != nil {
		return err
	}
	return tx.Bucket(bucketMeta).Put(metaNext, encodeState(p.c.frozen.state))
}

// reach moves the position: bbolt holds all that s stands for.
func (d *DB) reach(tx *bolt.Tx, g *guard, s state, uncounted bool) error {
	if err := g.touch(bucketMeta, metaState, false); err != nil {
		return err
	}
	if err := d.mark(tx, g, uncounted); err != nil {
		return err
	}
	if err := d.memory.write(tx, g); err != nil {
		return err
	}
	b := tx.Bucket(bucketMeta)
	if b.Get(metaNext) != nil {
		if err := g.touch(bucketMeta, metaNext, true); err != nil {
			return err
		}
		if err := b.Delete(metaNext); err != nil {
			return err
		}
	}
	return putState(tx, s)
}

// write applies one change and keeps the index: exactly one entry for a timed
// record, at a slot not above its own.
func (p *piece) write(e keyed) error {
	key := e.key
	recordKey := p.recordKey(key)
	p.bytes += int64(len(e.frame))
	if err := p.guard.touch(bucketRecords, recordKey, e.frame == nil); err != nil {
		return err
	}
	raw := p.records.Get(recordKey)
	// A value that cannot be parsed may leave an entry behind; Due passes over
	// entries whose record does not bear them out.
	old, _ := parseValue(raw)
	if raw != nil {
		head, err := codec.Head(key, old.frame)
		p.uncounted = p.uncounted || err != nil
		p.over = p.over.Plus(e.overcount(key, head))
	}
	fresh := value{frame: e.frame}
	if e.timed() {
		fresh.indexed, fresh.slot = true, slotOf(e.head.Deadline)
		if old.indexed {
			fresh.slot = min(fresh.slot, old.slot)
		}
	}
	p.move(key, old, fresh)
	if fresh.indexed {
		p.kept = append(p.kept, indexed{fresh.slot, key, e.head.Deadline})
	}
	if e.frame == nil {
		return p.records.Delete(recordKey)
	}
	return p.put(recordKey, fresh)
}

// recordKey is the key that bbolt knows a record by, until the next one: bbolt
// keeps a copy.
func (p *piece) recordKey(key string) []byte {
	p.place = appendRecordKey(p.place[:0], key)
	return p.place
}

// put stores a record's value, in memory that the checkpoint uses again for the
// next piece: bbolt keeps it until the commit.
func (p *piece) put(recordKey []byte, v value) error {
	most := len(v.frame) + binary.MaxVarintLen64
	if all := p.c.values; cap(all)-len(all) < most {
		p.c.values = make([]byte, 0, max(most, pieceBytes))
	}
	at := len(p.c.values)
	p.c.values = appendValue(p.c.values, v)
	return p.records.Put(recordKey, p.c.values[at:len(p.c.values):len(p.c.values)])
}

// move makes the index say what fresh says instead of what old says, when the
// entries are written.
func (p *piece) move(key string, old, fresh value) {
	if old.indexed == fresh.indexed && old.slot == fresh.slot {
		return
	}
	if old.indexed {
		p.entries = append(p.entries, entryChange{place: entryKey(old.slot, key)})
	}
	if fresh.indexed {
		p.entries = append(p.entries, entryChange{place: entryKey(fresh.slot, key), put: true})
	}
}

// writeEntries changes the index in the order of its entries. In the order of
// the records it would be quadratic: new entries crowd in the index's last
// slots, and bbolt splits a page only at the commit.
func (p *piece) writeEntries() error {
	slices.SortFunc(p.entries, func(a, b entryChange) int { return cmp.Compare(a.place, b.place) })
	for _, e := range p.entries {
		place := []byte(e.place)
		if err := p.guard.touch(bucketExpiry, place, !e.put); err != nil {
			return err
		}
		var err error
		if e.put {
			err = p.expiry.Put(place, nil)
		} else {
			err = p.expiry.Delete(place)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// reindex puts the entry of a record that Due met too early where it belongs.
func (p *piece) reindex(key string) error {
	recordKey := p.recordKey(key)
	if err := p.guard.touch(bucketRecords, recordKey, false); err != nil {
		return err
	}
	raw := p.records.Get(recordKey)
	if raw == nil {
		return nil
	}
	old, err := parseValue(raw)
	if err != nil {
		return nil // damaged: Load says so, Due passes over it
	}
	head, err := codec.Head(key, old.frame)
	if err != nil || head.Deadline == 0 {
		return nil
	}
	fresh := value{indexed: true, slot: slotOf(head.Deadline), frame: old.frame}
	if old.indexed && old.slot >= fresh.slot {
		return nil
	}
	p.move(key, old, fresh)
	p.moved = append(p.moved, indexed{fresh.slot, key, head.Deadline})
	return p.put(recordKey, fresh)
}
