//go:build !wasm

package l3bolt_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/l3bolt/faultfs"
	"github.com/stratakv/strata/tiered/tier"
)

// creations counts the segments that are made of new files.
type creations struct {
	*faultfs.FS
	n atomic.Int64
}

func (c *creations) OpenFile(name string, flag int) (l3bolt.File, error) {
	if flag&os.O_CREATE != 0 && strings.HasSuffix(name, ".log.tmp") {
		c.n.Add(1)
	}
	return c.FS.OpenFile(name, flag)
}

// small has segments of 4 KiB, of which three are kept.
var small = l3bolt.Options{SegmentBytes: 4 << 10, CheckpointBytes: 8 << 10, SpareBytes: -1}

// TestSegmentsAreRecycled: once there are enough files, no more are made; and
// what is kept of them is bounded (P10).
func TestSegmentsAreRecycled(t *testing.T) {
	dir := memoryDir(t)
	fs := &creations{FS: faultfs.New(dir)}
	mk, m := newMaker(t, 40), emptyModel()
	db := mustOpen(t, dir, small, fs)
	names := map[string]bool{}
	most := 0
	for i := range 1500 {
		g, after := mk.one(m, fmt.Sprintf("key%d", i%30), noise(mk, 200), 0)
		mustCommit(t, db, g)
		m = after
		now := segments(t, fs.FS, dir)
		most = max(most, len(now))
		for _, name := range now {
			names[name] = true
		}
	}
	made := fs.n.Load()
	if made > 30 || len(names) < 80 {
		t.Errorf("%d files were made for %d segments, want a few for many", made, len(names))
	}
	// Two in active, two in frozen, each begun and ended within others; three
	// kept, one ready.
	if most > 10 {
		t.Errorf("there were up to %d files, want 10 at most", most)
	}
	if err := db.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	if kept := len(db.OldSegments()); kept < 1 || kept > 3 {
		t.Errorf("%d old segments are kept after a checkpoint, want 1 to 3", kept)
	}
	if err := mk.survives(t, db, dir, fs.FS, []model{m}); err != nil {
		t.Fatal(err)
	}
}

// TestCommitWaitsForNothingButItsSync when the next segment is ready: rotating
// creates, renames and allocates nothing, and syncs no directory.
func TestCommitWaitsForNothingButItsSync(t *testing.T) {
	dir := memoryDir(t)
	fs := faultfs.New(dir)
	mk, m := newMaker(t, 41), emptyModel()
	db := mustOpen(t, dir, small, fs)
	db.PreparesWhenTold()
	rotations := 0
	for range 200 {
		db.Prepare()
		before := map[faultfs.Op]int{}
		for op := faultfs.MkdirAll; op <= faultfs.Close; op++ {
			before[op] = fs.Calls(op)
		}
		db.Paused(func() {
			g, after := mk.one(m, "key", noise(mk, 500), 0)
			mustCommit(t, db, g)
			m = after
		})
		for op, n := range before {
			got := fs.Calls(op) - n
			switch op {
			case faultfs.WriteAt, faultfs.Datasync:
				if got != 1 {
					t.Fatalf("a commit made %d calls of %v, want 1", got, op)
				}
			case faultfs.Close:
				rotations += got
			default:
				if got != 0 {
					t.Fatalf("a commit made %d calls of %v, want none", got, op)
				}
			}
		}
		if err := db.Checkpoint(); err != nil {
			t.Fatal(err)
		}
	}
	if rotations < 20 {
		t.Errorf("%d rotations, want some", rotations)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRecyclingFailsAnywhere makes each call of the file system fail while the
// next segments are made ahead of old ones and used: what Commit answers is
// what a kill and power cuts show.
func TestRecyclingFailsAnywhere(t *testing.T) {
	next := numbered(memoryDir(t))
	answers := map[string]int{}
	for call := 1; ; call++ {
		reached := false
		for _, f := range []faultfs.Fault{
			{Err: syscall.EIO}, {Err: syscall.EIO, After: true}, {Err: syscall.EIO, Bytes: 40, Lasting: true},
			{Err: syscall.ENOSPC}, {Err: syscall.ENOSPC, After: true}, {Err: syscall.ENOSPC, Bytes: 40, Lasting: true},
		} {
			f.Call = call
			dir := next()
			came, err := recycleWithFault(t, dir, f, answers)
			if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
				t.Fatalf("%+v: %v", f, err)
			}
			reached = reached || came
		}
		if !reached {
			t.Logf("%d calls, answers %v", call-1, answers)
			break
		}
	}
	for _, answer := range []error{tier.ErrFull, tier.ErrUnknownOutcome, tier.ErrUnavailable} {
		if answers[answer.Error()] == 0 {
			t.Errorf("no fault led to %v", answer)
		}
	}
}

func recycleWithFault(t *testing.T, dir string, f faultfs.Fault, answers map[string]int) (came bool, err error) {
	mk, m := newMaker(t, 42), emptyModel()
	fs := faultfs.New(dir)
	opts := small
	opts.CheckpointBytes = 40 << 10 // none by itself
	opts.SegmentBytes = 8 << 10
	db := mustOpen(t, dir, opts, fs)
	for range 30 {
		g, after := mk.one(m, "key", noise(mk, 1000), 0)
		mustCommit(t, db, g)
		m = after
		db.Prepare()
	}
	if err := db.Checkpoint(); err != nil {
		return false, err
	}
	if len(db.OldSegments()) < 3 {
		return false, fmt.Errorf("old segments: got %v, want three", db.OldSegments())
	}
	before := fs.Calls(faultfs.Any)
	fs.Inject(f)
	possible := []model{m}
	for i := range 12 {
		db.Prepare()
		g, after := mk.one(m, fmt.Sprint("key", i), noise(mk, 1200+i), 0)
		err := db.Commit(g)
		if err == nil {
			m, possible = after, []model{after}
			continue
		}
		answer := answerOf(err)
		answers[answer.Error()]++
		switch answer {
		case tier.ErrFull:
			continue
		case tier.ErrUnknownOutcome:
			possible = []model{m, after}
		}
		if err := mk.broken(db, m); err != nil {
			return false, err
		}
		break
	}
	came = fs.Calls(faultfs.Any)-before >= f.Call
	fs.Heal()
	return came, mk.survives(t, db, dir, fs, possible)
}

// TestSegmentsWaitForTheirCheckpoint: what was committed beside a checkpoint is in
// the journal alone, and its segments are not made new by what follows (J6).
func TestSegmentsWaitForTheirCheckpoint(t *testing.T) {
	opts := still
	opts.SegmentBytes = small.SegmentBytes
	dir := memoryDir(t)
	fs, mk := faultfs.New(dir), newMaker(t, 46)
	m, keys := emptyModel(), 0
	db := mustOpen(t, dir, opts, fs)
	more := func(groups int) {
		for range groups {
			g, after := mk.one(m, fmt.Sprint("key", keys), noise(mk, 1000), 0)
			mustCommit(t, db, g)
			db.Prepare()
			m, keys = after, keys+1
		}
	}
	more(30)
	for err := range db.CheckpointSteps(10) {
		if err != nil {
			t.Fatal(err)
		}
		more(10)
	}
	kept := len(db.OldSegments())
	more(60)
	if kept == 0 || len(db.OldSegments()) > 0 {
		t.Errorf("of %d segments that were kept to be made new, %d are left", kept, len(db.OldSegments()))
	}
	if err := mk.survives(t, db, dir, fs, []model{m}); err != nil {
		t.Fatal(err)
	}
}

// TestFailedSyncAheadEndsWriting, as any other does (J7); one that finds the
// disk full only means that the segment is made when it is needed.
func TestFailedSyncAheadEndsWriting(t *testing.T) {
	for name, c := range map[string]struct {
		fault faultfs.Fault
		want  error
	}{
		"directory": {faultfs.Fault{Op: faultfs.SyncDir, Call: 1, Err: syscall.EIO}, tier.ErrUnavailable},
		"header":    {faultfs.Fault{Op: faultfs.Sync, Call: 1, Err: syscall.EIO}, tier.ErrUnavailable},
		"zeros":     {faultfs.Fault{Op: faultfs.WriteAt, Call: 1, Err: syscall.EIO}, tier.ErrUnavailable},
		"no room":   {faultfs.Fault{Op: faultfs.Preallocate, Call: 1, Err: syscall.ENOSPC}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := memoryDir(t)
			fs, mk := faultfs.New(dir), newMaker(t, 45)
			db := mustOpen(t, dir, still, fs)
			g, m := mk.one(emptyModel(), "key", "first", 0)
			mustCommit(t, db, g)
			fs.Inject(c.fault)
			db.Prepare()
			g, after := mk.one(m, "key", "second", 0)
			err := db.Commit(g)
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v from the next commit, want %v", err, c.want)
			}
			if err == nil {
				m = after
			} else if err := mk.broken(db, m); err != nil {
				t.Fatal(err)
			}
			if err := mk.survives(t, db, dir, fs, []model{m}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestFullDiskSpareComesFirst: what a checkpoint frees becomes the spare again
// before it is kept for later segments, and nothing is made ahead meanwhile
// (J6, J10).
func TestFullDiskSpareComesFirst(t *testing.T) {
	opts := scarce
	opts.CheckpointBytes = 64 << 10
	f := newFull(t, opts)
	f.db.Paused(func() {
		f.fillUp()
		f.mustFree("full")
		for f.spare() != nil {
			f.mustFree("full")
		}
		f.fs.SetRoom(f.fs.Used() + 64<<10) // somebody else has given some back
		f.db.Prepare()
		if name := f.db.ReadySegment(); name != "" {
			t.Errorf("%s was made ahead while the spare is lent", name)
		}
		f.fs.FillUp()
	})
	if err := f.db.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	if f.spare() == nil {
		t.Error("the spare did not come back")
	}
	f.same()
	if err := f.db.Close(); err != nil {
		t.Fatal(err)
	}
	if names := segments(t, f.fs, f.dir); !slices.Equal(names, []string{filepath.Join(f.dir, "journal", "spare")}) {
		t.Errorf("after Close there are %v, want the spare alone", names)
	}
}
