//go:build !wasm

package l3bolt_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/l3bolt/faultfs"
	"github.com/stratakv/strata/tiered/tier"
)

// TestCommitFailsAnywhere makes each call of the file system fail, in each
// way, while groups are committed and segments rotate. What Commit answers is
// what a kill and a power cut show afterwards.
func TestCommitFailsAnywhere(t *testing.T) {
	base := memoryDir(t)
	next := numbered(base)
	hits := map[string]int{}
	for call := 1; ; call++ {
		reached := false
		for _, f := range commitFaults() {
			f.Call = call
			dir := next()
			if err := commitWithFault(t, dir, f, hits, &reached); err != nil {
				t.Fatalf("%+v: %v", f, err)
			}
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
		if !reached {
			t.Logf("%d calls, answers %v", call-1, hits)
			break
		}
	}
	for _, answer := range []error{tier.ErrFull, tier.ErrUnknownOutcome, tier.ErrUnavailable} {
		if hits[answer.Error()] == 0 {
			t.Errorf("no fault led to %v", answer)
		}
	}
}

// commitFaults: how far a call gets matters with each meaning of an error, full
// or broken; the other errors that mean full get one way each.
func commitFaults() []faultfs.Fault {
	faults := []faultfs.Fault{{Err: syscall.EFBIG, Bytes: 40}, {Err: syscall.EDQUOT, Bytes: 8}}
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EIO} {
		for _, n := range []int{0, 8, 40, 1 << 20} {
			faults = append(faults, faultfs.Fault{Err: errno, Bytes: n})
		}
		faults = append(faults, faultfs.Fault{Err: errno, After: true}, faultfs.Fault{Err: errno, Bytes: 30, Lasting: true})
	}
	return faults
}

// commitWithFault commits six groups into a new store. reached says whether
// the fault's call came.
func commitWithFault(t *testing.T, dir string, f faultfs.Fault, hits map[string]int, reached *bool) error {
	t.Helper()
	mk, m := newMaker(t, 5), emptyModel()
	fs := faultfs.New(dir)
	opts := still
	opts.SegmentBytes = 700
	db := mustOpen(t, dir, opts, fs)
	before := fs.Calls(faultfs.Any)
	fs.Inject(f)
	possible := []model{m}
	for i := range 6 {
		g, after := mk.one(m, fmt.Sprintf("key%d", i%4), string(make([]byte, 90*i)), int64(i))
		err := db.Commit(g)
		switch {
		case err == nil:
			m = after
			possible = []model{m}
			continue
		case !errors.Is(err, f.Err):
			return fmt.Errorf("commit: got %w, want it to wrap %v", err, f.Err)
		}
		answer := answerOf(err)
		hits[answer.Error()]++
		if answer == tier.ErrUnknownOutcome {
			possible = []model{m, after}
		}
		if answer == tier.ErrFull {
			if err := mk.differs(db, m); err != nil {
				return err
			}
			continue
		}
		if err := mk.broken(db, m); err != nil {
			return err
		}
		break
	}
	*reached = *reached || fs.Calls(faultfs.Any)-before >= f.Call
	fs.Heal()
	return mk.survives(t, db, dir, fs, possible)
}

// answerOf is the one sentinel that err matches.
func answerOf(err error) error {
	var answers []error
	for _, sentinel := range []error{tier.ErrFull, tier.ErrUnknownOutcome, tier.ErrUnavailable} {
		if errors.Is(err, sentinel) {
			answers = append(answers, sentinel)
		}
	}
	if len(answers) != 1 {
		return fmt.Errorf("%w matches %v", err, answers)
	}
	return answers[0]
}

// survives kills db, and cuts its power in some ways: it must come back as one
// of the models, and go on from there.
func (mk *maker) survives(t *testing.T, db *l3bolt.DB, dir string, fs *faultfs.FS, possible []model) error {
	t.Helper()
	if err := db.Crash(); err != nil {
		return err
	}
	base := memoryDir(t)
	for seed := range uint64(5) {
		next := filepath.Join(base, fmt.Sprint(seed))
		copyStore(t, dir, next)
		after := fs.Kill(next)
		if seed > 0 {
			after = fs.PowerCut(next, seed)
		}
		db, err := l3bolt.Open(next, &l3bolt.Options{FS: after, SegmentBytes: still.SegmentBytes, SpareBytes: -1})
		if err != nil {
			return err
		}
		m, err := mk.whichOf(db, possible)
		if err != nil {
			return errors.Join(err, db.Crash())
		}
		g, m := mk.one(m, "more", "value", 0)
		mustCommit(t, db, g)
		mk.same(t, db, m)
		if err := errors.Join(db.Close(), os.RemoveAll(next)); err != nil {
			return err
		}
	}
	return nil
}

// TestRefusedGroupNeverShows even if all of its bytes reached the disk: the
// write said ENOSPC, and the cut that followed failed, too.
func TestRefusedGroupNeverShows(t *testing.T) {
	for name, c := range map[string]struct {
		second faultfs.Fault
		want   error
	}{
		"cut":                 {faultfs.Fault{}, tier.ErrFull},
		"cut fails":           {faultfs.Fault{Op: faultfs.Truncate, Call: 1, Err: syscall.EIO}, tier.ErrUnknownOutcome},
		"sync of a cut fails": {faultfs.Fault{Op: faultfs.Sync, Call: 1, Err: syscall.ENOSPC}, tier.ErrUnknownOutcome},
	} {
		t.Run(name, func(t *testing.T) {
			dir := memoryDir(t)
			fs := faultfs.New(dir)
			mk := newMaker(t, 6)
			db := mustOpen(t, dir, still, fs)
			g, m := mk.one(emptyModel(), "k", "v", 0)
			mustCommit(t, db, g)
			fs.Inject(faultfs.Fault{Op: faultfs.WriteAt, Call: 1, Err: syscall.ENOSPC, After: true})
			if c.second.Err != nil {
				fs.Inject(c.second)
			}
			g, after := mk.one(m, "k", "refused", 0)
			err := db.Commit(g)
			if answerOf(err) != c.want {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			possible := []model{m}
			if c.want == tier.ErrUnknownOutcome {
				possible = append(possible, after)
			}
			fs.Heal()
			if err := mk.survives(t, db, dir, fs, possible); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestFailedSyncIsNeverRepeated, and ends all writing: Close writes nothing.
func TestFailedSyncIsNeverRepeated(t *testing.T) {
	dir := memoryDir(t)
	fs := faultfs.New(dir)
	mk := newMaker(t, 7)
	db := mustOpen(t, dir, still, fs)
	g, m := mk.one(emptyModel(), "k", "v", 0)
	mustCommit(t, db, g)
	fs.Inject(faultfs.Fault{Op: faultfs.Datasync, Call: 1, Err: syscall.ENOSPC})
	g, after := mk.one(m, "k", "unknown", 0)
	if err := db.Commit(g); answerOf(err) != tier.ErrUnknownOutcome {
		t.Fatalf("got %v, want ErrUnknownOutcome", err)
	}
	if err := mk.broken(db, m); err != nil {
		t.Fatal(err)
	}
	calls := map[faultfs.Op]int{}
	for _, op := range []faultfs.Op{faultfs.Datasync, faultfs.Sync, faultfs.SyncDir, faultfs.WriteAt, faultfs.Remove} {
		calls[op] = fs.Calls(op)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for op, n := range calls {
		if got := fs.Calls(op); got != n {
			t.Errorf("%v was called %d times after the failed sync, want 0", op, got-n)
		}
	}
	db = mustOpen(t, dir, still, fs)
	defer db.Close()
	if _, err := mk.whichOf(db, []model{m, after}); err != nil {
		t.Fatal(err)
	}
}
