//go:build !wasm

package l3bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sync"

	"github.com/stratakv/strata/tiered/tier"
	bolt "go.etcd.io/bbolt"
)

// expiry is what Due knows beyond the overlays' timers (D6). bbolt's index
// holds each timed record once, at the slot of the earliest deadline that it
// had since it was entered: moving a deadline later writes nothing there.
type expiry struct {
	// mu guards the fields and the timers of all overlays, and orders Due
	// against the moment at which a checkpoint drops its overlay: a checkpoint
	// that Due's transaction did not see must find the cursor that Due left.
	mu sync.Mutex
	// cursor is the place in bbolt's index up to which Due has met all entries.
	cursor string
	// slots has the records that Due met in bbolt's index and that are not
	// removed since, at their true slot; early lists them there.
	early timers
	slots map[string]uint64
	// settled is how many entries the last checkpoint left: those that are due
	// and that nobody has removed yet.
	settled int
}

// maxEarly is how many records slots has before a checkpoint is asked for,
// which enters them into bbolt's index where they belong.
const maxEarly = 64 << 10

func (x *expiry) put(slot uint64, key string) {
	if old, ok := x.slots[key]; ok && old == slot {
		return
	}
	x.slots[key] = slot
	x.early.add(slot, key)
}

// drop forgets key; where early lists it, it is passed over.
func (x *expiry) drop(key string) { delete(x.slots, key) }

// overfull reports whether a checkpoint could take enough out of early.
func (x *expiry) overfull() bool {
	x.settled = min(x.settled, len(x.slots))
	return len(x.slots) > x.settled+maxEarly
}

// settle takes note of timed records that leave an overlay for bbolt: Due does
// not come back to entries that it has passed.
func (x *expiry) settle(kept []indexed) {
	for _, e := range kept {
		if x.met(e.slot, e.key) {
			x.put(slotOf(e.deadline), e.key)
		}
	}
}

// met reports whether Due has passed an entry of bbolt's index.
func (x *expiry) met(slot uint64, key string) bool {
	if x.cursor == "" {
		return false
	}
	at, from := splitEntryKey(x.cursor)
	return slot < at || slot == at && key < from
}

// splitEntryKey is the inverse of entryKey.
func splitEntryKey(e string) (slot uint64, key string) {
	return binary.BigEndian.Uint64([]byte(e[:8])), e[8:]
}

// Due returns keys whose published record's deadline is at or before now. A
// record whose frame is damaged has no deadline that could be trusted: it is
// not reported. With an error, which says that bbolt's index is damaged, the
// keys found elsewhere are returned.
func (d *DB) Due(now int64, max int) ([]string, error) {
	d.expiry.mu.Lock()
	defer d.expiry.mu.Unlock()
	w := dueWalk{d: d, now: now, max: max, slot: slotOf(now), bound: entryKey(slotOf(now)+1, ""), seen: make(map[string]struct{})}
	err := w.run()
	if d.expiry.overfull() {
		d.freeze()
		d.ask()
	}
	return w.keys, d.damage(err)
}

// dueWalk is one call of Due.
type dueWalk struct {
	d     *DB
	now   int64
	max   int
	slot  uint64 // the last that may have what is due
	bound string // the first entry behind it
	keys  []string
	seen  map[string]struct{} // those in keys
}

func (w *dueWalk) run() error {
	w.d.mu.RLock()
	defer w.d.mu.RUnlock()
	w.overlay(w.d.active)
	if w.d.frozen != nil {
		w.overlay(w.d.frozen)
	}
	if w.full() || w.nothingStored() {
		return nil
	}
	return w.d.base.view(func(tx *bolt.Tx) error {
		w.early(tx)
		return w.index(tx)
	})
}

func (w *dueWalk) full() bool { return len(w.keys) >= w.max }

// nothingStored: neither early nor bbolt's index can have anything before
// bound.
func (w *dueWalk) nothingStored() bool {
	first, ok := w.d.expiry.early.first()
	return (!ok || first > w.slot) && w.d.expiry.cursor >= w.bound
}

func (w *dueWalk) report(key string) {
	if _, ok := w.seen[key]; !ok {
		w.seen[key] = struct{}{}
		w.keys = append(w.keys, key)
	}
}

// overlay reports from an overlay's timers what is published from it, and
// passes over, for good, what has left its slot or is not published from it.
func (w *dueWalk) overlay(o *overlay) {
	if w.full() {
		return
	}
	o.timers.due(w.slot, func(slot uint64, key string) (keep, more bool) {
		e, _ := o.get(key)
		newest, _ := w.d.overlaidLocked(key)
		if !e.timed() || slotOf(e.head.Deadline) != slot || newest.head != e.head {
			return false, true
		}
		if e.head.Expired(w.now) {
			w.report(key)
		}
		return true, !w.full()
	})
}

// early reports from what was met before, and forgets what an overlay answers
// for or what is gone.
func (w *dueWalk) early(tx *bolt.Tx) {
	x := &w.d.expiry
	moved := make(map[string]uint64)
	x.early.due(w.slot, func(slot uint64, key string) (keep, more bool) {
		if at, ok := x.slots[key]; !ok || at != slot {
			return false, true
		}
		deadline, verdict := w.judge(tx, key)
		if verdict == notHere {
			x.drop(key)
			return false, true
		}
		if verdict == due {
			w.report(key)
		}
		if own := slotOf(deadline); own != slot {
			moved[key] = own
			return false, !w.full()
		}
		return true, !w.full()
	})
	for key, slot := range moved {
		x.put(slot, key)
	}
}

// index walks bbolt's index from the cursor. What it meets and bbolt's record
// is the published one, goes to early.
func (w *dueWalk) index(tx *bolt.Tx) error {
	x := &w.d.expiry
	c := tx.Bucket(bucketExpiry).Cursor()
	bound := []byte(w.bound)
	for k, _ := c.Seek([]byte(x.cursor)); k != nil && bytes.Compare(k, bound) < 0; k, _ = c.Next() {
		if w.full() {
			return nil
		}
		if len(k) < 8 || len(k) > 8+maxKeyBytes {
			return errors.Join(tier.ErrCorrupt, errors.New("expiry entry of unknown form"))
		}
		_, key := splitEntryKey(string(k))
		deadline, verdict := w.judge(tx, key)
		if verdict == due {
			w.report(key)
		}
		if verdict != notHere {
			x.put(slotOf(deadline), key)
		}
		x.cursor = string(k) + "\x00"
	}
	if !w.full() {
		x.cursor = max(x.cursor, w.bound)
	}
	return nil
}

// verdict says what to make of an entry for a record in bbolt.
type verdict int

const (
	notHere verdict = iota // an overlay answers for the key, or it is gone, damaged, or has no deadline
	later
	due
)

func (w *dueWalk) judge(tx *bolt.Tx, key string) (deadline int64, v verdict) {
	if _, ok := w.d.overlaidLocked(key); ok {
		return 0, notHere
	}
	head, found, err := storedHead(tx, key)
	if !found || err != nil || head.Deadline == 0 {
		return 0, notHere
	}
	if head.Expired(w.now) {
		return head.Deadline, due
	}
	return head.Deadline, later
}
