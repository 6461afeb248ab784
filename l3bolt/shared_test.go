//go:build !wasm

package l3bolt_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered/tier"
)

// openShared gives a store whose records are all in bbolt, in a tree of some
// levels.
func openShared(t *testing.T, opts l3bolt.Options) (*l3bolt.DB, *maker, model) {
	t.Helper()
	db := mustOpen(t, memoryDir(t), opts, nil)
	t.Cleanup(func() { db.Close() })
	mk, m := newMaker(t, 21), emptyModel()
	g := &tier.Group{}
	for i := range 5000 {
		mk.put(g, &m, fmt.Sprintf("key%04d", i), fmt.Sprintf("value %d", i), 0)
	}
	mk.finish(g, &m)
	mustCommit(t, db, g)
	if err := db.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	return db, mk, m
}

func TestReadsFollowThePagesThemselves(t *testing.T) {
	db, mk, m := openShared(t, l3bolt.Options{SpareBytes: -1})
	mk.same(t, db, m)
	for _, key := range []string{"", "k", "key", "key0000\x00", "key00000", "key2499x", "key4999\x00", "zzz"} {
		if rec, found, err := db.Load(key); found || err != nil {
			t.Errorf("%q: got %v, %v, want nothing", key, rec, err)
		}
	}
	if n := testing.AllocsPerRun(1000, func() { _, _, _ = db.Load("key2500") }); n != 1 {
		t.Errorf("got %v allocations a read, want that of the frame", n)
	}
}

// A record that a checkpoint has brought into bbolt, and dropped, is read from
// there, whatever was read before; and no reader keeps an update waiting.
func TestReadsShareNothingOld(t *testing.T) {
	db, mk, m := openShared(t, l3bolt.Options{SpareBytes: -1})
	var wg sync.WaitGroup
	stop := make(chan struct{})
	// The second one's key is never an overlay's: it asks bbolt amid updates, too.
	for _, key := range []string{"key2500", "key0001"} {
		wg.Go(func() {
			last := uint64(0)
			for {
				select {
				case <-stop:
					return
				default:
				}
				rec, found, err := db.Load(key)
				if !found || err != nil || rec.Version < last {
					t.Errorf("got version %d, %v, %v; had seen %d", rec.Version, found, err, last)
					return
				}
				last = rec.Version
			}
		})
	}
	for i := range 30 {
		g := &tier.Group{}
		mk.put(g, &m, "key2500", fmt.Sprintf("later value %d", i), 0)
		mk.finish(g, &m)
		mustCommit(t, db, g)
		if err := db.Checkpoint(); err != nil {
			t.Fatal(err)
		}
		if rec, found, err := db.Load("key2500"); !found || err != nil || rec.Version != m.records["key2500"].version {
			t.Errorf("got version %d, %v, %v, want %d", rec.Version, found, err, m.records["key2500"].version)
		}
	}
	close(stop)
	wg.Wait()
}
