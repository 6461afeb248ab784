//go:build unix

package l3bolt_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered/tier"
)

// quiet compacts only when a test says so.
func quiet(o l3bolt.Options) l3bolt.Options {
	o.CompactBytes = -1
	return o
}

// compacting is a store, and compactions of it during which things happen.
type compacting struct {
	t   *testing.T
	mk  *maker
	m   model
	db  *l3bolt.DB
	now int64
	// At the first syncs of the new file, but for the last, which holds up
	// checkpoints, meanwhile runs; at all, small steps would be outpaced.
	meanwhile    func()
	syncs        int
	begun        int // syncs before this compaction
	dictionaries []tier.Dictionary
}

func newCompacting(t *testing.T, dir string, seed uint64, opts l3bolt.Options, fs l3bolt.FS) *compacting {
	c := &compacting{t: t, mk: newMaker(t, seed), m: emptyModel(), db: mustOpen(t, dir, quiet(opts), fs)}
	c.mk.keys = 400
	return c
}

// most is how many syncs of a compaction something happens at.
const most = 150

// disk is the real one, with meanwhile at syncs that no lock is held at.
func (c *compacting) disk() *l3bolt.Disk {
	d := l3bolt.RealDisk()
	sync := d.Sync
	d.Sync = func(f *os.File) error {
		c.syncs++
		if c.meanwhile != nil && c.syncs < c.begun+most && c.db.Checkpoints() {
			c.meanwhile()
		}
		return sync(f)
	}
	return &d
}

func (c *compacting) commits(n int) {
	c.t.Helper()
	for range n {
		g, after := c.mk.group(c.m)
		mustCommit(c.t, c.db, g)
		c.m = after
	}
}

func (c *compacting) checkpoint() {
	c.t.Helper()
	if err := c.db.Checkpoint(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *compacting) sweep() {
	c.t.Helper()
	c.now += c.mk.rng.Int64N(2000)
	c.m = c.mk.sweep(c.t, c.db, c.m, c.now)
}

// fill makes a store of some hundred records with holes in it.
func (c *compacting) fill() {
	c.t.Helper()
	c.commits(400)
	c.checkpoint()
	c.commits(100)
	c.checkpoint()
}

// something is one of what a store lives through.
func (c *compacting) something() {
	c.t.Helper()
	switch c.mk.rng.IntN(7) {
	case 6:
		if n := len(c.dictionaries); n < 12 {
			c.dictionaries = append(c.dictionaries, dictionaryOf(uint32(n+1), "prefix", 3000))
			keepAll(c.t, c.db, c.dictionaries[n:])
		}
	case 0:
		c.checkpoint()
	case 1:
		c.sweep()
	case 2:
		c.mk.same(c.t, c.db, c.m)
	default:
		c.commits(1 + c.mk.rng.IntN(20))
	}
}

func (c *compacting) compact(stepBytes int) {
	c.t.Helper()
	c.begun = c.syncs
	if err := c.db.Compact(stepBytes, c.disk()); err != nil {
		c.t.Fatalf("compaction: %v", err)
	}
}

// TestCompactionModel compacts at random moments, with commits, checkpoints and
// sweeps in the midst of it, closings, kills and reopenings (C2, C3, C6).
func TestCompactionModel(t *testing.T) {
	for i := range 4 {
		seed := rand.Uint64()
		opts := []l3bolt.Options{tiny, still}[i%2]
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Logf("seed %d", seed)
			compactionModel(t, seed, opts)
		})
	}
}

func compactionModel(t *testing.T, seed uint64, opts l3bolt.Options) {
	dir := memoryDir(t)
	c := newCompacting(t, dir, seed, opts, nil)
	c.meanwhile = func() {
		for range c.mk.rng.IntN(4) {
			c.something()
		}
	}
	steps := 0
	for range 6 {
		c.fill()
		for range 2 {
			before := c.syncs
			c.compact(1 + c.mk.rng.IntN(8<<10))
			steps += c.syncs - before
			c.mk.same(t, c.db, c.m)
			c.something()
		}
		if !c.db.SyncsStore() {
			t.Fatal("bbolt does not sync what it writes after a compaction (C5)")
		}
		end := c.db.Close
		if c.mk.rng.IntN(2) == 0 {
			end = c.db.Crash
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		c.db = mustOpen(t, dir, quiet(opts), nil)
		c.mk.reopened(t, c.db, c.m)
		kept, err := c.db.Dictionaries()
		wantDictionaries(t, "reopened", kept, err, c.dictionaries)
	}
	if err := c.db.Close(); err != nil {
		t.Fatal(err)
	}
	if steps < 100 {
		t.Errorf("compactions had %d steps, want some hundreds", steps)
	}
}

// TestCompactionGivesSpaceBack: what was removed is, and nothing is left over.
func TestCompactionGivesSpaceBack(t *testing.T) {
	dir := memoryDir(t)
	c := newCompacting(t, dir, 31, l3bolt.Options{SpareBytes: -1}, nil)
	g := &tier.Group{}
	for i := range 4000 {
		c.mk.put(g, &c.m, fmt.Sprintf("key%05d", i), noise(c.mk, 500), 90_000)
	}
	c.mk.finish(g, &c.m)
	mustCommit(t, c.db, g)
	c.checkpoint()
	g = &tier.Group{}
	for i := range 3600 {
		c.mk.remove(g, &c.m, fmt.Sprintf("key%05d", i))
	}
	c.mk.finish(g, &c.m)
	mustCommit(t, c.db, g)
	c.checkpoint()
	before := c.db.Stats()
	c.compact(64 << 10)
	after := c.db.Stats()
	c.mk.same(t, c.db, c.m)
	live := after.Usage.StoredBytes
	info, err := os.Stat(filepath.Join(dir, "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	if before.FileBytes < 8*live || after.FileBytes > 2*live || info.Size() > 2*live || after.Compactions != 1 {
		t.Errorf("%d bytes for %d live ones, and then %d (%d); want more than eight times and less than twice", before.FileBytes, live, after.FileBytes, info.Size())
	}
	if _, err := os.Stat(filepath.Join(dir, "store.db.tmp")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("store.db.tmp: got %v, want none", err)
	}
	if err := c.db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestReadersBesideCompactions: loads, scans, sweeps and Check go on while one
// compaction follows the other, and see what is published.
func TestReadersBesideCompactions(t *testing.T) {
	dir := memoryDir(t)
	c := newCompacting(t, dir, 32, tiny, nil)
	c.fill()
	for range 100 {
		if len(c.m.records) > 50 {
			break
		}
		c.commits(20)
	}
	stop, faults := make(chan struct{}), make(chan error, 4)
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := c.mk.differs(c.db, c.m); err != nil {
					faults <- err
					return
				}
			}
		})
	}
	readers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := c.db.Check(); err != nil {
				faults <- err
				return
			}
		}
	})
	for range 30 {
		if err := c.db.Compact(4<<10, nil); err != nil {
			t.Errorf("compaction: %v", err)
		}
	}
	close(stop)
	readers.Wait()
	close(faults)
	for err := range faults {
		t.Error(err)
	}
	if err := c.db.Close(); err != nil {
		t.Fatal(err)
	}
}
