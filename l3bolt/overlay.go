//go:build !wasm

package l3bolt

import (
	"encoding/binary"

	"github.com/stratakv/strata/tiered/tier"
	"github.com/tidwall/btree"
)

// entry is the latest change of a key: a record, or its removal.
type entry struct {
	frame []byte // nil: removed
	head  tier.Head
	// blind is the version of the last change since the overlay began whose
	// group counts bbolt's record as if it were still there; 0: none. If bbolt
	// has a record of a lower version, the checkpoint that replaces it settles
	// that; else one did before, and a crash has brought the entry back.
	blind uint64
}

func newEntry(frame []byte, head tier.Head, blind bool) entry {
	e := entry{frame: frame, head: head}
	if blind {
		e.blind = head.Version
	}
	return e
}

// overcount is what e's group counts too much, with bbolt's record at stored.
func (e entry) overcount(key string, stored tier.Head) tier.Usage {
	if stored.Version >= e.blind {
		return tier.Usage{}
	}
	return stored.Usage(key)
}

func (e entry) record(key string) tier.Record {
	return tier.Record{Key: key, Frame: e.frame, Head: e.head}
}

func (e entry) timed() bool { return e.frame != nil && e.head.Deadline != 0 }

// overlay holds what was committed since some moment and is not in bbolt yet.
type overlay struct {
	entries btree.Map[string, entry]
	// timers has one entry for each timed record of entries, at its slot.
	timers timers
	state  state // after its last group; set when it is frozen

	journalBytes int64 // of its records in the journal
	heldBytes    int64 // of memory, about
}

// entryOverhead is what an entry costs besides key and frame, about: its place
// in two trees.
const entryOverhead = 160

// put makes e the latest change of key.
func (o *overlay) put(key string, e entry) {
	old, had := o.entries.Get(key)
	e.blind = max(e.blind, old.blind)
	o.entries.Set(key, e)
	if had {
		o.heldBytes -= int64(len(old.frame))
		if old.timed() {
			o.timers.remove(slotOf(old.head.Deadline), key)
		}
	} else {
		o.heldBytes += int64(len(key)) + entryOverhead
	}
	o.heldBytes += int64(len(e.frame))
	if e.timed() {
		o.timers.add(slotOf(e.head.Deadline), key)
	}
}

// all copies the entries.
func (o *overlay) all() map[string]entry {
	all := make(map[string]entry, o.entries.Len())
	o.addTo(all)
	return all
}

// addTo puts the entries over older ones.
func (o *overlay) addTo(all map[string]entry) {
	o.entries.Scan(func(key string, e entry) bool {
		e.blind = max(e.blind, all[key].blind)
		all[key] = e
		return true
	})
}

// drop forgets the latest change of key.
func (o *overlay) drop(key string) {
	old, had := o.entries.Delete(key)
	if !had {
		return
	}
	o.heldBytes -= int64(len(key)) + entryOverhead + int64(len(old.frame))
	if old.timed() {
		o.timers.remove(slotOf(old.head.Deadline), key)
	}
}

// bytes is what the overlay counts against CheckpointBytes. The journal may
// hold more than memory, when few keys change often; memory more than the
// journal, when large records are touched.
func (o *overlay) bytes() int64 { return max(o.journalBytes, o.heldBytes) }

// timers is an ordered set of (slot, key).
type timers struct{ set btree.Set[string] }

func (t *timers) add(slot uint64, key string)    { t.set.Insert(entryKey(slot, key)) }
func (t *timers) remove(slot uint64, key string) { t.set.Delete(entryKey(slot, key)) }

// before calls fn with the entries that lie before bound, in order, until it
// returns false. fn must not change the set.
func (t *timers) before(bound string, fn func(slot uint64, key string) bool) {
	t.set.Scan(func(e string) bool {
		return e < bound && fn(splitEntryKey(e))
	})
}

// splitEntryKey is the inverse of entryKey.
func splitEntryKey(e string) (slot uint64, key string) {
	return binary.BigEndian.Uint64([]byte(e[:8])), e[8:]
}
