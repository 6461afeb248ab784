//go:build !wasm

package l3bolt

import (
	"errors"
	"fmt"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/tiered/tier"
	bolt "go.etcd.io/bbolt"
)

// Check reads the whole store and returns all that is wrong with it, joined:
// bbolt's pages; each record's frame; one entry of the expiry index for each
// record with a deadline, at a slot not above its own, and no other entries;
// the usage against a count of what is published and
// of what blind changes hide. It holds up checkpoints, not
// commits. It is for tests and for tools on stores that are thought sound:
// bbolt reads the pages in a goroutine of its own, where a damaged pointer can
// end the process.
func (d *DB) Check() error {
	d.checkMu.Lock()
	defer d.checkMu.Unlock()
	d.mu.RLock()
	usage := d.published.usage.Minus(d.overcount.found)
	v, err := d.base.begin()
	entries := make(map[string]entry)
	if d.frozen != nil {
		d.frozen.addTo(entries)
	}
	d.active.addTo(entries)
	d.mu.RUnlock()
	if err != nil {
		return err
	}
	c := checker{overlaid: entries, slots: make(map[string]uint64)}
	err = v.end(func(tx *bolt.Tx) error {
		for err := range tx.Check() {
			c.fault("%v", err)
		}
		c.records(tx.Bucket(bucketRecords))
		c.index(tx.Bucket(bucketExpiry))
		c.dictionaries(tx.Bucket(bucketDict))
		return nil
	})
	c.count()
	if counted := c.usage.Plus(c.hidden); counted != usage {
		c.fault("usage is %+v, counted %+v, of which blind changes hide %+v", usage, counted, c.hidden)
	}
	return errors.Join(append(c.faults, err)...)
}

// checker collects what is wrong. Keys do not show in its messages.
type checker struct {
	overlaid map[string]entry
	slots    map[string]uint64 // of the records in bbolt that are indexed
	usage    tier.Usage
	hidden   tier.Usage // records in bbolt that the usage counts beside those that replace them
	faults   []error
}

func (c *checker) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Errorf("%w: "+format, append([]any{tier.ErrCorrupt}, args...)...))
}

// stored counts a record in bbolt, unless an overlay answers for the key.
func (c *checker) stored(key string, head tier.Head) {
	e, overlaid := c.overlaid[key]
	if !overlaid {
		c.usage = c.usage.Plus(head.Usage(key))
		return
	}
	c.hidden = c.hidden.Plus(e.overcount(key, head))
}

func (c *checker) records(b *bolt.Bucket) {
	n := 0
	_ = b.ForEach(func(k, raw []byte) error {
		n++
		key := string(k[1:])
		v, err := parseValue(raw)
		if err != nil {
			c.fault("record %d: %v", n, err)
			return nil
		}
		head, err := codec.Head(key, v.frame)
		switch {
		case err != nil:
			c.fault("record %d: %v", n, err)
		case v.indexed != (head.Deadline != 0):
			c.fault("record %d: in the expiry index: %t, deadline %d", n, v.indexed, head.Deadline)
		case v.indexed && v.slot > slotOf(head.Deadline):
			c.fault("record %d: expiry slot %d is above its own, %d", n, v.slot, slotOf(head.Deadline))
		}
		if v.indexed {
			c.slots[key] = v.slot
		}
		c.stored(key, head)
		return nil
	})
}

func (c *checker) index(b *bolt.Bucket) {
	n := 0
	_ = b.ForEach(func(k, _ []byte) error {
		n++
		if len(k) < 8 || len(k) > 8+maxKeyBytes {
			c.fault("expiry entry %d has %d bytes", n, len(k))
			return nil
		}
		slot, key := splitEntryKey(string(k))
		if want, ok := c.slots[key]; !ok || want != slot {
			c.fault("expiry entry %d belongs to no record", n)
			return nil
		}
		delete(c.slots, key)
		return nil
	})
	if len(c.slots) > 0 {
		c.fault("%d records have no expiry entry", len(c.slots))
	}
}

// dictionaries checks each entry. None is there before the first one is kept.
func (c *checker) dictionaries(b *bolt.Bucket) {
	if b == nil {
		return
	}
	n := 0
	_ = b.ForEach(func(k, raw []byte) error {
		n++
		if _, ok := parseDictionary(k, raw); !ok {
			c.fault("dictionary %d is damaged", n)
		}
		return nil
	})
}

// count adds what the overlays hold.
func (c *checker) count() {
	for key, e := range c.overlaid {
		if e.frame != nil {
			c.usage = c.usage.Plus(e.head.Usage(key))
		}
	}
}
