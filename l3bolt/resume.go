//go:build !wasm

package l3bolt

import (
	"errors"
	"os"
	"strings"

	"github.com/stratakv/strata/tiered/tier"
)

// resume makes the last of the segments found the current one, durable to its
// last record (J5), or begins one: if there is none, if a group is missing
// between what they hold and what comes next, or if the last one cannot be
// written to. The empty ones have lost their names when it returns.
func (j *journal) resume(found []foundSegment, empty []string) error {
	j.stock.making.Lock()
	defer j.stock.making.Unlock()
	if err := j.retireAll(empty); err != nil {
		return err
	}
	for i := range found {
		last := found[i].next - 1
		if later := voidFrom(found[i+1:]); later <= last {
			last = later - 1
		}
		j.full = append(j.full, fullSegment{name: found[i].name, last: last})
	}
	defer j.trim(j.position)
	if len(found) == 0 || found[len(found)-1].next != j.next {
		if err := j.restart(j.next, nil); !errors.Is(err, tier.ErrFull) {
			return err
		}
		return nil // the first group tries again
	}
	last := &found[len(found)-1]
	err := j.reopen(last)
	if !errors.Is(err, tier.ErrFull) {
		return err
	}
	// There are file systems that need room to write in place, and limits of
	// the size of files that count what is already there.
	rec, first, recErr := j.lastRecord(last)
	if recErr != nil {
		return recErr
	}
	return j.restart(first, rec)
}

// retireAll retires segments that have no record: one that the disk has, though
// the page cache has not, must not come back (J5).
func (j *journal) retireAll(empty []string) error {
	for _, name := range empty {
		if err := j.retire(name); err != nil {
			return err
		}
	}
	if len(empty) == 0 {
		return nil
	}
	if err := j.fs.SyncDir(j.dir); err != nil {
		return failed(tier.ErrUnavailable, "sync", j.dir, err)
	}
	return nil
}

// retire makes the spare of a file that means nothing, if that is lent; else
// stock, under a temporary name; or removes it.
func (j *journal) retire(name string) error {
	if j.spare.adopt(name) {
		return nil
	}
	if len(j.stock.old) < j.stock.limit {
		temp := strings.TrimSuffix(name, tempSuffix) + tempSuffix
		if temp == name || j.fs.Rename(name, temp) == nil {
			j.keepOld(temp)
			return nil
		}
	}
	return j.remove(name)
}

// restart begins a segment that is the current one, with rec in it if there is
// one.
func (j *journal) restart(first uint64, rec []byte) error {
	d, err := j.begin(max(int64(len(rec)), 1))
	if errors.Is(err, tier.ErrFull) {
		if spare, spareErr := j.beginSpare(int64(len(rec))); spare != nil || spareErr != nil {
			d, err = spare, spareErr
		}
	}
	if err == nil && rec != nil {
		err = d.add(first, rec)
	}
	if err != nil {
		return err
	}
	return j.rotate(d, nil)
}

// reopen makes seg the current segment.
func (j *journal) reopen(seg *foundSegment) error {
	f, err := j.fs.OpenFile(seg.name, os.O_RDWR)
	if err != nil {
		return failed(tier.ErrUnavailable, "open", seg.name, err)
	}
	s := &segment{
		file: f, name: seg.name, seed: seg.header.seed(), number: seg.header.number,
		off: seg.end, room: j.segmentBytes,
	}
	if err := s.settle(seg.last); err != nil {
		return errors.Join(err, f.Close())
	}
	j.full = j.full[:len(j.full)-1]
	j.cur = s
	return nil
}

// settle makes the last record durable and takes room for the next ones.
func (s *segment) settle(last int64) error {
	size, err := s.file.Size()
	if err == nil {
		err = s.rewrite(last, size)
	}
	if err != nil {
		return cannot("write again", s.name, err)
	}
	if err := s.file.Sync(); err != nil {
		return failed(tier.ErrUnavailable, "sync", s.name, err)
	}
	err = s.file.Preallocate(s.room)
	if err != nil && !isFull(err) {
		return failed(tier.ErrUnavailable, "preallocate", s.name, err)
	}
	if err != nil && size > s.off || size > s.room {
		// What room it has may be all that it can have.
		s.room, s.fixed = size, true
	}
	return nil
}

// rewrite writes the last record where it is, and zeros over a record's header
// behind it. The bytes are those that are there: whichever of the sectors reach
// the disk, a record that was durable stays so.
func (s *segment) rewrite(last, size int64) error {
	b := make([]byte, min(s.off+recordHeaderSize, size)-last)
	record := b[:min(s.off-last, int64(len(b)))] // the file may end within its padding
	if n, err := s.file.ReadAt(record, last); n < len(record) {
		return err
	}
	if len(b) == 0 {
		return nil
	}
	_, err := s.file.WriteAt(b, last)
	return err
}

// lastRecord is seg's last record, with a header's room, and its sequence; or
// nil and the sequence that is next.
func (j *journal) lastRecord(seg *foundSegment) (rec []byte, sequence uint64, err error) {
	if seg.end == seg.last {
		return nil, seg.next, nil
	}
	w, closeFile, err := j.window(seg.name)
	if err != nil {
		return nil, 0, err
	}
	defer closeFile()
	payload, err := w.record(seg.header.seed(), seg.last, seg.next-1)
	if err == nil && payload == nil {
		err = corrupt(seg.name, seg.last, "record has changed since it was read")
	}
	return append(make([]byte, recordHeaderSize, recordHeaderSize+len(payload)), payload...), seg.next - 1, err
}
