//go:build !wasm

package l3bolt

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/internal/failpoint"
	"github.com/stratakv/strata/tiered/tier"
	bolt "go.etcd.io/bbolt"
)

// recover brings the journal's groups behind bbolt's position into active, and
// makes the journal ready for the next one (J5). It needs no room: a crash at
// any point, and another one in the next opening, change nothing. epoch is the
// last one. fresh: store.db has just replaced another one, whose segments go.
func (d *DB) recover(epoch uint64, fresh bool) error {
	d.journal.spare.keep()
	found, empty, err := d.journal.find(fresh)
	if err != nil {
		return err
	}
	d.active = newOverlay(d.likelyKeys(found))
	r := replay{d: d, next: d.position + 1, gone: make(map[string]recordPlace)}
	for i := range found {
		if err := r.segment(&found[i], voidFrom(found[i+1:])); err != nil {
			return err
		}
	}
	for _, at := range r.gone {
		return fmt.Errorf("%v: %w: touch of a record that is not there", at, tier.ErrCorrupt)
	}
	d.journal.next, d.journal.position = r.next, d.position
	d.journal.stock.number = max(d.journal.stock.number, (epoch+1)<<32)
	if err := d.journal.resume(found, empty); err != nil {
		return err
	}
	failpoint.Pass("l3bolt-replayed")
	return nil
}

// likelyKeys is how many keys a replay of found may bring: a map that grows takes
// a fifth of its time. The last segment may be nearly empty.
func (d *DB) likelyKeys(found []foundSegment) int {
	const change, most = 300, 1 << 20 // bytes of a session's change, about; keys
	var full int64
	for i := 1; i < len(found); i++ {
		if found[i].first > d.position+1 { // else bbolt has all of the one before
			full += found[i-1].size
		}
	}
	return int(min(full/change, most))
}

// foundSegment is a segment that lies in the journal's directory.
type foundSegment struct {
	name   string
	header segmentHeader
	size   int64
	first  uint64 // sequence of its first record, 0 if it has none

	// What replay found, if it had to read the segment.
	last, end int64  // where its last record begins, and ends
	next      uint64 // the sequence that would come then
}

// find lists the segments in ascending order, durably: those that have records,
// and the names of those that have none. What an interrupted rotation left
// becomes stock; what belongs to a store that was replaced is removed.
func (j *journal) find(fresh bool) (found []foundSegment, empty []string, err error) {
	names, err := j.fs.ReadDir(j.dir)
	if err != nil {
		return nil, nil, failed(tier.ErrUnavailable, "read", j.dir, err)
	}
	for _, name := range names {
		path := filepath.Join(j.dir, name)
		number, ok := parseSegmentName(strings.TrimSuffix(name, tempSuffix))
		if !ok {
			continue
		}
		j.stock.number = max(j.stock.number, number+1)
		if strings.HasSuffix(name, tempSuffix) {
			err = j.retire(path)
		} else {
			var seg foundSegment
			if seg, err = j.judge(path, number, fresh); err == nil && seg.first != 0 {
				found = append(found, seg)
			} else if err == nil && seg.name != "" {
				empty = append(empty, path)
			}
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if err := j.fs.SyncDir(j.dir); err != nil {
		return nil, nil, failed(tier.ErrUnavailable, "sync", j.dir, err)
	}
	return found, empty, nil
}

// judge looks at the segment path, which should have this number, and whether
// it belongs here. The zero foundSegment: it did not, and is gone.
func (j *journal) judge(path string, number uint64, fresh bool) (foundSegment, error) {
	seg, err := j.look(path)
	h := seg.header
	switch {
	case fresh && (h.store != j.store || errors.Is(err, tier.ErrCorrupt)):
		return foundSegment{}, j.remove(path)
	case err != nil:
		return seg, err
	case h.store != j.store:
		return seg, fmt.Errorf("%w: %s belongs to another store than store.db; restore the two together, or move journal/ away to accept the loss of what it holds", tier.ErrCorrupt, path)
	case h.number != number:
		return seg, corrupt(path, 32, "header says number %d", h.number)
	}
	return seg, nil
}

// look reads a segment's header, and finds out what its first record is.
func (j *journal) look(name string) (foundSegment, error) {
	seg := foundSegment{name: name}
	w, closeFile, err := j.window(name)
	if err != nil {
		return seg, err
	}
	defer closeFile()
	seg.size = w.size
	if seg.header, err = w.readSegmentHeader(); err != nil {
		return seg, err
	}
	seed := seg.header.seed()
	h, err := w.header(seed, segmentHeaderSize)
	if err != nil {
		return seg, err
	}
	payload, err := w.record(seed, segmentHeaderSize, h.sequence)
	switch {
	case err != nil:
	case payload != nil && h.sequence != 0:
		seg.first = h.sequence
	case seg.header.store == j.store:
		err = w.checkTail(seed, segmentHeaderSize, h.sequence)
	}
	return seg, err
}

// voidFrom is the sequence from which on the segment before later has nothing
// to say (J5).
func voidFrom(later []foundSegment) uint64 {
	if len(later) > 0 {
		return later[0].first
	}
	return math.MaxUint64
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

// replay applies segments in turn.
type replay struct {
	d       *DB
	next    uint64                 // the sequence that is expected
	end     string                 // where the last segment ended, for a gap's message
	gone    map[string]recordPlace // records that bbolt has lost already to groups that must follow, and where they were touched
	at      recordPlace            // where the record lies that is being replayed
	changes []change               // of the last record, memory for the next one's
}

// recordPlace is where a record lies in the journal.
type recordPlace struct {
	name string
	off  int64
}

func (p recordPlace) String() string { return fmt.Sprintf("%s at offset %d", p.name, p.off) }

// segment replays what counts of seg: what comes before void. If bbolt has all
// of that, it is not read.
func (r *replay) segment(seg *foundSegment, void uint64) error {
	if seg.first > r.next {
		return fmt.Errorf("%w: journal groups %d to %d are missing before %s%s; restore the journal together with store.db, or move journal/ away to accept the loss of what follows",
			tier.ErrCorrupt, r.next, seg.first-1, seg.name, r.end)
	}
	if void <= r.next {
		seg.next = void
		return nil
	}
	w, closeFile, err := r.d.journal.window(seg.name)
	if err != nil {
		return err
	}
	seg.last = segmentHeaderSize
	seg.next, seg.end, err = replaySegment(w, seg.header, func(off int64, sequence uint64, payload []byte) error {
		seg.last = off
		if sequence < r.next || sequence >= void {
			return nil
		}
		return r.record(seg.name, off, sequence, payload)
	})
	r.end = fmt.Sprintf(" (the one before ends at offset %d with group %d)", seg.end, seg.next-1)
	return errors.Join(err, closeFile())
}

func (r *replay) record(name string, off int64, sequence uint64, payload []byte) error {
	r.at = recordPlace{name, off}
	g, err := decodeGroup(payload, r.changes)
	if err == nil {
		r.changes = g.changes
		err = r.group(sequence, &g, recordSize(int64(len(payload))))
	}
	if err != nil {
		return fmt.Errorf("%v: %w", r.at, err)
	}
	failpoint.Pass("l3bolt-replay")
	r.next = sequence + 1
	return nil
}

// group publishes a group that the journal holds.
func (r *replay) group(sequence uint64, g *group, size int64) error {
	d := r.d
	for i := range g.changes {
		e, keep, err := r.change(&g.changes[i])
		if err != nil {
			return err
		}
		if keep {
			d.active.put(g.changes[i].key, e)
			d.timed.Store(d.timed.Load() || e.timed())
		}
	}
	d.active.journalBytes += size
	d.memory.learn(g.memory, g.version)
	d.published = state{sequence: sequence, version: max(d.published.version, g.version), usage: g.usage, stamp: g.stamp}
	return nil
}

// change makes the entry of a change. keep is false for the touch of a record
// that is damaged since: it stays as it is, and Load says so; and of one that
// is not there: squeeze has removed it, as a later group says, which must
// follow.
func (r *replay) change(c *change) (e entry, keep bool, err error) {
	switch c.kind {
	case kindRemove:
		delete(r.gone, c.key)
		return entry{head: tier.Head{Version: c.version}}, true, nil
	case kindPut, kindBlind:
		delete(r.gone, c.key)
		head, err := codec.Head(c.key, c.frame)
		if err == nil && head.Version != c.version {
			err = fmt.Errorf("%w: frame of another version than its change", tier.ErrCorrupt)
		}
		return newEntry(c.frame, head, c.kind == kindBlind), true, err
	}
	frame, found, err := r.d.bodyForTouch(c.key)
	if err == nil && !found {
		r.gone[c.key] = r.at
	}
	if err != nil || frame == nil {
		return entry{}, false, err
	}
	fresh, head := codec.Reseal(frame, c.key, c.version, c.deadline)
	return entry{frame: fresh, head: head}, true, nil
}

// bodyForTouch is the frame of key's record before the touch; nil if it is
// damaged or not found.
func (d *DB) bodyForTouch(key string) (frame []byte, found bool, err error) {
	if e, ok := d.active.get(key); ok {
		if e.frame == nil {
			return nil, false, fmt.Errorf("%w: touch of a removed record", tier.ErrCorrupt)
		}
		return e.frame, true, nil
	}
	err = d.base.view(func(tx *bolt.Tx) error {
		v, ok, err := storedValue(tx, key)
		if found = ok; !ok || err != nil {
			return nil
		}
		if _, err := codec.Head(key, v.frame); err == nil {
			frame = append(make([]byte, 0, len(v.frame)), v.frame...)
		}
		return nil
	})
	return frame, found, err
}
