//go:build !wasm

package l3bolt_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/l3bolt/faultfs"
	"github.com/stratakv/strata/tiered/tier"
	bolt "go.etcd.io/bbolt"
)

// openError opens a store that must not open.
func openError(t testing.TB, dir string, opts l3bolt.Options) error {
	t.Helper()
	db, err := l3bolt.Open(dir, &opts)
	if err == nil {
		t.Fatal(errors.Join(errors.New("opened"), db.Crash()))
	}
	return err
}

func TestSecondOpenerIsLocked(t *testing.T) {
	dir := t.TempDir()
	db := mustOpen(t, dir, still, nil)
	start := time.Now()
	wantIs(t, "second opener", openError(t, dir, still), tier.ErrLocked)
	fresh := still
	fresh.Fresh = true
	wantIs(t, "second opener, fresh", openError(t, dir, fresh), tier.ErrLocked)
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v, want an answer at once", took)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := mustOpen(t, dir, still, nil).Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFilesArePrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	db := mustOpen(t, dir, l3bolt.Options{}, nil)
	defer db.Close()
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, want none for group and others", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestCleanCloseLeavesNoJournal, so that store.db alone is a backup.
func TestCleanCloseLeavesNoJournal(t *testing.T) {
	dir, backup := memoryDir(t), memoryDir(t)
	fs := faultfs.New(dir)
	mk := newMaker(t, 3)
	db := mustOpen(t, dir, still, fs)
	g, m := mk.one(emptyModel(), "k", "old", 0)
	mustCommit(t, db, g)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if names := segments(t, fs, dir); len(names) != 0 {
		t.Fatalf("got segments %v, want none", names)
	}
	copyStore(t, dir, backup)

	db = mustOpen(t, dir, still, fs)
	g, _ = mk.one(m, "k", "new", 0)
	mustCommit(t, db, g)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	copyStore(t, backup, dir)
	db = mustOpen(t, dir, still, fs)
	defer db.Close()
	mk.reopened(t, db, m)
}

// TestIdentityStays over reopenings, and the epoch grows.
func TestIdentityStays(t *testing.T) {
	dir := t.TempDir()
	db := mustOpen(t, dir, still, nil)
	first := db.State()
	if err := db.Crash(); err != nil {
		t.Fatal(err)
	}
	db = mustOpen(t, dir, still, nil)
	second := db.State()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if first.ID == [16]byte{} || first.Seed == 0 || first.ID != second.ID || first.Seed != second.Seed {
		t.Errorf("got identities %+v and %+v, want the same", first, second)
	}
	if second.Epoch != first.Epoch+1 {
		t.Errorf("got epochs %d and %d, want them to grow by 1", first.Epoch, second.Epoch)
	}
	fresh := still
	fresh.Fresh = true
	db = mustOpen(t, dir, fresh, nil)
	defer db.Close()
	if third := db.State(); third.ID == first.ID || third.Epoch != 1 {
		t.Errorf("got identity %+v after Fresh, want another one and epoch 1", third)
	}
}

func TestMemoryIsNotDurable(t *testing.T) {
	dir := memoryDir(t)
	if !strings.HasPrefix(dir, "/dev/shm") {
		t.Skip("no /dev/shm")
	}
	db := mustOpen(t, dir, still, nil)
	defer db.Close()
	if db.State().Durable {
		t.Error("got Durable on tmpfs, want not")
	}
}

// TestWhatDoesNotBelongTogether is refused with a word on the cure.
func TestWhatDoesNotBelongTogether(t *testing.T) {
	other := record(t)
	for name, c := range map[string]struct {
		damage func(r *recording)
		want   error
		says   string
	}{
		"store.db is missing": {func(r *recording) {
			_ = os.Remove(filepath.Join(r.dir, "store.db"))
		}, tier.ErrCorrupt, "move journal/ away"},
		"store.db is empty": {func(r *recording) {
			_ = os.Truncate(filepath.Join(r.dir, "store.db"), 0)
		}, tier.ErrCorrupt, "no valid meta page"},
		"store.db is cut off": {func(r *recording) {
			_ = os.Truncate(filepath.Join(r.dir, "store.db"), 16<<10)
		}, tier.ErrCorrupt, "cut off"},
		"segment of another store": {func(r *recording) {
			r.fs.WriteFile(r.segment, other.fs.ReadFile(other.segment))
		}, tier.ErrCorrupt, "another store"},
		"segment header is garbled": {func(r *recording) {
			data := r.fs.ReadFile(r.segment)
			data[20] ^= 1
			r.fs.WriteFile(r.segment, data)
		}, tier.ErrCorrupt, "offset 0"},
		"segment header is cut off": {func(r *recording) {
			r.fs.WriteFile(r.segment, r.fs.ReadFile(r.segment)[:63])
		}, tier.ErrCorrupt, "offset 0"},
		"segment under another number": {func(r *recording) {
			r.fs.WriteFile(filepath.Join(filepath.Dir(r.segment), "00000000000000ff.log"), r.fs.ReadFile(r.segment))
		}, tier.ErrCorrupt, "number"},
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t)
			c.damage(r)
			opts := still
			opts.FS = r.fs
			err := openError(t, r.dir, opts)
			wantIs(t, name, err, c.want)
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("got error %q, want it to say %q", err, c.says)
			}
		})
	}
}

// TestGap: a journal whose beginning is missing is refused.
func TestGap(t *testing.T) {
	dir := memoryDir(t)
	fs := faultfs.New(dir)
	opts := still
	opts.SegmentBytes = 1 << 10
	mk, m := newMaker(t, 4), emptyModel()
	db := mustOpen(t, dir, opts, fs)
	for len(segments(t, fs, dir)) < 5 {
		var g *tier.Group
		g, m = mk.group(m)
		mustCommit(t, db, g)
	}
	if err := db.Crash(); err != nil {
		t.Fatal(err)
	}
	names := segments(t, fs, dir)
	for i, name := range names[:3] { // the last one may have no record yet
		cut := fs.Kill(dir)
		cut.DeleteFile(name)
		opts.FS = cut
		err := openError(t, dir, opts)
		wantIs(t, "gap", err, tier.ErrCorrupt)
		if !strings.Contains(err.Error(), "move journal/ away") || !strings.Contains(err.Error(), names[i+1]) {
			t.Errorf("got error %q, want it to name %s and the cure", err, names[i+1])
		}
	}
	db = mustOpen(t, dir, opts, fs)
	defer db.Close()
	mk.reopened(t, db, m)
}

// TestUnknownFormatIsRefused, and not called damage.
func TestUnknownFormatIsRefused(t *testing.T) {
	for name, value := range map[string][]byte{
		"format":   {2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"features": {1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			dir := memoryDir(t)
			if err := mustOpen(t, dir, still, nil).Close(); err != nil {
				t.Fatal(err)
			}
			putMeta(t, dir, "format", l3bolt.Summed(value))
			err := openError(t, dir, still)
			wantIs(t, name, err, tier.ErrUnavailable)
			if errors.Is(err, tier.ErrCorrupt) || !strings.Contains(err.Error(), name) {
				t.Errorf("got error %q, want it to speak of %s", err, name)
			}
			putMeta(t, dir, "format", value)
			wantIs(t, "without a checksum", openError(t, dir, still), tier.ErrCorrupt)
		})
	}
}

func putMeta(t *testing.T, dir, key string, value []byte) {
	t.Helper()
	b, err := bolt.Open(filepath.Join(dir, "store.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = b.Update(func(tx *bolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte(key), value) })
	if err := errors.Join(err, b.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestOptionsAreChecked, all faults in one error.
func TestOptionsAreChecked(t *testing.T) {
	err := openError(t, t.TempDir(), l3bolt.Options{SegmentBytes: -1, CheckpointBytes: -1})
	for _, name := range []string{"SegmentBytes", "CheckpointBytes"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("got error %q, want it to name %s", err, name)
		}
	}
}

// TestOpenFailsAnywhere makes each call of the file system fail while a store
// is opened; it opens afterwards as if nothing had been, after a kill and
// after a power cut.
func TestOpenFailsAnywhere(t *testing.T) {
	for name, r := range map[string]*recording{"one segment": record(t), "many": recordMany(t)} {
		t.Run(name, func(t *testing.T) { openFailsAnywhere(t, r) })
	}
}

// recordMany is a store that was killed with several segments, some of whose
// groups bbolt has already.
func recordMany(t *testing.T) *recording {
	dir := memoryDir(t)
	r := &recording{dir: dir, fs: faultfs.New(dir), mk: newMaker(t, 16)}
	opts := still
	opts.SegmentBytes = 1 << 10
	m := emptyModel()
	db := mustOpen(t, dir, opts, r.fs)
	for i := 0; i < 5 || len(segments(t, r.fs, dir)) < 4; i++ {
		var g *tier.Group
		g, m = r.mk.group(m)
		mustCommit(t, db, g)
		if i == 4 {
			if err := db.Checkpoint(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := db.Crash(); err != nil {
		t.Fatal(err)
	}
	r.models = []model{m}
	return r
}

// last is the model after all groups.
func (r *recording) last() model { return r.models[len(r.models)-1] }

func openFailsAnywhere(t *testing.T, r *recording) {
	base := memoryDir(t)
	next := numbered(base)
	probe := r.fs.Kill(r.dir)
	before := probe.Calls(faultfs.Any)
	db := mustOpen(t, r.dir, still, probe)
	calls := probe.Calls(faultfs.Any) - before
	if err := db.Crash(); err != nil {
		t.Fatal(err)
	}
	for call := 1; call <= calls; call++ {
		for _, fault := range []faultfs.Fault{
			{Err: syscall.EIO}, {Err: syscall.EIO, After: true}, {Err: syscall.ENOSPC}, {Err: syscall.EIO, Bytes: 30, Lasting: true},
		} {
			fault.Call = call
			fs := r.fs.Kill(r.dir)
			dir := next()
			copyStore(t, r.dir, dir)
			failOpen(t, fs.Kill(dir), dir, fault, r)
		}
	}
	t.Logf("%d calls", calls)
}

func failOpen(t *testing.T, fs *faultfs.FS, dir string, fault faultfs.Fault, r *recording) {
	t.Helper()
	fs.Inject(fault)
	opts := still
	opts.FS = fs
	if db, err := l3bolt.Open(dir, &opts); err == nil {
		// A fault that does not matter, such as of closing a file that was read.
		r.mk.reopened(t, db, r.last())
		if err := db.Crash(); err != nil {
			t.Fatal(err)
		}
	}
	fs.Heal()
	cutDir := dir + "-cut"
	copyStore(t, dir, cutDir)
	for dir, fs := range map[string]*faultfs.FS{dir: fs, cutDir: fs.PowerCut(cutDir, uint64(fault.Call))} {
		db := mustOpen(t, dir, still, fs)
		r.mk.reopened(t, db, r.last())
		g, m := r.mk.one(r.last(), "more", "value", 0)
		mustCommit(t, db, g)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = mustOpen(t, dir, still, fs)
		r.mk.reopened(t, db, m)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFreshStartsEmpty over whatever was there, and can be cut off anywhere.
func TestFreshStartsEmpty(t *testing.T) {
	r := record(t)
	next := numbered(memoryDir(t))
	fresh := still
	fresh.Fresh = true
	for call := 1; ; call++ {
		dir := next()
		copyStore(t, r.dir, dir)
		fs := r.fs.Kill(dir)
		fs.Inject(faultfs.Fault{Call: call, Err: syscall.EIO, Lasting: true})
		fresh.FS = fs
		db, err := l3bolt.Open(dir, &fresh)
		fs.Heal()
		if err == nil {
			r.mk.same(t, db, emptyModel())
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if call < 10 {
				t.Fatalf("only %d calls were made to fail", call)
			}
			return
		}
		// Either the old store is still there or the new one is.
		db = mustOpen(t, dir, still, fs.PowerCut(dir, uint64(call)))
		want := emptyModel()
		if db.State().Version != 0 {
			want = r.models[3]
		}
		r.mk.reopened(t, db, want)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
