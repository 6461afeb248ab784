//go:build !wasm

package l3bolt_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered/tier"
)

// TestReplayedSegmentsStay (J6): what an opening has replayed is in no
// checkpoint, and its segments are not made new ones of, however many are needed.
func TestReplayedSegmentsStay(t *testing.T) {
	opts := l3bolt.Options{SegmentBytes: 16 << 10, CheckpointBytes: 1 << 30}
	mk, m := newMaker(t, 1), model{records: map[string]stored{}}
	dir := t.TempDir()
	for range 4 {
		db := mustOpen(t, dir, opts, nil)
		for range 30 {
			g := &tier.Group{}
			key := fmt.Sprintf("key %d", m.version)
			value := make([]byte, 2000) // that does not compress
			for i := range value {
				value[i] = byte(mk.rng.Uint32())
			}
			mk.put(g, &m, key, string(value), 0)
			mk.finish(g, &m)
			mustCommit(t, db, g)
		}
		killed := t.TempDir()
		if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		dir = killed
	}
	db := mustOpen(t, dir, opts, nil)
	for key, want := range m.records {
		rec, found, err := db.Load(key)
		if err != nil || !found || rec.Version != want.version {
			t.Fatalf("%s: got version %d, %v, %v, want version %d", key, rec.Version, found, err, want.version)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
