//go:build linux || darwin

package l3bolt_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/l3bolt/faultfs"
	"github.com/stratakv/strata/tiered/tier"
)

// TestCheckpointFindsNoRoom limits the size of real files, so that bbolt
// cannot grow: what is published stays, Commit is ErrFull at its bound, groups
// with Reserve go on until twice the bound and a quarter, and all goes on when
// there is room again.
func TestCheckpointFindsNoRoom(t *testing.T) {
	if !alone(t) {
		return
	}
	dir := memoryDir(t)
	fs := faultfs.New(dir)
	opts := tiny
	opts.CheckpointBytes = 64 << 10
	mk, m := newMaker(t, 13), emptyModel()
	db := mustOpen(t, dir, opts, fs)
	info, err := os.Stat(filepath.Join(dir, "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	lift := limitFileSize(t, uint64(info.Size()))
	value := string(make([]byte, 8000))
	put := func(i int, reserve bool) error {
		after := m.clone()
		g := &tier.Group{Reserve: reserve}
		mk.put(g, &after, fmt.Sprintf("key%04d", i), value+fmt.Sprint(i)+noise(mk, 8000), int64(i))
		mk.finish(g, &after)
		err := db.Commit(g)
		if err == nil {
			m = after
		}
		return err
	}
	n := 0
	for ; err == nil && n < 5000; n++ {
		err = put(n, false)
	}
	if answerOf(err) != tier.ErrFull || db.Err() == nil {
		t.Fatalf("got %v after %d groups, Err %v; want ErrFull", err, n, db.Err())
	}
	extra := 0
	for err = nil; err == nil && extra < 1000; extra++ {
		err = put(n+extra, true)
	}
	const group = 10 << 10 // and a little less
	bound := opts.CheckpointBytes*2 + opts.CheckpointBytes/4
	if held := db.Stats().JournalBytes; answerOf(err) != tier.ErrFull || held < bound-group || held > bound+group {
		t.Fatalf("got %v with %d bytes held, want ErrFull at %d", err, held, bound)
	}
	mk.same(t, db, m)
	if err := mk.survivesFull(t, dir, fs, m); err != nil {
		t.Fatal(err)
	}
	lift()
	for start := time.Now(); time.Since(start) < 30*time.Second; {
		if err = put(n+extra, false); err == nil && db.Err() == nil {
			break
		}
	}
	if err != nil || db.Err() != nil {
		t.Fatalf("got %v, Err %v after there is room again, want none", err, db.Err())
	}
	mk.same(t, db, m)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// survivesFull: a kill while the disk is full loses nothing.
func (mk *maker) survivesFull(t *testing.T, dir string, fs *faultfs.FS, m model) error {
	t.Helper()
	next := memoryDir(t)
	copyStore(t, dir, next)
	db := mustOpen(t, next, tiny, fs.Kill(next))
	mk.reopened(t, db, m)
	return db.Crash()
}

// alone runs t in a process of its own and says whether this is it. A limit on
// the size of files is the whole process's, and the test runner's own files
// would meet it.
func alone(t *testing.T) bool {
	t.Helper()
	const mark = "STRATA_TEST_ALONE"
	if os.Getenv(mark) == t.Name() {
		return true
	}
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), mark+"="+t.Name())
	out, err := child.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("the test's own process: %v\n%s", err, out)
	}
	return false
}

// limitFileSize lets no file grow beyond bytes until the returned function is
// called. Writes beyond fail with EFBIG.
func limitFileSize(t *testing.T, bytes uint64) func() {
	t.Helper()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	limit := old
	limit.Cur = bytes
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Skipf("cannot limit the size of files: %v", err)
	}
	lifted := false
	lift := func() {
		if !lifted {
			lifted = true
			if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(lift)
	return lift
}

// TestOpeningUnderALimit: the limit counts from the beginning of a file, so that
// the journal's last record, which lies beyond, cannot be written where it is,
// though it needs no room there.
func TestOpeningUnderALimit(t *testing.T) {
	if !alone(t) {
		return
	}
	opts := l3bolt.Options{SpareBytes: 64 << 10}
	dir := memoryDir(t)
	mk, m := newMaker(t, 14), emptyModel()
	db := mustOpen(t, dir, opts, nil)
	for i := range 200 {
		g, after := mk.one(m, fmt.Sprintf("key%d", i), noise(mk, 8000), 0)
		mustCommit(t, db, g)
		m = after
	}
	if err := db.Crash(); err != nil {
		t.Fatal(err)
	}
	lift := limitFileSize(t, 512<<10)
	for range 2 { // what the first opening does the second can read
		db = mustOpen(t, dir, opts, nil)
		mk.reopened(t, db, m)
		for i := range 5 {
			g, after := &tier.Group{Reserve: true}, m.clone()
			mk.remove(g, &after, fmt.Sprintf("key%d", len(m.records)-1-i*20))
			mk.finish(g, &after)
			mustCommit(t, db, g)
			m = after
		}
		if err := db.Crash(); err != nil {
			t.Fatal(err)
		}
	}
	lift()
	db = mustOpen(t, dir, opts, nil)
	mk.reopened(t, db, m)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDictionaryNeedsRoomOfItsOwn: on a full disk it is ErrFull, takes nothing
// of what is kept back for checkpoints, and breaks nothing.
func TestDictionaryNeedsRoomOfItsOwn(t *testing.T) {
	if !alone(t) {
		return
	}
	dir := memoryDir(t)
	mk, m := newMaker(t, 14), emptyModel()
	db := mustOpen(t, dir, tiny, faultfs.New(dir))
	keepAll(t, db, dictionaries[:1])
	info, err := os.Stat(filepath.Join(dir, "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	lift := limitFileSize(t, uint64(info.Size()))
	for range 3 {
		wantIs(t, "on a full disk", db.KeepDictionary(dictionaries[3]), tier.ErrFull)
	}
	g, m := mk.one(m, "key", "value", 0)
	mustCommit(t, db, g)
	lift()
	keepAll(t, db, dictionaries[3:])
	got, err := db.Dictionaries()
	wantDictionaries(t, "with room again", got, err, []tier.Dictionary{dictionaries[0], dictionaries[3]})
	mk.same(t, db, m)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
