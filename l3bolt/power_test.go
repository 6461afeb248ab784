//go:build !wasm

package l3bolt_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/l3bolt/faultfs"
	"github.com/stratakv/strata/tiered/tier"
)

// TestPowerCut cuts the power at random calls of the file system, several
// times in a row: what was acknowledged is there, what was refused is not,
// and what has an unknown outcome is there whole or not at all.
func TestPowerCut(t *testing.T) {
	rounds := 150
	if testing.Short() {
		rounds = 40
	}
	for range rounds {
		seed := rand.Uint64()
		if err := powerCuts(t, seed, honest); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// TestPowerCutCatchesLiars: stores that leave out a sync are caught, or
// TestPowerCut would show nothing.
func TestPowerCutCatchesLiars(t *testing.T) {
	for name, lie := range map[string]func(*faultfs.FS) l3bolt.FS{
		"record is not synced":    func(f *faultfs.FS) l3bolt.FS { return liar{FS: f, datasync: true} },
		"segment is not synced":   func(f *faultfs.FS) l3bolt.FS { return liar{FS: f, sync: true} },
		"directory is not synced": func(f *faultfs.FS) l3bolt.FS { return liar{FS: f, dir: true} },
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(300) {
				if err := powerCuts(t, seed, lie); err != nil {
					t.Logf("caught with seed %d: %v", seed, err)
					return
				}
			}
			t.Error("was not caught")
		})
	}
}

func honest(f *faultfs.FS) l3bolt.FS { return f }

// liar says that it has synced what it has not.
type liar struct {
	*faultfs.FS
	datasync, sync, dir bool
}

func (l liar) SyncDir(dir string) error {
	if l.dir {
		return nil
	}
	return l.FS.SyncDir(dir)
}

func (l liar) OpenFile(name string, flag int) (l3bolt.File, error) {
	f, err := l.FS.OpenFile(name, flag)
	return lyingFile{f, l}, err
}

type lyingFile struct {
	l3bolt.File
	liar liar
}

func (f lyingFile) Datasync() error {
	if f.liar.datasync {
		return nil
	}
	return f.File.Datasync()
}

func (f lyingFile) Sync() error {
	if f.liar.sync {
		return nil
	}
	return f.File.Sync()
}

// powerCuts lets one store live through some power cuts, and returns how it
// differs from what it promised.
func powerCuts(t *testing.T, seed uint64, lie func(*faultfs.FS) l3bolt.FS) error {
	t.Helper()
	base := memoryDir(t)
	defer os.RemoveAll(base)
	next := numbered(base)
	dir := next()
	mk := newMaker(t, seed)
	fs := faultfs.New(dir)
	possible := []model{emptyModel()}
	for range 3 {
		opts := tiny
		opts.FS = lie(fs)
		db, err := l3bolt.Open(dir, &opts)
		if err != nil {
			return fmt.Errorf("open: %w", err)
		}
		m, err := mk.whichOf(db, possible)
		if err != nil {
			return errors.Join(err, db.Crash())
		}
		fs.Inject(faultfs.Fault{Call: 1 + mk.rng.IntN(120), Err: syscall.EIO, Bytes: mk.rng.IntN(200), After: mk.rng.IntN(2) == 0, Lasting: true})
		if possible, err = mk.untilFault(db, m); err != nil {
			return errors.Join(err, db.Crash())
		}
		cutDir := next()
		db.Paused(func() {
			copyStore(t, dir, cutDir)
			fs = fs.PowerCut(cutDir, mk.rng.Uint64())
		})
		dir = cutDir
		if err := db.Crash(); err != nil && !errors.Is(err, syscall.EIO) {
			return err
		}
	}
	return nil
}

// whichOf is the one of some models that db shows.
func (mk *maker) whichOf(db *l3bolt.DB, possible []model) (model, error) {
	var errs []error
	for _, m := range possible {
		err := errors.Join(mk.differs(db, m), stateDiffers(db, m))
		if err == nil {
			return m, db.Check()
		}
		errs = append(errs, err)
	}
	return model{}, errors.Join(errs...)
}

// untilFault commits until something fails, at most 100 groups, and returns
// the models that may be found afterwards.
func (mk *maker) untilFault(db *l3bolt.DB, m model) ([]model, error) {
	for range 100 {
		g, after := mk.group(m)
		err := db.Commit(g)
		switch {
		case err == nil:
			m = after
			continue
		case errors.Is(err, tier.ErrUnknownOutcome):
			return []model{m, after}, mk.broken(db, m)
		case errors.Is(err, tier.ErrUnavailable):
			return []model{m}, mk.broken(db, m)
		}
		return nil, fmt.Errorf("commit: got %w, want one of tier.Durable's", err)
	}
	return []model{m}, nil
}

// broken checks what a broken DB still owes: reads of what was published, and
// a clear answer to writes.
func (mk *maker) broken(db *l3bolt.DB, m model) error {
	if err := mk.differs(db, m); err != nil {
		return fmt.Errorf("reads of a broken store: %w", err)
	}
	g, _ := mk.one(m, "late", "value", 0)
	err := db.Commit(g)
	if !errors.Is(err, tier.ErrUnavailable) || errors.Is(err, tier.ErrUnknownOutcome) || errors.Is(err, tier.ErrFull) {
		return fmt.Errorf("commit into a broken store: got %v, want ErrUnavailable alone", err)
	}
	if db.Err() == nil {
		return errors.New("Err is nil in a broken store")
	}
	return nil
}
