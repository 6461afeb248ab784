//go:build unix

package l3bolt_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered/tier"
)

// failing makes the n-th call of a kind fail, of those that a compaction makes.
func failing(d *l3bolt.Disk, what string, n int, cause error) {
	fail := func(kind string) error {
		if kind != what {
			return nil
		}
		if n--; n == 0 {
			return cause
		}
		return nil
	}
	real := *d
	d.Open = func(name string, flag int, mode os.FileMode) (*os.File, error) {
		if err := fail("open"); err != nil {
			return nil, err
		}
		if what == "write" { // the file can be opened, not written
			flag = flag&^os.O_RDWR | os.O_RDONLY
		}
		return real.Open(name, flag, mode)
	}
	d.Sync = func(f *os.File) error { return errors.Join(real.Sync(f), fail("sync")) }
	d.Rename = func(from, to string) error {
		if err := fail("rename"); err != nil {
			return err
		}
		return errors.Join(real.Rename(from, to), fail("renamed"))
	}
	d.SyncDir = func(dir string) error { return errors.Join(real.SyncDir(dir), fail("syncdir")) }
	d.Remove = func(name string) error {
		if err := fail("remove"); err != nil {
			return err
		}
		return real.Remove(name)
	}
	d.Free = func(dir string) (int64, bool) {
		if err := fail("free"); err != nil {
			return 0, true
		}
		return real.Free(dir)
	}
}

// TestCompactionFaults makes each call of a compaction fail. Only the
// directory's sync, and a rename that may have happened, end writing (C1, C5).
func TestCompactionFaults(t *testing.T) {
	for _, c := range []struct {
		what   string
		n      int
		cause  error
		breaks bool
	}{
		{"open", 1, syscall.EIO, false}, {"open", 1, syscall.ENOSPC, false},
		{"write", 1, syscall.EBADF, false},
		{"sync", 1, syscall.EIO, false}, {"sync", 4, syscall.ENOSPC, false},
		{"free", 1, syscall.ENOSPC, false}, {"free", 4, syscall.ENOSPC, false},
		{"rename", 1, syscall.EIO, false}, {"rename", 1, syscall.ENOSPC, false},
		{"renamed", 1, syscall.EIO, true}, {"syncdir", 1, syscall.EIO, true},
	} {
		t.Run(c.what+" "+c.cause.Error(), func(t *testing.T) { compactionFault(t, c.what, c.n, c.cause, c.breaks) })
	}
	t.Run("last sync", func(t *testing.T) {
		for n := 5; ; n++ {
			if !compactionFault(t, "sync", n, syscall.EIO, false) {
				return
			}
		}
	})
}

// compactionFault reports whether the call came.
func compactionFault(t *testing.T, what string, n int, cause error, breaks bool) bool {
	t.Helper()
	dir := memoryDir(t)
	c := newCompacting(t, dir, 41, tiny, nil)
	c.fill()
	c.meanwhile = func() { c.commits(2) }
	on := c.disk()
	failing(on, what, n, cause)
	err := c.db.Compact(8<<10, on)
	if err == nil {
		if what != "sync" {
			t.Errorf("got no error")
		}
		if err := c.db.Close(); err != nil {
			t.Fatal(err)
		}
		return false
	}
	if broken := c.db.Err() != nil; broken != breaks {
		t.Fatalf("got %v, Err %v; want it to break the store: %t", err, c.db.Err(), breaks)
	}
	if _, err := os.Stat(filepath.Join(dir, "store.db.tmp")); !errors.Is(err, os.ErrNotExist) && what != "remove" {
		t.Errorf("store.db.tmp: got %v, want none", err)
	}
	c.mk.same(t, c.db, c.m)
	if breaks {
		if err := c.mk.broken(c.db, c.m); err != nil {
			t.Fatal(err)
		}
	} else {
		c.meanwhile = nil
		c.compact(8 << 10)
		c.commits(20)
		c.checkpoint()
		c.mk.same(t, c.db, c.m)
	}
	if err := c.db.Crash(); err != nil {
		t.Fatal(err)
	}
	c.db = mustOpen(t, dir, quiet(tiny), nil)
	c.mk.reopened(t, c.db, c.m)
	if err := c.db.Close(); err != nil {
		t.Fatal(err)
	}
	return true
}

// TestCompactionFindsNoRoom: the new file may not grow; what is written of it
// goes, and the store goes on.
func TestCompactionFindsNoRoom(t *testing.T) {
	if !alone(t) {
		return
	}
	dir := memoryDir(t)
	c := newCompacting(t, dir, 42, l3bolt.Options{SpareBytes: -1}, nil)
	c.fill()
	lift := limitFileSize(t, 48<<10)
	if err := c.db.Compact(8<<10, nil); !errors.Is(err, tier.ErrFull) {
		t.Fatalf("compaction: got %v, want ErrFull", err)
	}
	lift()
	c.mk.same(t, c.db, c.m)
	if _, err := os.Stat(filepath.Join(dir, "store.db.tmp")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("store.db.tmp: got %v, want none", err)
	}
	c.compact(8 << 10)
	c.mk.same(t, c.db, c.m)
	if err := c.db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCompactionMeetsDamage: it stops, and store.db keeps all that can be read.
func TestCompactionMeetsDamage(t *testing.T) {
	dir := memoryDir(t)
	c := newCompacting(t, dir, 43, l3bolt.Options{SpareBytes: -1}, nil)
	c.meanwhile = nil
	g, after := c.mk.one(c.m, "key", strings.Repeat("x", 10)+"find me", 0)
	mustCommit(t, c.db, g)
	c.m = after
	c.fill()
	if err := c.db.Close(); err != nil {
		t.Fatal(err)
	}
	garbleHead(t, filepath.Join(dir, "store.db"), g.Changes[0].Frame)
	c.db = mustOpen(t, dir, l3bolt.Options{SpareBytes: -1, CompactBytes: 1}, nil)
	for c.db.Stats().Uncompacted == "" {
		c.commits(5)
		c.checkpoint()
	}
	if got := c.db.Stats(); !strings.Contains(got.Uncompacted, tier.ErrCorrupt.Error()) || got.Compactions != 0 || c.db.Err() != nil {
		t.Errorf("got %d compactions, %q, Err %v; want it said, and nothing else", got.Compactions, got.Uncompacted, c.db.Err())
	}
	if err := c.db.Close(); err != nil {
		t.Fatal(err)
	}
}

// garbleHead changes each copy of a record's head in the file.
func garbleHead(t *testing.T, name string, frame []byte) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for rest := string(data); ; found++ {
		i := strings.Index(rest, string(frame[:20]))
		if i < 0 {
			break
		}
		data[len(data)-len(rest)+i+3] ^= 1
		rest = rest[i+20:]
	}
	if err := writeSparse(name, data); err != nil || found == 0 {
		t.Fatalf("%d copies, %v", found, err)
	}
}

// TestCloseEndsACompaction: it does not wait for all of it.
func TestCloseEndsACompaction(t *testing.T) {
	dir := memoryDir(t)
	c := newCompacting(t, dir, 44, l3bolt.Options{SpareBytes: -1}, nil)
	c.fill()
	var closed chan error
	c.meanwhile = func() {
		if c.syncs == 3 {
			closed = make(chan error, 1)
			go func() { closed <- c.db.Close() }()
			<-c.db.Stopped()
		}
	}
	if err := c.db.Compact(1, c.disk()); err == nil || c.syncs > 5 {
		t.Errorf("got %v after %d steps, want it ended", err, c.syncs)
	}
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	c.db = mustOpen(t, dir, l3bolt.Options{SpareBytes: -1}, nil)
	c.mk.reopened(t, c.db, c.m)
	if err := c.db.Close(); err != nil {
		t.Fatal(err)
	}
}
