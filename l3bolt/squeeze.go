//go:build !wasm

package l3bolt

import (
	"errors"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// errTight is why a checkpoint goes on as squeeze does.
var errTight = errors.New("what room is left may be needed for what frees some")

// most is how many changes a piece has at first that takes no room.
const most = 256

// squeeze is how a checkpoint goes on that finds no room:
//
//  1. What takes no more room in bbolt than what it replaces, removals above
//     all, is written first, in small pieces: each frees the pages that it
//     replaced, and the next one uses them.
//  2. The rest is tried once, in one piece, in the pages that are free then.
//  3. If it does not fit, what is not in bbolt is merged with active, so that
//     removals make the next checkpoint smaller.
//
// Its error is a full disk's if there is no frozen any more.
func (c *checkpoint) squeeze() error {
	d := c.d
	d.checkMu.Lock()
	defer d.checkMu.Unlock()
	if err := c.lightPieces(); err != nil && !rolledBack(err) {
		return err
	}
	if d.status.broken() != nil {
		return nil
	}
	cause := c.write(&piece{c: c, mayEnd: true}, c.keys, c.early)
	if cause == nil || !rolledBack(cause) {
		return cause
	}
	d.thaw(c.keys, c.kept)
	if err := d.keepRoom(); err != nil {
		return err
	}
	return cause
}

// lightPieces writes what takes no more room than what it replaces. Where a
// piece finds no room a smaller one is tried, until the smallest finds none: the
// number of tries that fail is bounded.
func (c *checkpoint) lightPieces() error {
	light, heavy, err := c.weigh()
	for n := most; err == nil && len(light) > 0 && c.d.status.broken() == nil; {
		p := &piece{c: c}
		switch err = c.write(p, light[:min(n, len(light))], nil); {
		case err == nil:
			light = light[p.keys:]
		case rolledBack(err) && n > 1:
			n, err = n/4, nil
		}
	}
	c.keys = append(heavy, light...)
	slices.SortFunc(c.keys, byKey)
	return err
}

// weigh finds what takes no more room than what it replaces. What bbolt has not
// got and need not have is neither.
func (c *checkpoint) weigh() (light, heavy []keyed, err error) {
	err = c.d.base.view(func(tx *bolt.Tx) error {
		records := tx.Bucket(bucketRecords)
		for _, k := range c.keys {
			raw := records.Get(appendRecordKey(nil, k.key))
			switch {
			case raw == nil && k.frame == nil:
			case raw != nil && len(k.frame) <= len(raw):
				light = append(light, k)
			default:
				heavy = append(heavy, k)
			}
		}
		return nil
	})
	if err != nil {
		return nil, c.keys, err
	}
	return light, heavy, nil
}
