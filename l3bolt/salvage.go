//go:build !wasm

package l3bolt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/stratakv/strata/tiered/tier"
)

// Salvage reads the store.db at path, damaged or not, and calls fn with its
// undamaged records, each key once, in no order. It changes nothing and asks
// nothing of bbolt. fn may keep the record; its error ends the call and is
// returned.
//
// What is given is what the last checkpoint wrote: later commits and removals
// lie in the journal, which is not read. Pages that bbolt has freed keep old
// records, also of keys that were removed since, and nothing in a record says
// so. Hence the rule for what is live, m being the newest sound meta page:
//
//  1. A record is undamaged if the checksums of its header, key and body are
//     right. No other is ever given.
//  2. Given is each undamaged record in a leaf that m's tree leads to, if the
//     leaf's keys lie where its branches say.
//  3. If part of the tree is lost, or leaves lie at different depths, which
//     shows that, the leaves that nothing leads to any more are looked for in
//     the whole file. Their records are given if m's
//     freelist is sound and lists none of these leaves, and if no two of them,
//     nor one and a leaf of the tree, overlap. Else none of them is: there is
//     no telling which of them are old.
//  4. A leaf of the tree that the freelist lists is given unless another one
//     would fit in its place; no leaf is looked for then.
//  5. Without a sound meta page nothing is given.
//
// nil says that every record was given; damage that takes none, such as in the
// expiry index, may go unseen. ErrCorrupt says what was not sound, after all
// that can be had has been given; also that only one meta page is sound: what
// is given is then as old as that page, perhaps by one checkpoint, unless the
// store had been closed. A place that the disk cannot read counts as damaged.
// ErrLocked: the store is open, in this process too; ErrUnavailable: the file
// cannot be opened or locked.
//
// Held in memory are one record at a time, the branches above it, two bits for
// each page, and the first and last key of each leaf that had to be looked for. At most a few
// times the file's length is read, whatever it holds.
func Salvage(path string, fn func(tier.Record) error) error {
	f, size, err := openAtRest(path)
	if err != nil {
		return err
	}
	defer f.Close()
	unlock, err := lockForSalvage(f, path)
	if err != nil {
		return err
	}
	defer unlock()
	s := &salvage{r: &salvageReader{f: f, left: salvageReads*size + 1<<20}, fn: fn}
	if err := s.run(path, size); err != nil {
		return err
	}
	return s.report(path)
}

// lockForSalvage keeps everyone from opening the store: by store.db itself,
// which bbolt locks, and by LOCK, if it lies beside.
func lockForSalvage(f *os.File, path string) (unlock func(), err error) {
	unlock = func() {}
	name := filepath.Join(filepath.Dir(path), lockName)
	lock, err := os.OpenFile(name, os.O_RDONLY|openFlags, 0)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return unlock, failed(tier.ErrUnavailable, "open", name, err)
	}
	files := []*os.File{f}
	if err == nil {
		files = append(files, lock)
		unlock = func() { _ = lock.Close() }
	}
	for _, file := range files {
		free, err := lockFile(file)
		if err == nil && free {
			continue
		}
		unlock()
		if err != nil {
			return unlock, failed(tier.ErrUnavailable, "lock", file.Name(), err)
		}
		return unlock, fmt.Errorf("%w: %s", tier.ErrLocked, file.Name())
	}
	return unlock, nil
}

// salvageReads is how many times the file's length may be read. A sound file
// is read about twice, a damaged one up to four times; only one made for the
// purpose asks for more.
const salvageReads = 12

// salvageReader reads what may be unreadable: a place that the disk gives an
// error for reads as zeros, which are no page.
type salvageReader struct {
	f      *os.File
	left   int64 // bytes that may still be read
	faults int
}

var errReadEnough = errors.New("pages refer to more than the file holds")

func (r *salvageReader) ReadAt(b []byte, off int64) (int, error) {
	if r.left -= int64(len(b)); r.left < 0 {
		return 0, errReadEnough
	}
	n, err := r.f.ReadAt(b, off)
	var pathErr *os.PathError
	if errors.As(err, &pathErr) && off >= 0 {
		r.faults++
		clear(b)
		return len(b), nil
	}
	return n, err
}
