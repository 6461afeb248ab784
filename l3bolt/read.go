//go:build !wasm

package l3bolt

import (
	"errors"
	"fmt"
	"slices"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/tiered/tier"
	bolt "go.etcd.io/bbolt"
)

// Load and Heads ask the overlays first and bbolt afterwards, without a lock
// around both. That is linearizable for each key: if neither overlay had the
// key at the moment t of the look, bbolt held its published value at t, since
// a checkpoint commits before it drops (D4). If bbolt holds another value when
// it is asked, a checkpoint brought it whose frozen overlay got the key after
// t; so that value was published between t and the end of the call, and was
// the key's latest when the overlay was frozen. The answer is the published
// value at one of these moments, all of them within the call.

// Load returns the published record of key.
func (d *DB) Load(key string) (rec tier.Record, found bool, err error) {
	if e, ok := d.overlaid(key); ok {
		if e.frame == nil {
			return tier.Record{}, false, nil
		}
		return e.record(key), true, nil
	}
	rec, found, err = d.base.record(key)
	return rec, found, d.damage(err)
}

// copyRecord takes a record out of the mapped file. Its header is checked
// first, so that a garbled length is not believed.
func copyRecord(key string, v value) (tier.Record, error) {
	head, err := codec.Head(key, v.frame)
	if err != nil {
		return tier.Record{}, err
	}
	frame := append(make([]byte, 0, len(v.frame)), v.frame...)
	return tier.Record{Key: key, Frame: frame, Head: head}, nil
}

// overlaid returns the latest change of key if an overlay has one.
func (d *DB) overlaid(key string) (entry, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.overlaidLocked(key)
}

func (d *DB) overlaidLocked(key string) (entry, bool) {
	if e, ok := d.active.get(key); ok {
		return e, true
	}
	if d.frozen != nil {
		return d.frozen.get(key)
	}
	return entry{}, false
}

// damage says in which file the damage is, once.
func (d *DB) damage(err error) error {
	if err == nil || !errors.Is(err, tier.ErrCorrupt) {
		return err
	}
	return fmt.Errorf("%s: %w", d.base.path, err)
}

// few is how many heads Heads looks up in bbolt though it could leave them out:
// beside the fsync that follows they cost nothing, and the counts of a quiet
// store stay exact.
const few = 8

// Heads fills heads[i] with the published head of keys[i]. It leaves out, of
// those that it may, what no overlay has, unless these are few.
func (d *DB) Heads(keys []string, heads []tier.Head, blind []bool) error {
	missing := d.overlaidHeads(keys, heads, blind)
	if len(missing) < few {
		clear(blind)
	}
	if blind != nil {
		missing = slices.DeleteFunc(missing, func(i int) bool { return blind[i] })
	}
	if len(missing) == 0 {
		return nil
	}
	var damaged []error
	err := d.base.view(func(tx *bolt.Tx) error {
		for _, i := range missing {
			head, _, err := storedHead(tx, keys[i])
			heads[i] = head
			if err != nil {
				damaged = append(damaged, d.damage(err))
			}
		}
		return nil
	})
	return errors.Join(append(damaged, d.damage(err))...)
}

// overlaidHeads fills in what the overlays answer for, none of which is left
// out, and returns which keys are missing.
func (d *DB) overlaidHeads(keys []string, heads []tier.Head, blind []bool) (missing []int) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for i, key := range keys {
		e, ok := d.overlaidLocked(key)
		heads[i] = tier.Head{}
		if !ok {
			missing = append(missing, i)
			continue
		}
		if e.frame != nil {
			heads[i] = e.head
		}
		if blind != nil {
			blind[i] = false
		}
	}
	return missing
}

// storedValue is what bbolt holds of key; it points into the mapped file.
func storedValue(tx *bolt.Tx, key string) (value, bool, error) {
	var small [128]byte
	raw := tx.Bucket(bucketRecords).Get(appendRecordKey(small[:0], key))
	if raw == nil {
		return value{}, false, nil
	}
	v, err := parseValue(raw)
	return v, true, err
}

// storedHead is the head of what bbolt holds of key.
func storedHead(tx *bolt.Tx, key string) (tier.Head, bool, error) {
	v, found, err := storedValue(tx, key)
	if !found || err != nil {
		return tier.Head{}, found, err
	}
	head, err := codec.Head(key, v.frame)
	return head, true, err
}
