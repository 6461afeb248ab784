//go:build !wasm

package l3bolt_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered/tier"
)

// TestReadersSeeWholeGroups: each group writes its number to all keys; beside
// it, with checkpoints all the time, a chunk shows one number only, and no
// reader sees the numbers go back.
func TestReadersSeeWholeGroups(t *testing.T) {
	const keys, groups = 24, 400
	db := mustOpen(t, memoryDir(t), tiny, nil)
	mk, m := newMaker(t, 11), emptyModel()
	var done atomic.Bool
	var wg sync.WaitGroup
	underWay := 0
	for _, read := range []func(*l3bolt.DB) (low, high uint64, err error){scanAll, loadAll, headAll} {
		wg.Go(func() {
			last := uint64(0)
			for !done.Load() {
				low, high, err := read(db)
				if err != nil || low < last {
					t.Errorf("got versions %d to %d, %v; had seen %d", low, high, err, last)
					return
				}
				last = high
			}
		})
	}
	for range groups {
		g := &tier.Group{}
		for i := range keys {
			mk.put(g, &m, fmt.Sprintf("key%02d", i), "value", 0)
		}
		mk.finish(g, &m)
		mustCommit(t, db, g)
		if db.Stats().Checkpointing {
			underWay++
		}
	}
	done.Store(true)
	wg.Wait()
	if db.Stats().Checkpoints == 0 || underWay == 0 {
		t.Errorf("%d checkpoints ran, %d looks found one under way", db.Stats().Checkpoints, underWay)
	}
	mk.same(t, db, m)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// scanAll: one chunk shows one group. The numbers are those of groups.
func scanAll(db *l3bolt.DB) (low, high uint64, err error) {
	recs, _, err := db.Scan(tier.Range{Records: 1000, MaxBytes: 1 << 20})
	if err != nil || len(recs) == 0 {
		return 0, 0, err
	}
	low, high = groupOf(recs[0].Version), groupOf(recs[0].Version)
	for _, rec := range recs {
		if n := groupOf(rec.Version); n != low {
			return 0, 0, fmt.Errorf("a chunk shows groups %d and %d", low, n)
		}
	}
	return low, high, nil
}

// groupOf: each group gave 24 versions.
func groupOf(version uint64) uint64 { return (version + 23) / 24 }

// loadAll reads the keys one after another: never an older group behind a
// newer one.
func loadAll(db *l3bolt.DB) (low, high uint64, err error) {
	return readAll(func(key string) (uint64, error) {
		rec, _, err := db.Load(key)
		return rec.Version, err
	})
}

func headAll(db *l3bolt.DB) (low, high uint64, err error) {
	return readAll(func(key string) (uint64, error) {
		heads := make([]tier.Head, 1)
		err := db.Heads([]string{key}, heads, nil)
		return heads[0].Version, err
	})
}

func readAll(read func(key string) (uint64, error)) (low, high uint64, err error) {
	for i := range 24 {
		version, err := read(fmt.Sprintf("key%02d", i))
		if err != nil {
			return 0, 0, err
		}
		n := groupOf(version)
		if i > 0 && n < high {
			return 0, 0, fmt.Errorf("group %d shows behind group %d", n, high)
		}
		if i == 0 {
			low = n
		}
		high = n
	}
	return low, high, nil
}

// TestCloseEndsItsGoroutines, also after failed openings.
func TestCloseEndsItsGoroutines(t *testing.T) {
	owners := []string{"created by github.com/stratakv/strata/l3bolt.Open", "created by github.com/stratakv/strata/l3bolt.(*journal).start"}
	dir := memoryDir(t)
	db := mustOpen(t, dir, tiny, nil)
	for _, owner := range owners {
		if !strings.Contains(stacks(), owner) {
			t.Fatalf("no goroutine of %s runs, the test shows nothing", owner)
		}
	}
	openError(t, dir, tiny)
	mk, m := newMaker(t, 12), emptyModel()
	for range 50 {
		var g *tier.Group
		g, m = mk.group(m)
		mustCommit(t, db, g)
	}
	for range 2 {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, owner := range owners {
		if s := stacks(); strings.Contains(s, owner) {
			t.Errorf("a goroutine of %s is left:\n%s", owner, s)
		}
	}
}

func stacks() string {
	buf := make([]byte, 1<<20)
	return string(bytes.TrimSpace(buf[:runtime.Stack(buf, true)]))
}
