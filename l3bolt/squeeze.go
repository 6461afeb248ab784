//go:build !wasm

package l3bolt

import (
	bolt "go.etcd.io/bbolt"
)

// squeeze is what becomes of a checkpoint that found no room:
//
//  1. What takes no more room in bbolt than what it replaces, removals above
//     all, is written piece by piece: each piece frees the pages that it
//     replaced, and the next one uses them. The position stays: a crash
//     replays all of it over what is there already.
//  2. The rest is tried once more, in the pages that are free now.
//  3. If it does not fit, what the pieces did not write is merged with active,
//     so that removals make the next checkpoint smaller.
//
// Replay over pieces is right because all groups up to frozen's state are
// durable in the journal, and the last change of each key stands. In between, a
// touch may find a later body, which a later group then replaces, or no record,
// which a later group then has removed. Should the journal be lost, state and
// mark see to it that no version is given twice and usage is counted anew.
type squeeze struct {
	d      *DB
	frozen *overlay
	wrote  bool
	done   map[string]struct{} // keys whose last change bbolt has
	kept   []indexed
}

// squeeze returns what it wrote, or an error, cause if need be. If that is a
// full disk's there is no frozen any more.
func (d *DB) squeeze(frozen *overlay, cause error) (*checkpointWrite, error) {
	s := &squeeze{d: d, frozen: frozen, done: make(map[string]struct{})}
	switch err := s.pieces(); {
	case err != nil && !rolledBack(err):
		return nil, err
	case s.wrote:
		w := &checkpointWrite{frozen: frozen, done: s.done}
		if cause = d.write(w); cause == nil || !rolledBack(cause) {
			w.kept = append(w.kept, s.kept...)
			return w, cause
		}
	}
	d.thaw(s.done, s.kept)
	if err := d.keepRoom(); err != nil {
		return nil, err
	}
	return nil, cause
}

// most is how many changes a piece has at first.
const most = 256

// pieces writes what takes no more room than what it replaces. Where a piece
// finds no room a smaller one is tried, until the smallest finds none: the
// number of tries that fail is bounded.
func (s *squeeze) pieces() error {
	keys, err := s.light()
	for n := most; err == nil && len(keys) > 0 && s.d.status.broken() == nil; {
		some := keys[:min(n, len(keys))]
		switch err = s.piece(some); {
		case err == nil:
			keys = keys[len(some):]
		case rolledBack(err) && n > 1:
			n, err = n/4, nil
		}
	}
	return err
}

// light finds what pieces may write. What bbolt has not got and need not have
// is done.
func (s *squeeze) light() (keys []string, err error) {
	err = s.d.base.view(func(tx *bolt.Tx) error {
		records := tx.Bucket(bucketRecords)
		for _, key := range s.frozen.sorted() {
			e, raw := s.frozen.entries[key], records.Get(appendRecordKey(nil, key))
			switch {
			case raw == nil && e.frame == nil:
				s.done[key] = struct{}{}
			case raw != nil && len(e.frame) <= len(raw):
				keys = append(keys, key)
			}
		}
		return nil
	})
	return keys, err
}

// piece writes the changes of keys in one transaction.
func (s *squeeze) piece(keys []string) error {
	w := &checkpointWrite{frozen: s.frozen}
	err := s.d.base.update(func(tx *bolt.Tx, g *guard) error {
		w.begin(tx, g)
		for _, key := range keys {
			e, _ := s.frozen.get(key)
			if err := w.write(key, e); err != nil {
				return err
			}
		}
		if err := w.writeEntries(); err != nil {
			return err
		}
		state := s.frozen.state
		state.sequence = s.d.position
		if err := g.touch(bucketMeta, metaState, false); err != nil {
			return err
		}
		if err := s.d.mark(tx, g, true); err != nil {
			return err
		}
		if err := s.d.putFound(tx, g, w.over); err != nil {
			return err
		}
		return putState(tx, state)
	})
	if err != nil {
		return err
	}
	for _, key := range keys {
		s.done[key] = struct{}{}
	}
	s.wrote, s.kept = true, append(s.kept, w.kept...)
	s.d.pieces.Add(1)
	s.d.miscounted = s.d.miscounted || w.uncounted
	s.d.settleCount(w.over)
	return nil
}
