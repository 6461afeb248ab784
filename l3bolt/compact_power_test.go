//go:build unix

package l3bolt_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/l3bolt/faultfs"
)

// cutDisk is the real disk for a compaction, but the power is cut at the
// left-th event: of the new file what was synced is there, and any of the
// sectors written since; the rename is there or not unless its directory was
// synced.
type cutDisk struct {
	c         *compacting
	fs        *faultfs.FS
	cutDir    string
	left      int
	late      bool     // left is drawn at the rename
	last      bool     // the cut comes after all that follows, and names that may be lost are
	old       *os.File // store.db as it was
	now       *os.File // the new file
	synced    []byte   // of it
	renamed   bool
	dirSynced bool
	current   bool // bbolt syncs what it writes to the new file

	lieSync, lieDir bool

	after *faultfs.FS // the journal after the cut
	m     model       // what was acknowledged by then
}

func (d *cutDisk) disk() *l3bolt.Disk {
	on := *d.c.disk()
	open, sync, rename, syncDir := on.Open, on.Sync, on.Rename, on.SyncDir
	on.Open = func(name string, flag int, mode os.FileMode) (*os.File, error) {
		f, err := open(name, flag, mode)
		d.now = f
		return f, err
	}
	on.Sync = func(f *os.File) error {
		d.event()
		err := sync(f)
		if !d.lieSync {
			d.synced = d.read(f)
		}
		d.event()
		return err
	}
	on.Rename = func(from, to string) error {
		d.event()
		err := rename(from, to)
		d.renamed = true
		if d.late {
			d.left = 1 + d.c.mk.rng.IntN(2+cutCheckpoints)
		}
		d.event()
		return err
	}
	on.SyncDir = func(dir string) error {
		err := syncDir(dir)
		d.dirSynced = !d.lieDir
		d.event()
		return err
	}
	return &on
}

func (d *cutDisk) read(f *os.File) []byte {
	d.c.t.Helper()
	data, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<30))
	if err != nil {
		d.c.t.Fatal(err)
	}
	return data
}

func (d *cutDisk) event() {
	if d.left--; d.left == 0 {
		d.cut()
	}
}

func (d *cutDisk) cut() {
	d.c.t.Helper()
	rng := d.c.mk.rng
	image := d.read(d.old)
	temp := d.torn()
	if d.renamed && (d.dirSynced || !d.last && rng.IntN(2) == 0) {
		image, temp = temp, nil
	}
	err := errors.Join(os.MkdirAll(d.cutDir, 0o700), writeSparse(filepath.Join(d.cutDir, "store.db"), image))
	if temp != nil && rng.IntN(2) == 0 {
		err = errors.Join(err, writeSparse(filepath.Join(d.cutDir, "store.db.tmp"), temp))
	}
	if err != nil {
		d.c.t.Fatal(err)
	}
	d.after, d.m = d.fs.PowerCut(d.cutDir, rng.Uint64()), d.c.m.clone()
}

// torn is what the disk may have of the new file. Once it is the store's, bbolt
// syncs what it writes.
func (d *cutDisk) torn() []byte {
	now := d.read(d.now)
	if d.current {
		return now
	}
	image := make([]byte, len(now))
	copy(image, d.synced)
	for off := 0; off < len(now); off += 512 {
		end := min(off+512, len(now))
		if !bytes.Equal(image[off:end], now[off:end]) && d.c.mk.rng.IntN(2) == 0 {
			copy(image[off:end], now[off:end])
		}
	}
	return image
}

// cutCheckpoints follow the compaction, and the power may be cut after each.
const cutCheckpoints = 6

// TestPowerCutInACompaction cuts the power at all moments of compactions (C1,
// C4, C5).
func TestPowerCutInACompaction(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 15
	}
	cuts := 0
	for range rounds {
		seed := rand.Uint64()
		cut, err := cutInACompaction(t, seed, cutDisk{})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if cut {
			cuts++
		}
	}
	if cuts < rounds/3 {
		t.Errorf("%d cuts in %d rounds, want more", cuts, rounds)
	}
}

// TestCheckpointsWaitForTheRename: once they have written into the new file, and
// made the journal's segments new, it is store.db for good (C5).
func TestCheckpointsWaitForTheRename(t *testing.T) {
	for seed := range uint64(5) {
		if _, err := cutInACompaction(t, seed, cutDisk{last: true}); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// TestPowerCutCatchesLyingCompactions: without one of the syncs it would fail.
func TestPowerCutCatchesLyingCompactions(t *testing.T) {
	for name, lie := range map[string]cutDisk{
		"renamed before the sync":                 {lieSync: true},
		"checkpoints before the directory's sync": {lieDir: true, last: true},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(200) {
				if _, err := cutInACompaction(t, seed, lie); err != nil {
					t.Logf("caught with seed %d: %v", seed, err)
					return
				}
			}
			t.Error("was not caught")
		})
	}
}

// cutInACompaction has d say when the power is cut, and what lies.
func cutInACompaction(t *testing.T, seed uint64, d cutDisk) (cut bool, err error) {
	t.Helper()
	base := memoryDir(t)
	defer os.RemoveAll(base)
	next := numbered(base)
	dir := next()
	fs := faultfs.New(dir)
	c := newCompacting(t, dir, seed, tiny, fs)
	c.fill()
	c.meanwhile = func() { c.commits(c.mk.rng.IntN(4)) }
	old, err := os.Open(filepath.Join(dir, "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	d.c, d.fs, d.cutDir, d.old, d.left = c, fs, next(), old, 1+c.mk.rng.IntN(80)
	if d.last || c.mk.rng.IntN(2) == 0 {
		d.left, d.late = math.MaxInt, !d.last
	}
	if err := c.db.Compact(8<<10, d.disk()); err != nil {
		t.Fatalf("compaction: %v", err)
	}
	d.current = c.db.SyncsStore()
	for range cutCheckpoints {
		c.commits(4)
		c.checkpoint()
		d.event()
	}
	if d.last {
		d.cut()
	}
	if err := c.db.Crash(); err != nil {
		t.Fatal(err)
	}
	if d.after == nil {
		return false, nil
	}
	opts := quiet(tiny)
	opts.FS = d.after
	db, err := l3bolt.Open(d.cutDir, &opts)
	if err != nil {
		return true, fmt.Errorf("open: %w", err)
	}
	if _, err = c.mk.whichOf(db, []model{d.m}); err != nil {
		return true, errors.Join(err, db.Crash())
	}
	if _, err := os.Stat(filepath.Join(d.cutDir, "store.db.tmp")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("store.db.tmp after opening: got %v, want none", err)
	}
	return true, db.Close()
}
