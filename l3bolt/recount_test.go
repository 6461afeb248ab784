//go:build !wasm

package l3bolt_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered/tier"
)

// TestUsageIsRightAfterDamage: the head of a damaged record is not known, so
// what replaces it is counted as new; the next opening counts anew, after a
// closing, after a crash, and after one between the pieces of a checkpoint.
func TestUsageIsRightAfterDamage(t *testing.T) {
	for _, crash := range []bool{false, true} {
		t.Run(fmt.Sprintf("crash %t", crash), func(t *testing.T) { usageAfterDamage(t, crash, (*l3bolt.DB).Checkpoint) })
	}
	t.Run("crash between pieces", func(t *testing.T) {
		usageAfterDamage(t, true, func(db *l3bolt.DB) error {
			_, err := db.SomePieces(1, 1)
			return err
		})
	})
}

func usageAfterDamage(t *testing.T, crash bool, write func(*l3bolt.DB) error) {
	dir := memoryDir(t)
	mk, m := newMaker(t, 33), emptyModel()
	db := mustOpen(t, dir, still, nil)
	g := &tier.Group{}
	for i := range 40 {
		mk.put(g, &m, fmt.Sprint("key", i), fmt.Sprintf("value %050d", i), 0)
	}
	mk.finish(g, &m)
	damagedFrame := bytes.Clone(g.Changes[7].Frame)
	mustCommit(t, db, g)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	garbleFrame(t, filepath.Join(dir, "store.db"), damagedFrame)

	db = mustOpen(t, dir, still, nil)
	if err := db.Heads([]string{"key7"}, make([]tier.Head, 1), nil); err == nil {
		t.Fatal("the head is not damaged")
	}
	// As an authority that was told no head counts it.
	before := db.State().Usage
	g, m = mk.one(m, "key7", "new", 0)
	g.Usage = before
	g.Usage.Records++
	g.Usage.StoredBytes += int64(len(g.Changes[0].Frame))
	mustCommit(t, db, g)
	if err := write(db); err != nil {
		t.Fatal(err)
	}
	if m, err := db.Marked(); !m || err != nil {
		t.Errorf("after the damaged record was replaced: got marked %t, %v, want so", m, err)
	}
	end := db.Close
	if crash {
		end = db.Crash
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}

	db = mustOpen(t, dir, still, nil)
	mk.reopened(t, db, m)
	if err := db.Crash(); err != nil { // before anything wrote the count
		t.Fatal(err)
	}
	db = mustOpen(t, dir, still, nil)
	mk.reopened(t, db, m)
	g, m = mk.one(m, "another", "value", 0)
	mustCommit(t, db, g)
	if err := db.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	if m, err := db.Marked(); m || err != nil {
		t.Errorf("after a checkpoint of the new count: got marked %t, %v, want not", m, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = mustOpen(t, dir, still, nil)
	defer db.Close()
	mk.reopened(t, db, m)
}

// garbleFrame flips a bit in the header of a frame, wherever it lies.
func garbleFrame(t *testing.T, path string, frame []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for at := bytes.Index(data, frame); at >= 0; at = bytes.Index(data, frame) {
		data[at+codec.HeaderSize-1] ^= 1
		n++
	}
	if n == 0 {
		t.Fatal("the frame is not in the file")
	}
	if err := writeSparse(path, data); err != nil {
		t.Fatal(err)
	}
}
