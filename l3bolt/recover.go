//go:build !wasm

package l3bolt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/internal/failpoint"
	"github.com/stratakv/strata/tiered/tier"
	bolt "go.etcd.io/bbolt"
)

// recover brings the journal's groups behind bbolt's position into active,
// writes them into a base segment, and removes the segments that it stands
// for (J5). Until the base segment has its name, and from then on, the
// directory says the same; so a crash at any point, and another one in the
// next opening, change nothing. epoch is the last one. fresh: store.db has
// just replaced another one, whose segments go.
func (d *DB) recover(epoch uint64, fresh bool) error {
	found, err := d.journal.find(fresh)
	if err != nil {
		return err
	}
	// Numbers grow over closings that left no segment, too: one that comes
	// back from before such a closing must not stand for a later one.
	number := (epoch + 1) << 32
	if n := len(found); n > 0 {
		number = max(number, found[n-1].header.number+1)
	}
	var draft *draft
	err = d.withRoom(func() (err error) {
		draft, err = d.journal.begin(number, d.position+1, true, 0)
		return err
	})
	if err != nil {
		return err
	}
	r := replay{d: d, draft: draft, next: d.position + 1}
	for _, seg := range sinceBase(found) {
		if err := r.segment(seg); err != nil {
			draft.drop()
			return err
		}
	}
	if d.journal.cur, err = draft.finish(); err != nil {
		return err
	}
	failpoint.Pass("l3bolt-replayed")
	d.journal.next = r.next
	return d.journal.removeOld(found)
}

// foundSegment is a segment that lies in the journal's directory.
type foundSegment struct {
	name   string
	header segmentHeader
}

// find lists the segments in ascending order, and removes what an interrupted
// opening, or a store that was replaced, left behind.
func (j *journal) find(fresh bool) ([]foundSegment, error) {
	names, err := j.fs.ReadDir(j.dir)
	if err != nil {
		return nil, failed(tier.ErrUnavailable, "read", j.dir, err)
	}
	var found []foundSegment
	for _, name := range names {
		path := filepath.Join(j.dir, name)
		number, ok := parseSegmentName(strings.TrimSuffix(name, tempSuffix))
		if !ok {
			continue
		}
		if strings.HasSuffix(name, tempSuffix) {
			if err := j.remove(path); err != nil {
				return nil, err
			}
			continue
		}
		h, err := j.readHeader(path)
		if fresh && (h.store != j.store || errors.Is(err, tier.ErrCorrupt)) {
			if err := j.remove(path); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		if h.store != j.store {
			return nil, fmt.Errorf("%w: %s belongs to another store than store.db; restore the two together, or move journal/ away to accept the loss of what it holds", tier.ErrCorrupt, path)
		}
		if h.number != number {
			return nil, corrupt(path, 32, "header says number %d", h.number)
		}
		found = append(found, foundSegment{name: path, header: h})
	}
	if fresh {
		if err := j.fs.SyncDir(j.dir); err != nil {
			return nil, failed(tier.ErrUnavailable, "sync", j.dir, err)
		}
	}
	return found, nil
}

func (j *journal) remove(name string) error {
	if err := j.fs.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return failed(tier.ErrUnavailable, "remove", name, err)
	}
	return nil
}

func (j *journal) readHeader(name string) (segmentHeader, error) {
	w, closeFile, err := j.window(name)
	if err != nil {
		return segmentHeader{}, err
	}
	defer closeFile()
	return w.readSegmentHeader()
}

// window opens a segment for reading.
func (j *journal) window(name string) (*window, func() error, error) {
	f, err := j.fs.OpenFile(name, os.O_RDONLY)
	if err != nil {
		return nil, nil, failed(tier.ErrUnavailable, "open", name, err)
	}
	size, err := f.Size()
	if err != nil {
		return nil, nil, errors.Join(failed(tier.ErrUnavailable, "stat", name, err), f.Close())
	}
	return &window{r: f, file: name, size: size}, f.Close, nil
}

// sinceBase drops what the last base segment stands for.
func sinceBase(found []foundSegment) []foundSegment {
	for i := len(found) - 1; i > 0; i-- {
		if found[i].header.base {
			return found[i:]
		}
	}
	return found
}

// removeOld removes the segments that the new base segment stands for, for
// good: a power cut must not bring them back beside later ones.
func (j *journal) removeOld(found []foundSegment) error {
	for _, seg := range found {
		if err := j.remove(seg.name); err != nil {
			return err
		}
	}
	if err := j.fs.SyncDir(j.dir); err != nil {
		return failed(tier.ErrUnavailable, "sync", j.dir, err)
	}
	return nil
}

// replay applies segments in turn.
type replay struct {
	d     *DB
	draft *draft
	next  uint64 // the sequence that is expected
	end   string // where the last segment ended, for a gap's message
}

func (r *replay) segment(seg foundSegment) error {
	if seg.header.first > r.next {
		return fmt.Errorf("%w: journal groups %d to %d are missing before %s%s; restore the journal together with store.db, or move journal/ away to accept the loss of what follows",
			tier.ErrCorrupt, r.next, seg.header.first-1, seg.name, r.end)
	}
	w, closeFile, err := r.d.journal.window(seg.name)
	if err != nil {
		return err
	}
	next, end, err := replaySegment(w, seg.header, func(off int64, sequence uint64, payload []byte) error {
		return r.record(seg.name, off, sequence, payload)
	})
	r.end = fmt.Sprintf(" (the one before ends at offset %d with group %d)", end, next-1)
	return errors.Join(err, closeFile())
}

func (r *replay) record(name string, off int64, sequence uint64, payload []byte) error {
	if sequence < r.next {
		return nil
	}
	g, err := decodeGroup(payload)
	if err == nil {
		err = r.d.replayGroup(sequence, &g, recordSize(int64(len(payload))))
	}
	if err != nil {
		return fmt.Errorf("%s at offset %d: %w", name, off, err)
	}
	failpoint.Pass("l3bolt-replay")
	r.next = sequence + 1
	return r.d.withRoom(func() error { return r.draft.add(sequence, payload) })
}

// replayGroup publishes a group that the journal holds.
func (d *DB) replayGroup(sequence uint64, g *group, size int64) error {
	for i := range g.changes {
		e, keep, err := d.replayChange(&g.changes[i])
		if err != nil {
			return err
		}
		if keep {
			d.active.put(g.changes[i].key, e)
			d.timed.Store(d.timed.Load() || e.timed())
		}
	}
	d.active.journalBytes += size
	d.published = state{sequence: sequence, version: g.version, usage: g.usage, stamp: g.stamp}
	return nil
}

// replayChange makes the entry of a change. keep is false for the touch of a
// record that is damaged since: it stays as it is, and Load says so.
func (d *DB) replayChange(c *change) (e entry, keep bool, err error) {
	switch c.kind {
	case kindRemove:
		return entry{head: tier.Head{Version: c.version}}, true, nil
	case kindPut:
		head, err := codec.Head(c.key, c.frame)
		if err == nil && head.Version != c.version {
			err = fmt.Errorf("%w: frame of another version than its change", tier.ErrCorrupt)
		}
		return entry{frame: c.frame, head: head}, true, err
	}
	frame, err := d.bodyForTouch(c.key)
	if err != nil || frame == nil {
		return entry{}, false, err
	}
	fresh, head := codec.Reseal(frame, c.key, c.version, c.deadline)
	return entry{frame: fresh, head: head}, true, nil
}

// bodyForTouch is the frame of key's record before the touch; nil if it is
// damaged.
func (d *DB) bodyForTouch(key string) ([]byte, error) {
	if e, ok := d.active.entries.Get(key); ok {
		if e.frame == nil {
			return nil, fmt.Errorf("%w: touch of a removed record", tier.ErrCorrupt)
		}
		return e.frame, nil
	}
	var frame []byte
	found := false
	err := d.base.view(func(tx *bolt.Tx) error {
		v, ok, err := storedValue(tx, key)
		if found = ok; !ok || err != nil {
			return nil
		}
		if _, err := codec.Head(key, v.frame); err == nil {
			frame = append(make([]byte, 0, len(v.frame)), v.frame...)
		}
		return nil
	})
	if err == nil && !found {
		err = fmt.Errorf("%w: touch of a record that is not there", tier.ErrCorrupt)
	}
	return frame, err
}
