//go:build !wasm

package l3bolt

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/stratakv/strata/internal/failpoint"
	"github.com/stratakv/strata/tiered/tier"
)

// journal is the log of groups, in segments of preallocated room. What stock
// keeps for the next segments is why a write seldom waits for more than its own
// fdatasync.
//
// Invariants:
//
//	J1  Sequence numbers have no gap, over all segments and reopenings.
//	J2  At most one record is not synced: the last one. The next is appended, to
//	    the next segment too, only after its fdatasync succeeded.
//	J3  A record that was refused is cut off, or its header wiped, and that is
//	    synced before the refusal is returned; else the journal is broken and
//	    the outcome unknown.
//	J4  A segment appears under its name only with its header complete and
//	    synced; its name is durable before anything rests on its records. Until
//	    then its file has a temporary name, which means nothing.
//	J5  Each opening writes the last record again, in place or into the next
//	    segment, wipes the place behind it, and syncs both before its first
//	    answer: what replay read there may have come from a page cache that
//	    never reached the disk (J2). For the same reason a segment without a
//	    record loses its name, durably. A segment ends where the next one that
//	    has a record begins: what it has at or behind that sequence is void.
//	J6  A segment leaves the journal only when bbolt's committed position has
//	    reached its last record. Its file becomes the spare, if that is lent; is
//	    kept, as it is, to make a later segment of; or is removed. Nothing is
//	    written into it before its new name is durable.
//	J7  No sync is ever repeated: after a failed one the journal is broken for
//	    good, whoever made it.
//	J8  The spare becomes a segment only for a group with Reserve, or when
//	    bbolt has all of the current one, whose room then becomes the spare; a
//	    group without Reserve is appended only while the spare is whole (P2).
//	J9  What a file held when it was another segment is void: records are salted
//	    with their segment's number and a random salt, and no old one has a
//	    sequence that could come next or later.
//	J10 Segments get records in the order of their numbers. One segment is made
//	    at a time, and one at most is ready ahead. None is made ahead while the
//	    spare is lent or the last checkpoint found no room.
//
// append and close are the committer's; trim and shrink may run beside them.
type journal struct {
	fs           FS
	dir          string
	store        [16]byte
	segmentBytes int64
	spare        *spare // its next segment, where the disk has no room for one
	stock        stock

	// The committer's alone.
	cur   *segment // nil: there is none, and was no room for one
	next  uint64   // sequence of the next record
	buf   []byte   // of the last record, reused
	asked bool     // for the segment after cur, ahead

	// broken is the first fatal fault, set by whoever meets it.
	broken atomic.Pointer[fault]

	mu       sync.Mutex
	full     []fullSegment // guarded by mu: closed segments in ascending order
	position uint64        // guarded by mu: what trim was last told
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
	room   int64 // the size at which it is full
	fixed  bool  // it was the spare: there may be no room behind room
}

// takes reports whether a record of size bytes may go into the segment.
func (s *segment) takes(size int64) bool {
	return s.off+size <= s.room || !s.fixed && s.off == segmentHeaderSize
}

func newJournal(fs FS, dir string, store [16]byte, o *Options) *journal {
	return &journal{
		fs: fs, dir: dir, store: store, segmentBytes: o.SegmentBytes,
		spare: newSpare(fs, dir, o.SpareBytes/2), stock: newStock(o),
	}
}

// keptBuffer is the largest record buffer that is kept for the next group.
const keptBuffer = 4 << 20

// append makes g durable and returns the bytes that it takes. Its errors are
// those of tier.Durable's Commit; nothing is retried but what found the disk
// full, once, in the next segment.
func (j *journal) append(g *tier.Group) (int64, error) {
	if f := j.broken.Load(); f != nil {
		return 0, fmt.Errorf("%w: %w", tier.ErrUnavailable, f)
	}
	rec := appendGroup(append(j.buf[:0], make([]byte, recordHeaderSize)...), g)
	size := recordSize(int64(len(rec) - recordHeaderSize))
	if err := j.fit(g, size); err != nil {
		return 0, err
	}
	err := j.write(rec)
	if j.broken.Load() == nil && errors.Is(err, tier.ErrFull) && (g.Reserve || j.stale()) {
		if err = j.advance(g, size); err == nil {
			err = j.write(rec)
		}
	}
	if err != nil {
		return 0, err
	}
	failpoint.Pass("l3bolt-appended")
	if err := j.cur.file.Datasync(); err != nil {
		return 0, j.fatal(tier.ErrUnknownOutcome, "fdatasync", err)
	}
	j.cur.off += size
	j.next++
	if !j.asked && j.cur.off > j.cur.room/2 {
		j.asked = true
		j.stock.ask()
	}
	return size, nil
}

// fit sees to it that the current segment takes a record of size bytes.
func (j *journal) fit(g *tier.Group, size int64) error {
	s := j.cur
	if s == nil || !s.takes(size) {
		return j.advance(g, size)
	}
	if s.fixed && len(g.Changes) == 0 && s.off+size > s.room/2 && j.spare.lent() {
		// Stamps of an idle store would use it up.
		return failed(tier.ErrFull, "append to", s.name, errKeptBack)
	}
	return nil
}

var errKeptBack = errors.New("what room is left is for groups that free some")

// advance goes on in the next segment, for a record of size bytes: the one that
// is ready, or one made now; where the disk has no room for one, out of the
// spare, if J8 allows it.
func (j *journal) advance(g *tier.Group, size int64) error {
	j.stock.lock()
	defer j.stock.making.Unlock()
	if seg := j.takeReady(size); seg != nil {
		j.follow(seg)
		return nil
	}
	err := j.rotate(j.begin(size))
	if j.broken.Load() != nil || !errors.Is(err, tier.ErrFull) || (!g.Reserve && !j.stale()) {
		return err
	}
	d, spareErr := j.beginSpare(size)
	if d == nil && spareErr == nil {
		return err
	}
	if err := j.rotate(d, spareErr); err != nil {
		return err
	}
	if g.Reserve {
		return nil
	}
	return j.spare.claim()
}

// stale reports whether bbolt has all that the journal holds.
func (j *journal) stale() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.position >= j.next-1
}

// rotate makes d the current segment. When it fails the current one stays as
// it was, or the journal is broken. making is held.
func (j *journal) rotate(d *draft, err error) error {
	if err != nil {
		return err
	}
	seg, err := d.finish()
	if err != nil {
		return err
	}
	j.follow(seg)
	return nil
}

// follow makes seg the current segment.
func (j *journal) follow(seg *segment) {
	old := j.cur
	j.cur, j.asked = seg, false
	if old == nil {
		return
	}
	// All of its records are synced (J2): nothing can fail in closing it that
	// would matter.
	_ = old.file.Close()
	j.mu.Lock()
	j.full = append(j.full, fullSegment{name: old.name, last: j.next - 1})
	j.mu.Unlock()
	if j.spare.lent() { // else trim sees to it, after the next checkpoint
		j.release()
	}
}

// fatal breaks the journal.
func (j *journal) fatal(sentinel error, op string, cause error) error {
	return j.breakBy(sentinel, &fault{op, j.cur.name, cause})
}

func (j *journal) breakBy(sentinel error, f *fault) error {
	j.broken.CompareAndSwap(nil, f)
	return fmt.Errorf("%w: %w", sentinel, f)
}

// write seals rec, a header's room and a payload, and puts it at the current
// offset, without syncing it. When it fails nothing of rec can be replayed (J3).
func (j *journal) write(rec []byte) error {
	rec = sealRecord(j.cur.seed, j.next, rec)
	if cap(rec) <= keptBuffer {
		j.buf = rec
	}
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
// given back with it, and later records extend the file; but a segment that was
// the spare keeps its room, and zeros end it.
func (j *journal) cut() error {
	s := j.cur
	if s.fixed {
		if _, err := s.file.WriteAt(make([]byte, recordHeaderSize), s.off); err == nil {
			return s.file.Sync()
		}
	}
	if err := s.file.Truncate(s.off); err != nil {
		return err
	}
	return s.file.Sync()
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

// close releases the journal. With clean, all of it is in bbolt, and its
// segments are removed, or become the spare, the last one last.
func (j *journal) close(clean bool) error {
	j.stock.end()
	if j.stock.ready != nil {
		_ = j.stock.ready.file.Close() // it holds nothing
	}
	var err error
	if j.cur != nil {
		err = j.cur.file.Close()
	}
	if !clean {
		return err
	}
	return errors.Join(err, j.clear())
}

// clear takes all segments away.
func (j *journal) clear() error {
	j.trim(j.next - 1)
	j.stock.old = append(j.stock.old, j.names()...)
	for _, name := range j.stock.old {
		if j.spare.adopt(name) {
			continue
		}
		if err := j.remove(name); err != nil {
			return err
		}
	}
	return j.fs.SyncDir(j.dir)
}

// names are those of the segments that are not full: the current one last.
func (j *journal) names() []string {
	var names []string
	for _, s := range []*segment{j.stock.ready, j.cur} {
		if s != nil {
			names = append(names, s.name)
		}
	}
	return names
}
