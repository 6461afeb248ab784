//go:build !wasm

package l3bolt_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/l3bolt/faultfs"
	"github.com/stratakv/strata/tiered/tier"
)

// scarce has segments of 8 KiB and a spare of 16 KiB for the journal.
var scarce = l3bolt.Options{SegmentBytes: 8 << 10, SpareBytes: 32 << 10}

// full is a store on a full disk, whose every byte that it gives back somebody
// else takes.
type full struct {
	t     *testing.T
	dir   string
	fs    *faultfs.FS
	db    *l3bolt.DB
	mk    *maker
	n     int // groups so far
	m     model
	after model // of the group that was tried last
}

func newFull(t *testing.T, opts l3bolt.Options) *full {
	t.Helper()
	dir := filepath.Join(memoryDir(t), "store") // with room beside it for what becomes of it
	f := &full{t: t, dir: dir, fs: faultfs.New(dir), mk: newMaker(t, 31), m: emptyModel()}
	f.db = mustOpen(t, dir, opts, f.fs)
	return f
}

// spare is the journal's spare file.
func (f *full) spare() []byte { return f.fs.ReadFile(filepath.Join(f.dir, "journal", "spare")) }

// commit commits what fn puts into a group, and keeps the model.
func (f *full) commit(reserve bool, fn func(g *tier.Group, m *model)) error {
	g, after := &tier.Group{Reserve: reserve}, f.m.clone()
	fn(g, &after)
	f.mk.finish(g, &after)
	f.after = after
	err := f.db.Commit(g)
	if err == nil {
		f.m = after
	}
	return err
}

func (f *full) put(key string) error {
	f.n++
	return f.commit(false, func(g *tier.Group, m *model) {
		f.mk.put(g, m, key, noise(f.mk, 60), 90_000)
	})
}

// free commits a group that frees room: it removes a record, if there is one, or
// gives it a shorter life.
func (f *full) free() error {
	f.n++
	if len(f.m.records) == 0 {
		return nil
	}
	return f.commit(true, func(g *tier.Group, m *model) {
		key := slices.Min(slices.Collect(maps.Keys(m.records)))
		if r := m.records[key]; f.n%3 != 0 && r.deadline > 1000 {
			f.mk.touch(g, m, key, r.deadline-1)
		} else {
			f.mk.remove(g, m, key)
		}
	})
}

func (f *full) mustFree(what string) {
	f.t.Helper()
	if err := f.free(); err != nil {
		f.t.Fatalf("%s: a group that frees room: got %v, want none", what, err)
	}
}

// fillUp puts records until there is no room.
func (f *full) fillUp() {
	f.t.Helper()
	f.fs.FillUp()
	for i := 0; ; i++ {
		err := f.put(fmt.Sprintf("key%d", i))
		if err == nil && i < 1000 {
			continue
		}
		if answerOf(err) != tier.ErrFull {
			f.t.Fatalf("got %v after %d groups, want ErrFull", err, i)
		}
		return
	}
}

func (f *full) same() {
	f.t.Helper()
	f.mk.same(f.t, f.db, f.m)
}

// reopen opens what a kill, or Close, leaves of the store, with the disk as
// full as before.
func (f *full) reopen(opts l3bolt.Options, end func() error) {
	f.t.Helper()
	if err := end(); err != nil {
		f.t.Fatal(err)
	}
	f.db = mustOpen(f.t, f.dir, opts, f.fs)
	f.mk.reopened(f.t, f.db, f.m)
}

// TestFullDisk: a group that needs room is refused, one that frees room is not,
// all of it stays through kills, and writes go on when a checkpoint has given
// room back, though nobody else does (P2, D8).
func TestFullDisk(t *testing.T) {
	f := newFull(t, scarce)
	f.db.Paused(func() { // no checkpoint
		f.fillUp()
		if f.spare() == nil {
			t.Fatal("the spare is gone before anything that it is for")
		}
		for range 20 {
			f.mustFree("full")
		}
		if f.spare() != nil {
			t.Fatal("the spare is there, want it used")
		}
		if err := f.put("more"); answerOf(err) != tier.ErrFull {
			t.Fatalf("an ordinary group while the spare is lent: got %v, want ErrFull", err)
		}
		for range 20 {
			f.mustFree("on the spare")
		}
	})
	f.reopen(scarce, f.db.Crash)
	f.mustFree("reopened")
	if err := f.db.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	if f.spare() == nil {
		t.Fatal("the spare did not come back with the checkpoint")
	}
	if err := f.put("more"); err != nil {
		t.Fatalf("an ordinary group after deletions: got %v, want none", err)
	}
	f.same()
	f.reopen(scarce, f.db.Close)
	f.mustFree("closed and opened")
	f.fs.SetRoom(-1)
	if err := f.put("with room"); err != nil {
		t.Fatalf("an ordinary group with room: got %v, want none", err)
	}
	if err := f.mk.survives(t, f.db, f.dir, f.fs, []model{f.m}); err != nil {
		t.Fatal(err)
	}
}

// TestFullDiskForEver: on a disk that stays full what frees room is never
// refused, however much there is of it, as long as checkpoints find room; and
// what needs room goes on with what that gave back.
func TestFullDiskForEver(t *testing.T) {
	opts := scarce
	opts.CheckpointBytes = 4 << 10
	f := newFull(t, opts)
	f.fillUp()
	accepted := 0
	for f.n < 2000 {
		for range 10 {
			f.mustFree(fmt.Sprintf("group %d", f.n))
		}
		if err := f.db.Checkpoint(); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			err := f.put(fmt.Sprintf("again%d", f.n))
			if err == nil {
				accepted++
			} else if answerOf(err) != tier.ErrFull {
				t.Fatal(err)
			}
		}
		if f.n%400 == 0 {
			f.reopen(opts, f.db.Crash)
		}
	}
	if accepted < f.n/4 {
		t.Errorf("of %d groups that need room %d were taken, want most", f.n/2, accepted)
	}
	f.same()
	if err := f.db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestStampsLeaveHalfOfTheSpare: an idle store, on a disk that is full for
// days, keeps its clock for as long as half of the room lasts, and the rest for
// what frees room.
func TestStampsLeaveHalfOfTheSpare(t *testing.T) {
	f := newFull(t, scarce)
	stamp := func() error { return f.commit(true, func(*tier.Group, *model) {}) }
	f.db.Paused(func() { // no checkpoint
		f.fillUp()
		stamps := 0
		for ; stamps < 1000; stamps++ {
			if err := stamp(); err != nil {
				if answerOf(err) != tier.ErrFull {
					t.Fatal(err)
				}
				break
			}
		}
		frees := 0
		for ; frees < 1000; frees++ {
			err := f.commit(true, func(g *tier.Group, m *model) { f.mk.touch(g, m, "key0", m.records["key0"].deadline-1) })
			if err != nil {
				if answerOf(err) != tier.ErrFull {
					t.Fatal(err)
				}
				break
			}
		}
		if stamps < 30 || stamps > 100 || frees < 30 {
			t.Errorf("%d stamps and %d groups after them, want the spare's 16 KiB shared between them", stamps, frees)
		}
	})
	f.same()
	if err := f.mk.survives(t, f.db, f.dir, f.fs, []model{f.m}); err != nil {
		t.Fatal(err)
	}
}

// sluggish is a file system that has no call to take room.
type sluggish struct{ *faultfs.FS }

func (s sluggish) OpenFile(name string, flag int) (l3bolt.File, error) {
	file, err := s.FS.OpenFile(name, flag)
	return sluggishFile{file}, err
}

type sluggishFile struct{ l3bolt.File }

func (sluggishFile) Preallocate(int64) error { return nil }

// TestSpareIsWrittenWhereRoomCannotBeTaken otherwise, and then is as good.
func TestSpareIsWrittenWhereRoomCannotBeTaken(t *testing.T) {
	dir := memoryDir(t)
	f := &full{t: t, dir: dir, fs: faultfs.New(dir), mk: newMaker(t, 32), m: emptyModel()}
	f.db = mustOpen(t, dir, scarce, sluggish{f.fs})
	if got, want := int64(len(f.spare())), scarce.SpareBytes/2; got != want {
		t.Fatalf("the spare has %d bytes, want %d", got, want)
	}
	f.db.Paused(func() {
		if err := f.put("key"); err != nil {
			t.Fatal(err)
		}
		f.fs.FillUp()
		if err := f.put("more"); answerOf(err) != tier.ErrFull {
			t.Fatalf("full: got %v, want ErrFull", err)
		}
		f.mustFree("full")
	})
	if err := f.mk.survives(t, f.db, dir, f.fs, []model{f.m}); err != nil {
		t.Fatal(err)
	}
}
