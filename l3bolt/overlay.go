//go:build !wasm

package l3bolt

import (
	"cmp"
	"slices"

	"github.com/stratakv/strata/tiered/tier"
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
// A put is a map's; what needs an order, a scan or a checkpoint, makes it.
type overlay struct {
	entries map[string]*entry
	slabs   [][]entry // of slabEntries each: where entries lie, in the order of their arrival
	keys    []string  // likewise
	// timers has each timed record of entries at its slot, and more that is
	// passed over (D6). The DB's expiry.mu guards it.
	timers timers
	scans  ordered // what scans made of entries; scans' and put's
	state  state   // after its last group; set when it is frozen

	journalBytes int64 // of its records in the journal
	heldBytes    int64 // of memory, about
}

// newOverlay has room for so many keys, and grows beyond.
func newOverlay(keys int) *overlay {
	return &overlay{entries: make(map[string]*entry, keys), keys: make([]string, 0, keys)}
}

// slabEntries are allocated at once.
const slabEntries = 256

// entryOverhead is what an entry costs besides key and frame, about: its places
// in the map, in keys and in timers.
const entryOverhead = 200

// get is the latest change of key.
func (o *overlay) get(key string) (entry, bool) {
	e := o.entries[key]
	if e == nil {
		return entry{}, false
	}
	return *e, true
}

// put makes e the latest change of key.
func (o *overlay) put(key string, e entry) {
	at := o.entries[key]
	if at == nil {
		at = o.add(key)
	}
	e.blind = max(e.blind, at.blind)
	o.heldBytes += int64(len(e.frame) - len(at.frame))
	o.scans.changed(key)
	if e.timed() {
		slot := slotOf(e.head.Deadline)
		if !at.timed() || slotOf(at.head.Deadline) != slot {
			o.timers.add(slot, key)
		}
	}
	*at = e
}

// add makes room for key's entry.
func (o *overlay) add(key string) *entry {
	if len(o.keys) == len(o.slabs)*slabEntries {
		o.slabs = append(o.slabs, make([]entry, slabEntries))
	}
	at := o.at(len(o.keys))
	o.entries[key] = at
	o.keys = append(o.keys, key)
	o.heldBytes += int64(len(key)) + entryOverhead
	return at
}

// at is the entry of the key that came as the i-th.
func (o *overlay) at(i int) *entry { return &o.slabs[i/slabEntries][i%slabEntries] }

// keyed is an entry and its key.
type keyed struct {
	key string
	*entry
}

func byKey(a, b keyed) int { return cmp.Compare(a.key, b.key) }

// sorted gives all entries in ascending order of their keys.
func (o *overlay) sorted() []keyed {
	all := make([]keyed, len(o.keys))
	for i, key := range o.keys {
		all[i] = keyed{key, o.at(i)}
	}
	slices.SortFunc(all, byKey)
	return all
}

// all copies the entries.
func (o *overlay) all() map[string]entry {
	all := make(map[string]entry, len(o.entries))
	o.addTo(all)
	return all
}

// addTo puts the entries over older ones.
func (o *overlay) addTo(all map[string]entry) {
	for key, at := range o.entries {
		e := *at
		e.blind = max(e.blind, all[key].blind)
		all[key] = e
	}
}

// bytes is what the overlay counts against CheckpointBytes. The journal may
// hold more than memory, when few keys change often; memory more than the
// journal, when large records are touched.
func (o *overlay) bytes() int64 { return max(o.journalBytes, o.heldBytes) }
