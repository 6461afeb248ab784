//go:build !wasm

package l3bolt_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered/tier"
)

// TestDamagedStoreNeverLies garbles store.db in many ways: it opens or says
// ErrCorrupt, and a record that it gives is one that was put, whole.
func TestDamagedStoreNeverLies(t *testing.T) {
	base := memoryDir(t)
	dir := filepath.Join(base, "sound")
	mk, m := newMaker(t, 14), emptyModel()
	db := mustOpen(t, dir, l3bolt.Options{SpareBytes: -1}, nil)
	g := &tier.Group{}
	for i := range 600 {
		mk.put(g, &m, fmt.Sprintf("key%03d", i), fmt.Sprintf("value %d", i), int64(i*700))
	}
	mk.finish(g, &m)
	mustCommit(t, db, g)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	sound, err := os.ReadFile(filepath.Join(dir, "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	used := len(bytes.TrimRight(sound, "\x00"))
	found := map[string]int{}
	for i := range 150 {
		damaged := filepath.Join(base, fmt.Sprint(i))
		if err := os.MkdirAll(damaged, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := writeSparse(filepath.Join(damaged, "store.db"), garble(sound, used, uint64(i))); err != nil {
			t.Fatal(err)
		}
		found[mk.useDamaged(t, damaged, m)]++
		if err := os.RemoveAll(damaged); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%v", found)
	if found["damage met"] == 0 || found["refused"] == 0 {
		t.Errorf("got %v, want some refused at opening and some met later", found)
	}
}

// garble returns a copy of data with one fault in its first used bytes.
func garble(data []byte, used int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 3))
	data = bytes.Clone(data)
	at := rng.IntN(used)
	switch rng.IntN(4) {
	case 0: // one bit
		data[at] ^= 1 << rng.IntN(8)
	case 1: // a sector gone
		clear(data[at&^511 : min(at&^511+512, len(data))])
	case 2: // a page header: element counts and flags
		page := at &^ 4095
		data[page+8+rng.IntN(8)] ^= byte(1 + rng.IntN(255))
	case 3: // noise
		for i := range data[at:min(at+64, len(data))] {
			data[at+i] = byte(rng.Uint32())
		}
	}
	return data
}

// useDamaged does to the store all that can be done.
func (mk *maker) useDamaged(t *testing.T, dir string, m model) string {
	t.Helper()
	db, err := l3bolt.Open(dir, &l3bolt.Options{SpareBytes: -1, SegmentBytes: 4 << 10})
	if err != nil {
		wantIs(t, "open", err, tier.ErrCorrupt)
		return "refused"
	}
	outcome := "nothing met"
	note := func(what string, err error) {
		if err != nil {
			wantIs(t, what, err, tier.ErrCorrupt)
			outcome = "damage met"
		}
	}
	genuine := func(rec tier.Record) {
		value, err := mk.codec.Decode(nil, rec.Key, rec.Frame)
		note("decode", err)
		if want := m.records[rec.Key]; err == nil && (string(value) != want.value || rec.Deadline != want.deadline || rec.Version != want.version) {
			t.Fatalf("%s: got a record that was never put", rec.Key)
		}
	}
	for key := range m.records {
		rec, found, err := db.Load(key)
		if note("load", err); found {
			genuine(rec)
		}
	}
	recs, _, err := db.Scan(tier.Range{Records: 1000, MaxBytes: 1 << 20})
	note("scan", err)
	for _, rec := range recs {
		genuine(rec)
	}
	_, err = db.Due(1<<40, 1000)
	note("due", err)
	g, _ := mk.one(m, "key300", "new", 0)
	mustCommit(t, db, g)
	if err := db.Checkpoint(); err != nil {
		note("checkpoint", err)
		if err := db.Commit(g); answerOf(err) != tier.ErrUnavailable {
			t.Fatalf("commit after a failed checkpoint: got %v, want ErrUnavailable", err)
		}
	}
	if err := db.Close(); err != nil && !errors.Is(err, tier.ErrCorrupt) && !errors.Is(err, tier.ErrUnavailable) {
		t.Fatalf("close: %v", err)
	}
	return outcome
}
