//go:build !wasm

package l3bolt_test

import (
	"bytes"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/stratakv/strata/l3bolt/faultfs"
	"github.com/stratakv/strata/tiered/tier"
)

// more adds a group of several sectors to the recording; its Datasync may fail.
func (r *recording) more(t testing.TB, syncs bool) {
	t.Helper()
	db := mustOpen(t, r.dir, still, r.fs)
	g, after := r.mk.one(r.last(), "large", noise(r.mk, 3000), 0)
	if !syncs {
		r.fs.Inject(faultfs.Fault{Op: faultfs.Datasync, Call: 1, Err: syscall.EIO})
	}
	if err := db.Commit(g); (err == nil) != syncs {
		t.Fatalf("got %v from a commit that syncs: %t", err, syncs)
	}
	if err := db.Crash(); err != nil {
		t.Fatal(err)
	}
	r.fs.Heal()
	r.models = append(r.models, after)
}

// staysSo opens the recording, which must show want, now and after any power
// cut that follows.
func (r *recording) staysSo(t *testing.T, want model) {
	t.Helper()
	db := mustOpen(t, r.dir, still, r.fs)
	r.mk.reopened(t, db, want)
	if err := db.Crash(); err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(50) {
		db := mustOpen(t, r.dir, still, r.fs.PowerCut(r.dir, seed))
		r.mk.reopened(t, db, want)
		if err := db.Crash(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWhatOpeningShowsIsDurable: of the last group the page cache may have what
// the disk has not, because its sync failed.
func TestWhatOpeningShowsIsDurable(t *testing.T) {
	for name, faults := range map[string][]faultfs.Fault{
		"in place":          nil,
		"in a new segment":  {{Op: faultfs.WriteAt, Call: 1, Err: syscall.ENOSPC}},
		"torn in its place": {{Op: faultfs.WriteAt, Call: 1, Err: syscall.EFBIG, Bytes: 700}},
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t)
			r.more(t, false)
			for _, f := range faults {
				r.fs.Inject(f)
			}
			r.staysSo(t, r.last())
		})
	}
}

// TestWhatOpeningReadAsTornStaysTorn, though the disk has it whole: the cache
// and the disk differ after a sync that failed.
func TestWhatOpeningReadAsTornStaysTorn(t *testing.T) {
	r := record(t)
	r.more(t, true)
	f, err := r.fs.OpenFile(r.segment, os.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("torn"), int64(r.starts[3])+2000); err != nil {
		t.Fatal(err)
	}
	r.fs.Inject(faultfs.Fault{Op: faultfs.Sync, Call: 1, Err: syscall.EIO})
	if err := f.Sync(); err == nil {
		t.Fatal("the sync did not fail")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	r.staysSo(t, r.models[3])
}

// TestSegmentEndsWhereTheNextBegins: an opening that could not write into the
// last segment went on in another one. If the torn group comes back in the old
// one, it is not taken for the one that has its place now.
func TestSegmentEndsWhereTheNextBegins(t *testing.T) {
	r := record(t)
	whole := r.fs.ReadFile(r.segment)
	r.fs.WriteFile(r.segment, whole[:r.starts[2]+8])
	r.fs.Inject(faultfs.Fault{Op: faultfs.WriteAt, Call: 1, Err: syscall.ENOSPC})
	db := mustOpen(t, r.dir, still, r.fs)
	g, m := r.mk.one(r.models[2], "another", "third group", 0)
	mustCommit(t, db, g)
	if err := db.Crash(); err != nil {
		t.Fatal(err)
	}
	if n := len(segments(t, r.fs, r.dir)); n != 2 {
		t.Fatalf("got %d segments, want 2", n)
	}
	r.fs.WriteFile(r.segment, whole)
	db = mustOpen(t, r.dir, still, r.fs)
	r.mk.reopened(t, db, m)
	if err := db.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	if old := db.OldSegments(); !slices.Equal(old, []string{r.segment}) {
		t.Errorf("after a checkpoint files of %v are kept, want the old segment's", old)
	}
	r.mk.same(t, db, m)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRefusedRotationLosesNothing: the next segment got its name, but the
// rename said that it did not, so that the current one goes on.
func TestRefusedRotationLosesNothing(t *testing.T) {
	dir := memoryDir(t)
	fs, mk := faultfs.New(dir), newMaker(t, 24)
	opts := still
	opts.SegmentBytes = 600
	db := mustOpen(t, dir, opts, fs)
	g, m := mk.one(emptyModel(), "key", "first", 0)
	mustCommit(t, db, g)
	fs.Inject(faultfs.Fault{Op: faultfs.Rename, Call: 1, Err: syscall.ENOSPC, After: true})
	g, _ = mk.one(m, "key", noise(mk, 1000), 0)
	if err := db.Commit(g); answerOf(err) != tier.ErrFull {
		t.Fatalf("a group that needs the next segment: got %v, want ErrFull", err)
	}
	g, m = mk.one(m, "key", "small", 0)
	mustCommit(t, db, g)
	if err := mk.survives(t, db, dir, fs, []model{m}); err != nil {
		t.Fatal(err)
	}
}

// TestOpeningWritesLittle: of a long journal only the last group is written
// again, and none of it without need of room.
func TestOpeningWritesLittle(t *testing.T) {
	r := record(t)
	r.more(t, true)
	before := r.fs.ReadFile(r.segment)
	r.fs.FillUp()
	db := mustOpen(t, r.dir, still, r.fs)
	r.mk.reopened(t, db, r.last())
	if after := r.fs.ReadFile(r.segment); !bytes.Equal(after, before) {
		t.Error("opening changed the segment's bytes, want the same written again")
	}
	if err := db.Crash(); err != nil {
		t.Fatal(err)
	}
}
