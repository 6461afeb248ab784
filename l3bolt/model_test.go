//go:build !wasm

package l3bolt_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stratakv/strata/l3bolt"
)

// TestModel commits random groups against a map, with checkpoints and
// segments forced small, closings, kills and reopenings.
func TestModel(t *testing.T) {
	for range 4 {
		seed := rand.Uint64()
		for name, opts := range map[string]l3bolt.Options{"tiny": tiny, "default": still} {
			t.Run(name, func(t *testing.T) {
				t.Logf("seed %d", seed)
				runModel(t, seed, opts)
			})
		}
	}
}

func runModel(t *testing.T, seed uint64, opts l3bolt.Options) {
	dir := memoryDir(t)
	mk, m := newMaker(t, seed), emptyModel()
	db := mustOpen(t, dir, opts, nil)
	checkpoints, least := uint64(0), uint64(0)
	for range 12 {
		committed := false
		for range mk.rng.IntN(60) {
			g, after := mk.group(m)
			mustCommit(t, db, g)
			m, committed = after, true
		}
		mk.same(t, db, m)
		end := db.Close
		switch mk.rng.IntN(3) {
		case 0:
			end, committed = db.Crash, false
		case 1:
			if err := db.Checkpoint(); err != nil {
				t.Fatal(err)
			}
			mk.same(t, db, m)
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		checkpoints += db.Stats().Checkpoints
		if committed {
			least++ // Close writes back
		}
		db = mustOpen(t, dir, opts, nil)
		mk.reopened(t, db, m)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if checkpoints < least {
		t.Errorf("%d checkpoints ran, want %d at least", checkpoints, least)
	}
}
