//go:build !wasm

package l3bolt_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/l3bolt/faultfs"
	"github.com/stratakv/strata/tiered/tier"
)

// dictionaryOf has the form of a dictionary, as far as the store looks at it.
func dictionaryOf(id uint32, prefix string, n int) tier.Dictionary {
	b := binary.LittleEndian.AppendUint32([]byte{0x37, 0xa4, 0x30, 0xec}, id)
	for len(b) < n {
		b = append(b, byte(len(b)*int(id)))
	}
	return tier.Dictionary{ID: id, Prefix: prefix, Bytes: b, Trained: int64(id) * 7, Raw: 100, Stored: 33}
}

// Of these, the first is so short that bbolt keeps the bucket inline.
var dictionaries = []tier.Dictionary{
	dictionaryOf(40_000, "web:", 100), dictionaryOf(1, "", 9000), dictionaryOf(1<<31-1, "cart:", 3000), dictionaryOf(7, "web:", 70_000),
}

func keepAll(t *testing.T, db *l3bolt.DB, all []tier.Dictionary) {
	t.Helper()
	for _, d := range all {
		if err := db.KeepDictionary(d); err != nil {
			t.Fatalf("keep dictionary %d: %v", d.ID, err)
		}
	}
}

func wantDictionaries(t *testing.T, what string, got []tier.Dictionary, err error, want []tier.Dictionary) {
	t.Helper()
	byID := func(a, b tier.Dictionary) int { return int(int64(a.ID) - int64(b.ID)) }
	same := func(a, b tier.Dictionary) bool {
		x, y := a, b
		x.Bytes, y.Bytes = nil, nil
		return x.ID == y.ID && x.Prefix == y.Prefix && x.Trained == y.Trained && x.Raw == y.Raw && x.Stored == y.Stored && bytes.Equal(a.Bytes, b.Bytes)
	}
	got, want = slices.SortedFunc(slices.Values(got), byID), slices.SortedFunc(slices.Values(want), byID)
	if err != nil || !slices.EqualFunc(got, want, same) {
		t.Fatalf("%s: got %d dictionaries, %v, want the %d that were kept", what, len(got), err, len(want))
	}
}

// TestDictionaryIsDurable: it is in store.db when KeepDictionary returns (D9),
// which a copy of the file shows as a power cut would; and it stays through
// checkpoints, closing and opening.
func TestDictionaryIsDurable(t *testing.T) {
	dir, other := memoryDir(t), memoryDir(t)
	fs := faultfs.New(dir)
	mk, m := newMaker(t, 21), emptyModel()
	db := mustOpen(t, dir, tiny, fs)
	none, err := db.Dictionaries()
	wantDictionaries(t, "new store", none, err, nil)
	next := numbered(other)
	for i, d := range dictionaries {
		for range 20 {
			var g *tier.Group
			g, m = mk.group(m)
			mustCommit(t, db, g)
		}
		keepAll(t, db, []tier.Dictionary{d, d})
		cut := next()
		var left *faultfs.FS
		db.Paused(func() {
			copyStore(t, dir, cut)
			left = fs.PowerCut(cut, uint64(i))
		})
		after := mustOpen(t, cut, still, left)
		got, err := after.Dictionaries()
		wantDictionaries(t, "after a power cut", got, err, dictionaries[:i+1])
		mk.reopened(t, after, m)
		if err := after.Check(); err != nil {
			t.Fatal(err)
		}
		if err := after.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = mustOpen(t, dir, tiny, fs)
		got, err := db.Dictionaries()
		wantDictionaries(t, "reopened", got, err, dictionaries)
	}
	mk.reopened(t, db, m)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	wantIs(t, "after Close", db.KeepDictionary(dictionaryOf(8, "", 50)), tier.ErrUnavailable)
}

func TestDictionaryIsRefused(t *testing.T) {
	db := mustOpen(t, memoryDir(t), still, nil)
	defer db.Close()
	keepAll(t, db, dictionaries)
	other := dictionaryOf(7, "web:", 70_001)
	wantIs(t, "another one under the id", db.KeepDictionary(other), tier.ErrVersion)
	noID, tooLong := dictionaryOf(0, "", 100), dictionaryOf(9, "", 1<<20+1)
	foreign := dictionaryOf(9, "", 100)
	foreign.ID = 10
	for name, d := range map[string]tier.Dictionary{"id 0": noID, "too long": tooLong, "another id in its bytes": foreign, "no bytes": {ID: 3}} {
		wantIs(t, name, db.KeepDictionary(d), tier.ErrTooLarge)
	}
	got, err := db.Dictionaries()
	wantDictionaries(t, "after refusals", got, err, dictionaries)
}

// TestOldBuildsRefuseAStoreWithDictionaries, and take one without.
func TestOldBuildsRefuseAStoreWithDictionaries(t *testing.T) {
	dir := memoryDir(t)
	db := mustOpen(t, dir, still, nil)
	if got, err := db.Features(); got != 0 || err != nil {
		t.Errorf("features of a new store: got %d, %v, want 0", got, err)
	}
	keepAll(t, db, dictionaries[:2])
	if got, err := db.Features(); got != 1 || err != nil {
		t.Errorf("features of a store with dictionaries: got %d, %v, want 1", got, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// flipIn changes one byte behind the last place where what lies in the file.
func flipIn(t *testing.T, dir string, what []byte, behind int) {
	t.Helper()
	name := filepath.Join(dir, "store.db")
	data, err := os.ReadFile(name)
	at := bytes.LastIndex(data, what)
	if err != nil || at < 0 {
		t.Fatalf("no such bytes in store.db, %v", err)
	}
	data[at+behind] ^= 0x40
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedDictionaryIsToldAndNotReplaced: the others are given, and the id
// is not given away: frames name it.
func TestDamagedDictionaryIsToldAndNotReplaced(t *testing.T) {
	dir := memoryDir(t)
	db := mustOpen(t, dir, still, nil)
	keepAll(t, db, dictionaries)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	flipIn(t, dir, dictionaries[1].Bytes, 5000)
	db = mustOpen(t, dir, still, nil)
	defer db.Close()
	got, err := db.Dictionaries()
	wantIs(t, "Dictionaries", err, tier.ErrCorrupt)
	wantDictionaries(t, "the others", got, nil, slices.Delete(slices.Clone(dictionaries), 1, 2))
	wantIs(t, "Check", db.Check(), tier.ErrCorrupt)
	wantIs(t, "KeepDictionary", db.KeepDictionary(dictionaries[1]), tier.ErrCorrupt)
	keepAll(t, db, []tier.Dictionary{dictionaryOf(99, "", 500)})
}

// TestSalvagedDictionaries: without root and freelist, and with only the first
// one, which lies inline in the root.
func TestSalvagedDictionaries(t *testing.T) {
	for name, keep := range map[string][]tier.Dictionary{"inline": dictionaries[:1], "all": dictionaries} {
		dir := memoryDir(t)
		db := mustOpen(t, dir, still, nil)
		keepAll(t, db, keep)
		path := filepath.Join(dir, "store.db")
		if _, err := l3bolt.SalvageDictionaries(path); err == nil {
			t.Errorf("%s: an open store was salvaged", name)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := l3bolt.SalvageDictionaries(path)
		wantDictionaries(t, name, got, err, keep)
		if name == "inline" {
			continue
		}
		root, size, err := l3bolt.RootPage(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []int64{0, root} {
			if _, err := f.WriteAt(make([]byte, size), at); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		got, err = l3bolt.SalvageDictionaries(path)
		wantDictionaries(t, name+", root and a meta page gone", got, err, keep)
	}
}
