//go:build !wasm

package l3bolt_test

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/l3bolt/faultfs"
	"github.com/stratakv/strata/tiered/tier"
)

// life is the life of a store on a full disk, over all that becomes of the
// spare: it becomes a segment, and is made again of an older segment and of the
// current one. It ends at the first answer that ends all writing.
type life struct {
	*full
	fault   faultfs.Fault
	refused int // groups that free room
	ended   error
}

func (l *life) run() error {
	l.fs.FillUp()
	put := func() error { return l.put(fmt.Sprintf("key%d", l.n%40)) }
	free := func() error {
		err := l.free()
		if errors.Is(err, tier.ErrFull) {
			l.refused++
		}
		return err
	}
	for _, s := range []struct {
		times int
		step  func() error
	}{
		{40, put}, {6, free}, {1, l.db.Checkpoint}, {6, free}, {1, l.db.Checkpoint},
		{30, put}, {1, l.db.Checkpoint}, {100, free}, {1, l.db.Checkpoint}, {90, free},
	} {
		for range s.times {
			err := s.step()
			if errors.Is(err, tier.ErrUnknownOutcome) || errors.Is(err, tier.ErrUnavailable) {
				l.ended = err
				return nil
			}
			if err != nil && answerOf(err) != tier.ErrFull {
				return fmt.Errorf("group %d: got %w, want one of tier.Durable's", l.n, err)
			}
		}
	}
	return nil
}

// possible is what may be found afterwards.
func (l *life) possible() []model {
	if errors.Is(l.ended, tier.ErrUnknownOutcome) {
		return []model{l.m, l.after}
	}
	return []model{l.m}
}

// newLife makes a call of what follows fail; reached tells whether it came.
func newLife(t *testing.T, f faultfs.Fault) (l *life, reached func() bool) {
	l = &life{full: newFull(t, scarce), fault: f}
	before := l.fs.Calls(f.Op)
	l.fs.Inject(f)
	return l, func() bool { return l.fs.Calls(f.Op)-before >= f.Call }
}

// TestFullDiskFindsNoRoomAnywhere makes each call of the file system find no
// room, once, in the life of a store on a full disk. Nothing is lost. Only a
// failed sync, a refused record that could not be cut off, and a segment that
// could not be opened or closed may end writing; else the life goes on, and at
// most two groups that free room are refused on the way.
func TestFullDiskFindsNoRoomAnywhere(t *testing.T) {
	for op, c := range map[faultfs.Op]struct {
		stride int
		ends   bool
	}{
		faultfs.OpenFile: {1, true}, faultfs.Close: {1, true}, faultfs.Datasync: {9, true}, faultfs.Sync: {1, true},
		faultfs.SyncDir: {1, true}, faultfs.Truncate: {1, true}, faultfs.Size: {1, false}, faultfs.Preallocate: {1, false},
		faultfs.WriteAt: {3, false}, faultfs.Rename: {1, false}, faultfs.Remove: {1, false},
	} {
		t.Run(op.String(), func(t *testing.T) {
			calls, ended := 0, 0
			for call := 1; ; call += c.stride {
				f := faultfs.Fault{Op: op, Call: call, Err: []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}[call%3], Bytes: call % 50, After: call%2 == 0}
				l, reached := newLife(t, f)
				if !l.findsNoRoom(reached, c.ends) {
					break
				}
				calls++
				if l.ended != nil {
					ended++
				}
			}
			t.Logf("%d calls, of which %d ended writing", calls, ended)
			if calls == 0 {
				t.Error("no call was made to fail")
			}
		})
	}
}

// findsNoRoom is false if the fault's call did not come.
func (l *life) findsNoRoom(reached func() bool, ends bool) bool {
	l.t.Helper()
	err := l.run()
	switch {
	case err != nil:
		l.t.Fatalf("%+v: %v", l.fault, err)
	case l.ended != nil && !ends:
		l.t.Fatalf("%+v: got %v, want the store to go on", l.fault, l.ended)
	case l.refused > 2 && (l.fault.Op != faultfs.Rename || !l.fault.After): // one that is done and denied hides the room
		l.t.Fatalf("%+v: %d groups that free room were refused, want 2 at most", l.fault, l.refused)
	}
	came := reached()
	l.fs.SetRoom(-1)
	l.fs.Heal()
	if l.ended == nil {
		if err := l.put("with room"); err != nil {
			l.t.Fatalf("%+v: with room: got %v, want none", l.fault, err)
		}
	}
	if err := l.comesBack(1); err != nil {
		l.t.Fatalf("%+v: %v", l.fault, err)
	}
	return came
}

// TestPowerCutOnFullDisk cuts the power at each call in the life of a store on
// a full disk: what was acknowledged is there, the spare's changes included.
func TestPowerCutOnFullDisk(t *testing.T) {
	calls := 0
	for call := 1; ; call++ {
		f := faultfs.Fault{Call: call, Err: syscall.EIO, Bytes: call % 60, After: call%2 == 0, Lasting: true}
		l, reached := newLife(t, f)
		err := l.run()
		came := reached()
		if err == nil {
			err = l.comesBack(2)
		}
		if err != nil {
			t.Fatalf("call %d: %v", call, err)
		}
		if !came {
			break
		}
		calls++
	}
	if calls < 100 {
		t.Errorf("the power was cut at %d calls, want some hundreds", calls)
	}
}

// comesBack cuts the power of l's store in so many ways: it must come back as
// one of the models, on a disk that is as full, and take what frees room.
func (l *life) comesBack(cuts int) error {
	var errs []error
	l.db.Paused(func() {
		for i := range cuts {
			errs = append(errs, l.afterCut(fmt.Sprintf("%s-cut%d", l.dir, i), uint64(l.fault.Call*cuts+i)))
		}
	})
	if err := l.db.Crash(); err != nil && !errors.Is(err, syscall.EIO) {
		errs = append(errs, err)
	}
	return errors.Join(append(errs, os.RemoveAll(l.dir))...)
}

func (l *life) afterCut(dir string, seed uint64) error {
	copyStore(l.t, l.dir, dir)
	cut := &full{t: l.t, dir: dir, fs: l.fs.PowerCut(dir, seed), mk: l.mk}
	cut.fs.FillUp()
	opts := scarce
	opts.FS = cut.fs
	var err error
	if cut.db, err = l3bolt.Open(dir, &opts); err != nil {
		return err
	}
	cut.m, err = l.mk.whichOf(cut.db, l.possible())
	// A refused record that was cut off takes the segment's room with it.
	if err == nil && !l.fault.After {
		err = cut.free()
	}
	if err == nil {
		err = cut.mk.differs(cut.db, cut.m)
	}
	return errors.Join(err, cut.db.Crash(), os.RemoveAll(dir))
}

// TestOpeningOnFullDiskFindsNoRoomAnywhere: whichever call finds no room, a
// store on a full disk opens, as it was, and takes what frees room: in its last
// segment, which was the spare, or, closed before, in the spare.
func TestOpeningOnFullDiskFindsNoRoomAnywhere(t *testing.T) {
	for name, c := range map[string]struct {
		end func(*full) error
		ops []faultfs.Op
	}{
		// A file system that needs room to write in place may not open it.
		"killed": {func(f *full) error { return f.db.Crash() }, []faultfs.Op{faultfs.Preallocate, faultfs.Remove}},
		"closed": {func(f *full) error { return f.db.Close() }, []faultfs.Op{faultfs.Preallocate, faultfs.Remove, faultfs.Rename}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFull(t, scarce)
			f.db.Paused(func() {
				f.fillUp()
				for range 10 {
					f.mustFree("full")
				}
			})
			if err := c.end(f); err != nil {
				t.Fatal(err)
			}
			calls := 0
			for _, op := range c.ops {
				for call := 1; f.opensThough(faultfs.Fault{Op: op, Call: call, Err: syscall.ENOSPC}); call++ {
					calls++
				}
			}
			if calls < 2 {
				t.Errorf("%d calls were made to fail, want some", calls)
			}
		})
	}
}

// opensThough is false if the fault's call did not come.
func (f *full) opensThough(fault faultfs.Fault) bool {
	f.t.Helper()
	dir := f.dir + "-opened"
	copyStore(f.t, f.dir, dir)
	o := &full{t: f.t, dir: dir, fs: f.fs.Kill(dir), mk: f.mk, m: f.m}
	o.fs.FillUp()
	before := o.fs.Calls(fault.Op)
	o.fs.Inject(fault)
	o.db = mustOpen(f.t, dir, scarce, o.fs)
	came := o.fs.Calls(fault.Op)-before >= fault.Call
	o.same()
	o.mustFree(fmt.Sprintf("opened with %+v", fault))
	if err := errors.Join(o.db.Crash(), os.RemoveAll(dir)); err != nil {
		f.t.Fatal(err)
	}
	return came
}
