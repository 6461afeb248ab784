//go:build !wasm

package l3bolt_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stratakv/strata/l3bolt/faultfs"
	"github.com/stratakv/strata/tiered/tier"
)

// TestCrashBetweenPieces kills stores when some of the changes since the last
// checkpoint are in bbolt already: all comes back, and goes on (D3).
func TestCrashBetweenPieces(t *testing.T) {
	written := 0
	for range 25 {
		seed := rand.Uint64()
		n, err := crashBetweenPieces(t, seed)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		written += n
	}
	if written < 100 {
		t.Errorf("pieces had %d changes, want some hundreds", written)
	}
}

func crashBetweenPieces(t *testing.T, seed uint64) (written int, err error) {
	dir := memoryDir(t)
	fs := faultfs.New(dir)
	mk, m := newMaker(t, seed), emptyModel()
	now := int64(0)
	for range 6 {
		db := mustOpen(t, dir, still, fs)
		mk.reopened(t, db, m)
		for range 2 {
			for range mk.rng.IntN(40) {
				g, after := mk.group(m)
				mustCommit(t, db, g)
				m = after
			}
			now += mk.rng.Int64N(4000)
			m = mk.sweep(t, db, m, now)
			if mk.rng.IntN(2) == 0 {
				if err := db.Checkpoint(); err != nil {
					return written, err
				}
			}
		}
		n, err := db.SomePieces(mk.rng.IntN(4), 1+mk.rng.IntN(12))
		written += n
		if err != nil {
			return written, err
		}
		mk.same(t, db, m)
		m = mk.sweep(t, db, m, now)
		if err := db.Crash(); err != nil {
			return written, err
		}
	}
	return written, mk.withoutJournal(t, dir, fs, m)
}

// withoutJournal opens a store whose last pieces are all that is left of what
// came after its last checkpoint, because somebody moved the journal away: it
// is sound, and no version is given twice.
func (mk *maker) withoutJournal(t *testing.T, dir string, fs *faultfs.FS, m model) error {
	db := mustOpen(t, dir, still, fs)
	for i := range 30 {
		g, after := mk.one(m, fmt.Sprintf("key%d", i), "value", 0)
		mustCommit(t, db, g)
		m = after
	}
	if err := db.Checkpoint(); err != nil {
		return err
	}
	for _, key := range []string{"key3", "another"} {
		g, after := mk.one(m, key, "other", 5)
		mustCommit(t, db, g)
		m = after
	}
	if n, err := db.SomePieces(1, 1); err != nil || n != 1 {
		return fmt.Errorf("%d changes, %w; want 1", n, err)
	}
	if err := db.Crash(); err != nil {
		return err
	}
	db = mustOpen(t, dir, still, faultfs.New(dir))
	if got := db.State().Version; got < m.version {
		return fmt.Errorf("version %d after the loss of the journal, want %d at least", got, m.version)
	}
	if err := db.Check(); err != nil {
		return err
	}
	return db.Close()
}

// TestTouchOfARecordThatIsNotThere is damage unless a later group removes it.
func TestTouchOfARecordThatIsNotThere(t *testing.T) {
	dir := memoryDir(t)
	fs := faultfs.New(dir)
	mk, m := newMaker(t, 23), emptyModel()
	db := mustOpen(t, dir, still, fs)
	g, m := mk.one(m, "key", "value", 1000)
	mustCommit(t, db, g)
	if err := db.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	touch, after := &tier.Group{}, m.clone()
	mk.touch(touch, &after, "key", 500)
	mk.finish(touch, &after)
	mustCommit(t, db, touch)
	whole := fs.Kill(dir)
	remove, gone := &tier.Group{Reserve: true}, after.clone()
	mk.remove(remove, &gone, "key")
	mk.finish(remove, &gone)
	mustCommit(t, db, remove)
	if n, err := db.SomePieces(1, 1); err != nil || n != 1 {
		t.Fatalf("%d changes, %v; want 1", n, err)
	}
	if err := db.Crash(); err != nil {
		t.Fatal(err)
	}
	db = mustOpen(t, dir, still, fs.Kill(dir))
	mk.reopened(t, db, gone)
	if err := db.Crash(); err != nil {
		t.Fatal(err)
	}
	opts := still
	opts.FS = whole
	wantIs(t, "a journal that ends with the touch", openError(t, dir, opts), tier.ErrCorrupt)
}
