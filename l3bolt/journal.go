//go:build !wasm

package l3bolt

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/stratakv/strata/internal/failpoint"
	"github.com/stratakv/strata/tiered/tier"
)

// journal is the log of groups, in segments of preallocated room.
//
// Invariants:
//
//	J1  Sequence numbers have no gap, over all segments and reopenings.
//	J2  At most one record is not synced: the last one. The next is appended,
//	    and the next segment begun, only after its fdatasync succeeded.
//	J3  A record that was refused is cut off and the cut synced before the
//	    refusal is returned; else the journal is broken and the outcome unknown.
//	J4  A segment appears under its name only with its header complete and
//	    synced; its name is durable before its first record is written.
//	J5  A base segment begins right behind bbolt's position, or before, and
//	    stands for all segments with lower numbers, whether they are still
//	    there or not. Each opening writes one: what replay read back may have
//	    come from a page cache that never reached the disk.
//	J6  A segment is removed only when bbolt's committed position has reached
//	    its last record, or when a durable base segment stands for it.
//	J7  No sync is ever repeated: after a failed one the journal is broken for
//	    good.
//
// append and close are the committer's; trim may run beside them.
type journal struct {
	fs           FS
	dir          string
	store        [16]byte
	segmentBytes int64
	room         func() bool // frees the spare; false if there was none

	// The committer's alone.
	cur    *segment
	next   uint64 // sequence of the next record
	buf    []byte // of the last record, reused
	broken *fault // the first fatal one

	mu   sync.Mutex
	full []fullSegment // guarded by mu: closed segments in ascending order
}

// fullSegment is a segment that gets no more records.
type fullSegment struct {
	name string
	last uint64 // its last sequence
}

// segment is the file that records are appended to.
type segment struct {
	file   File
	name   string // its final one
	seed   uint32
	number uint64
	off    int64 // where the next record goes
}

// keptBuffer is the largest record buffer that is kept for the next group.
const keptBuffer = 4 << 20

// append makes g durable and returns the bytes that it takes. Its errors are
// those of tier.Durable's Commit; nothing is retried but what found the disk
// full while reserve lets it have the spare's room.
func (j *journal) append(g *tier.Group) (int64, error) {
	if j.broken != nil {
		return 0, fmt.Errorf("%w: %w", tier.ErrUnavailable, j.broken)
	}
	rec := appendGroup(append(j.buf[:0], make([]byte, recordHeaderSize)...), g)
	size := recordSize(int64(len(rec) - recordHeaderSize))
	if j.cur.off > segmentHeaderSize && j.cur.off+size > j.segmentBytes {
		if err := j.withRoom(g.Reserve, func() error { return j.rotate(size) }); err != nil {
			return 0, err
		}
	}
	rec = sealRecord(j.cur.seed, j.next, rec)
	if cap(rec) <= keptBuffer {
		j.buf = rec
	}
	if err := j.withRoom(g.Reserve, func() error { return j.write(rec) }); err != nil {
		return 0, err
	}
	failpoint.Pass("l3bolt-appended")
	if err := j.cur.file.Datasync(); err != nil {
		return 0, j.fatal(tier.ErrUnknownOutcome, "fdatasync", err)
	}
	j.cur.off += size
	j.next++
	return size, nil
}

// withRoom runs step, again after the spare has made room for it.
func (j *journal) withRoom(reserve bool, step func() error) error {
	for {
		err := step()
		if err == nil || !reserve || j.broken != nil || !errors.Is(err, tier.ErrFull) || !j.room() {
			return err
		}
	}
}

// fatal breaks the journal.
func (j *journal) fatal(sentinel error, op string, cause error) error {
	return j.breakBy(sentinel, &fault{op, j.cur.name, cause})
}

func (j *journal) breakBy(sentinel error, f *fault) error {
	if j.broken == nil {
		j.broken = f
	}
	return fmt.Errorf("%w: %w", sentinel, f)
}

// write puts rec at the current offset, without syncing it. When it fails
// nothing of rec can be replayed (J3).
func (j *journal) write(rec []byte) error {
	n, err := j.cur.file.WriteAt(rec, j.cur.off)
	if err == nil && n < len(rec) {
		err = io.ErrShortWrite
	}
	if err == nil {
		return nil
	}
	if cutErr := j.cut(); cutErr != nil {
		return j.fatal(tier.ErrUnknownOutcome, "cut off a refused record in", errors.Join(err, cutErr))
	}
	if isFull(err) {
		return failed(tier.ErrFull, "append to", j.cur.name, err)
	}
	// A device that fails to take a write may have failed to keep others.
	return j.fatal(tier.ErrUnavailable, "append to", err)
}

// cut ends the segment at the current offset, durably. The room behind it is
// given back with it; later records extend the file.
func (j *journal) cut() error {
	if err := j.cur.file.Truncate(j.cur.off); err != nil {
		return err
	}
	return j.cur.file.Sync()
}

// rotate begins the next segment, with room for a record of need bytes at
// least. When it fails the current segment stays as it was.
func (j *journal) rotate(need int64) error {
	w, err := j.begin(j.cur.number+1, j.next, false, need)
	if err != nil {
		return err
	}
	seg, err := w.finish()
	if err != nil {
		return err
	}
	old := j.cur
	j.cur = seg
	// All of its records are synced (J2): nothing can fail in closing it that
	// would matter.
	_ = old.file.Close()
	j.mu.Lock()
	j.full = append(j.full, fullSegment{name: old.name, last: j.next - 1})
	j.mu.Unlock()
	return nil
}

// draft is a segment that is being written under its temporary name.
type draft struct {
	j   *journal
	seg *segment
}

// begin creates a segment under its temporary name and writes its header.
func (j *journal) begin(number, first uint64, base bool, need int64) (*draft, error) {
	var salt [8]byte
	// crypto/rand.Read never fails.
	_, _ = rand.Read(salt[:])
	h := segmentHeader{base: base, store: j.store, number: number, salt: binary.LittleEndian.Uint64(salt[:]), first: first}
	name := filepath.Join(j.dir, segmentName(number))
	f, err := j.fs.OpenFile(name+tempSuffix, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return nil, j.refused("create", name, err)
	}
	d := &draft{j: j, seg: &segment{file: f, name: name, seed: h.seed(), number: number, off: segmentHeaderSize}}
	if err := d.preallocate(need); err != nil {
		d.drop()
		return nil, j.refused("preallocate", name, err)
	}
	if err := d.write(h.encode(), 0); err != nil {
		d.drop()
		return nil, j.refused("write", name, err)
	}
	return d, nil
}

// preallocate reserves a whole segment, or just what the next record needs
// where there is no room for more.
func (d *draft) preallocate(need int64) error {
	const grain = 64 << 10
	least := (segmentHeaderSize + need + grain - 1) / grain * grain
	want := max(d.j.segmentBytes, least)
	err := d.seg.file.Preallocate(want)
	if isFull(err) && least < want {
		err = d.seg.file.Preallocate(least)
	}
	return err
}

func (d *draft) write(b []byte, off int64) error {
	n, err := d.seg.file.WriteAt(b, off)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}

// add appends one record with a copy of payload; for replay. A write that
// found the disk full may be tried again.
func (d *draft) add(sequence uint64, payload []byte) error {
	rec := append(append(d.j.buf[:0], make([]byte, recordHeaderSize)...), payload...)
	rec = sealRecord(d.seg.seed, sequence, rec)
	if cap(rec) <= keptBuffer {
		d.j.buf = rec
	}
	if err := d.write(rec, d.seg.off); err != nil {
		return cannot("write", d.seg.name, err)
	}
	d.seg.off += int64(len(rec))
	return nil
}

// finish gives the segment its name, durably, and returns it ready for
// records (J4). It is closed meanwhile, for systems that do not rename open
// files.
func (d *draft) finish() (*segment, error) {
	name := d.seg.name
	if err := d.seg.file.Sync(); err != nil {
		d.drop()
		return nil, d.j.stop("sync", name, err)
	}
	if err := d.seg.file.Close(); err != nil {
		return nil, d.j.stop("close", name, err)
	}
	if err := d.j.fs.Rename(name+tempSuffix, name); err != nil {
		return nil, d.j.refused("rename", name, err)
	}
	if err := d.j.fs.SyncDir(d.j.dir); err != nil {
		return nil, d.j.stop("sync directory of", name, err)
	}
	f, err := d.j.fs.OpenFile(name, os.O_RDWR)
	if err != nil {
		return nil, d.j.stop("open", name, err)
	}
	d.seg.file = f
	return d.seg, nil
}

// drop gives the draft up. What is left of it is removed at the next opening.
func (d *draft) drop() {
	_ = d.seg.file.Close()
	_ = d.j.fs.Remove(d.seg.name + tempSuffix)
}

// refused classifies a fault before anything of a group was written: a full
// disk may have room later, anything else breaks the journal.
func (j *journal) refused(op, name string, cause error) error {
	if isFull(cause) {
		return failed(tier.ErrFull, op, name, cause)
	}
	return j.stop(op, name, cause)
}

// stop breaks the journal by a fault that left no outcome unknown.
func (j *journal) stop(op, name string, cause error) error {
	return j.breakBy(tier.ErrUnavailable, &fault{op, name, cause})
}

// trim removes the full segments that end at or before position (J6). One
// that cannot be removed now is tried again by the next trim.
func (j *journal) trim(position uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.full) > 0 && j.full[0].last <= position {
		if err := j.fs.Remove(j.full[0].name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return
		}
		j.full = j.full[1:]
	}
}

// close releases the journal. With clean, all of it is in bbolt, and its
// segments are removed, the last one last.
func (j *journal) close(clean bool) error {
	if j.cur == nil {
		return nil
	}
	err := j.cur.file.Close()
	if !clean {
		return err
	}
	j.trim(j.next - 1)
	if err := j.fs.Remove(j.cur.name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", j.cur.name, err)
	}
	return j.fs.SyncDir(j.dir)
}
