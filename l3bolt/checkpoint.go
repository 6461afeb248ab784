//go:build !wasm

package l3bolt

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/stratakv/strata/codec"
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
		err := d.checkpoint()
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

// checkpoint writes frozen, if there is one, and drops it. With ErrFull what is
// not in bbolt is in active again; any other error has broken the DB.
func (d *DB) checkpoint() error {
	d.checkMu.Lock()
	defer d.checkMu.Unlock()
	if d.status.broken() != nil {
		return nil
	}
	d.mu.RLock()
	frozen := d.frozen
	d.mu.RUnlock()
	if frozen == nil {
		return nil
	}
	w := &checkpointWrite{frozen: frozen, early: d.earlyKeys()}
	err := d.write(w)
	if err != nil && rolledBack(err) && d.journal.shrink() {
		w = &checkpointWrite{frozen: frozen, early: w.early}
		err = d.write(w)
	}
	if err != nil && rolledBack(err) {
		w, err = d.squeeze(frozen, err)
	}
	if err != nil {
		return d.checkpointFailed(err)
	}
	failpoint.Pass("l3bolt-checkpointed")
	d.position = frozen.state.sequence
	d.drop(w)
	d.checkpoints.Add(1)
	d.journal.trim(d.position)
	d.journal.spare.keep()
	defer d.status.checkpointed(nil)
	return d.keepRoom()
}

// write writes all of w, and the position that it reaches, in one transaction.
func (d *DB) write(w *checkpointWrite) error {
	err := d.base.update(func(tx *bolt.Tx, g *guard) error {
		if err := w.run(tx, g); err != nil {
			return err
		}
		if err := d.putFound(tx, g, w.over); err != nil {
			return err
		}
		if err := d.memory.write(tx, g); err != nil {
			return err
		}
		return d.mark(tx, g, d.miscounted || w.uncounted)
	})
	if err != nil {
		return err
	}
	d.miscounted = d.miscounted || w.uncounted
	d.settleCount(w.over)
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

// drop ends the life of the frozen overlay that w wrote (D4, D6).
func (d *DB) drop(w *checkpointWrite) {
	x := &d.expiry
	x.mu.Lock()
	defer x.mu.Unlock()
	x.settle(w.kept)
	for _, e := range w.moved {
		if !x.met(e.slot, e.key) {
			x.drop(e.key)
		}
	}
	x.settled = len(x.slots)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.frozen = nil
}

func (d *DB) earlyKeys() []string {
	x := &d.expiry
	x.mu.Lock()
	defer x.mu.Unlock()
	keys := make([]string, 0, len(x.slots))
	for key := range x.slots {
		keys = append(keys, key)
	}
	return keys
}

// checkpointWrite is one checkpoint's transaction.
type checkpointWrite struct {
	frozen *overlay
	early  []string
	done   map[string]struct{} // keys of frozen that bbolt has already
	guard  *guard

	records, expiry *bolt.Bucket
	entries         []entryChange
	kept            []indexed  // each timed record of frozen, where its entry is now
	moved           []indexed  // each of early whose entry was put where it belongs
	uncounted       bool       // it replaced a record whose head is damaged
	over            tier.Usage // what blind changes hid that it replaced
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

func (w *checkpointWrite) run(tx *bolt.Tx, g *guard) error {
	w.begin(tx, g)
	for _, key := range w.frozen.sorted() {
		if _, done := w.done[key]; done {
			continue
		}
		if err := w.write(key, *w.frozen.entries[key]); err != nil {
			return err
		}
	}
	for _, key := range w.early {
		if _, ok := w.frozen.get(key); ok {
			continue
		}
		if err := w.reindex(key); err != nil {
			return err
		}
	}
	if err := w.writeEntries(); err != nil {
		return err
	}
	return cmp.Or(putState(tx, w.frozen.state), failpoint.Error("l3bolt-checkpoint"))
}

func (w *checkpointWrite) begin(tx *bolt.Tx, g *guard) {
	w.guard = g
	w.records, w.expiry = tx.Bucket(bucketRecords), tx.Bucket(bucketExpiry)
}

// write applies one change and keeps the index: exactly one entry for a timed
// record, at a slot not above its own.
func (w *checkpointWrite) write(key string, e entry) error {
	recordKey := appendRecordKey(make([]byte, 0, 1+len(key)), key)
	if err := w.guard.touch(bucketRecords, recordKey, e.frame == nil); err != nil {
		return err
	}
	raw := w.records.Get(recordKey)
	// A value that cannot be parsed may leave an entry behind; Due passes over
	// entries whose record does not bear them out.
	old, _ := parseValue(raw)
	if raw != nil {
		head, err := codec.Head(key, old.frame)
		w.uncounted = w.uncounted || err != nil
		w.over = w.over.Plus(e.overcount(key, head))
	}
	fresh := value{frame: e.frame}
	if e.timed() {
		fresh.indexed, fresh.slot = true, slotOf(e.head.Deadline)
		if old.indexed {
			fresh.slot = min(fresh.slot, old.slot)
		}
	}
	w.move(key, old, fresh)
	if fresh.indexed {
		w.kept = append(w.kept, indexed{fresh.slot, key, e.head.Deadline})
	}
	if e.frame == nil {
		return w.records.Delete(recordKey)
	}
	return w.put(recordKey, fresh)
}

// put stores a record's value, in memory of its own: bbolt keeps it until the
// commit.
func (w *checkpointWrite) put(recordKey []byte, v value) error {
	return w.records.Put(recordKey, appendValue(make([]byte, 0, len(v.frame)+10), v))
}

// move makes the index say what fresh says instead of what old says, when the
// entries are written.
func (w *checkpointWrite) move(key string, old, fresh value) {
	if old.indexed == fresh.indexed && old.slot == fresh.slot {
		return
	}
	if old.indexed {
		w.entries = append(w.entries, entryChange{place: entryKey(old.slot, key)})
	}
	if fresh.indexed {
		w.entries = append(w.entries, entryChange{place: entryKey(fresh.slot, key), put: true})
	}
}

// writeEntries changes the index in the order of its entries. In the order of
// the records it would be quadratic: new entries crowd in the index's last
// slots, and bbolt splits a page only at the commit.
func (w *checkpointWrite) writeEntries() error {
	slices.SortFunc(w.entries, func(a, b entryChange) int { return cmp.Compare(a.place, b.place) })
	for _, e := range w.entries {
		place := []byte(e.place)
		if err := w.guard.touch(bucketExpiry, place, !e.put); err != nil {
			return err
		}
		var err error
		if e.put {
			err = w.expiry.Put(place, nil)
		} else {
			err = w.expiry.Delete(place)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// reindex puts the entry of a record that Due met too early where it belongs.
func (w *checkpointWrite) reindex(key string) error {
	recordKey := appendRecordKey(make([]byte, 0, 1+len(key)), key)
	if err := w.guard.touch(bucketRecords, recordKey, false); err != nil {
		return err
	}
	raw := w.records.Get(recordKey)
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
	w.move(key, old, fresh)
	w.moved = append(w.moved, indexed{fresh.slot, key, head.Deadline})
	return w.put(recordKey, fresh)
}
