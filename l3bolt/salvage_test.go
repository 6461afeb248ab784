//go:build !wasm

package l3bolt_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered/tier"
	bolt "go.etcd.io/bbolt"
)

const pageBytes = 4 << 10

// sample is a closed store whose free pages hold old and removed records.
type sample struct {
	mk    *maker
	m     model
	data  []byte
	pages map[string]map[int]bool // that a record lies on
}

func newSample(t testing.TB, records int) *sample {
	t.Helper()
	dir := memoryDir(t)
	s := &sample{mk: newMaker(t, 31), m: emptyModel(), pages: map[string]map[int]bool{}}
	db := mustOpen(t, dir, still, nil)
	commit := func(change func(g *tier.Group, i int)) {
		g := &tier.Group{}
		for i := range records {
			change(g, i)
		}
		s.mk.finish(g, &s.m)
		mustCommit(t, db, g)
		if err := db.Checkpoint(); err != nil {
			t.Fatal(err)
		}
	}
	key := func(i int) string { return fmt.Sprintf("key%05d", i) }
	commit(func(g *tier.Group, i int) { s.mk.put(g, &s.m, key(i), fmt.Sprintf("first %090d", i), int64(i%3*700)) })
	commit(func(g *tier.Group, i int) {
		switch {
		case i%7 == 0 || i/100 == 3: // here and there, and all of some leaves
			s.mk.remove(g, &s.m, key(i))
		case i%11 == 0:
			s.mk.put(g, &s.m, key(i), fmt.Sprintf("second %0*d", i%9*1000, i), 0)
		}
	})
	commit(func(g *tier.Group, i int) {
		if i%13 == 0 {
			s.mk.put(g, &s.m, key(i), fmt.Sprintf("third %080d", i), 0)
		}
	})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "store.db")
	s.locate(t, path)
	var err error
	if s.data, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	return s
}

// locate finds the pages that each record lies on.
func (s *sample) locate(t testing.TB, path string) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("records")).ForEach(func(k, v []byte) error {
			from := int(uintptr(unsafe.Pointer(&k[0])) - db.Info().Data)
			to := int(uintptr(unsafe.Pointer(&v[len(v)-1])) - db.Info().Data)
			on := map[int]bool{}
			for n := from / pageBytes; n <= to/pageBytes; n++ {
				on[n] = true
			}
			s.pages[string(k[1:])] = on
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.pages) != len(s.m.records) {
		t.Fatalf("located %d records, want %d", len(s.pages), len(s.m.records))
	}
}

// salvage runs Salvage over data; nothing may come twice or differ from what
// was put last.
func (s *sample) salvage(t testing.TB, data []byte) (map[string]stored, error) {
	t.Helper()
	path := filepath.Join(memoryDir(t), "store.db")
	if err := writeSparse(path, data); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(path)
	begun := time.Now()
	given := map[string]stored{}
	err := l3bolt.Salvage(path, func(rec tier.Record) error {
		value, err := s.mk.codec.Decode(nil, rec.Key, rec.Frame)
		if err != nil {
			t.Fatalf("a damaged record was given: %v", err)
		}
		if _, ok := given[rec.Key]; ok {
			t.Fatalf("%s: given twice", rec.Key)
		}
		given[rec.Key] = stored{string(value), rec.Deadline, rec.Version, len(rec.Frame)}
		return nil
	})
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("took %v, want it bounded", took)
	}
	if err != nil {
		wantIs(t, "salvage", err, tier.ErrCorrupt)
	}
	return given, err
}

// wantLive fails on a record that is old, removed, or never was.
func (s *sample) wantLive(t *testing.T, what string, given map[string]stored) {
	t.Helper()
	for key, rec := range given {
		if want, ok := s.m.records[key]; !ok || rec != want {
			t.Fatalf("%s: %s of version %d was given, want version %d", what, key, rec.version, want.version)
		}
	}
}

// wantUntouched also fails unless all records on untouched pages are there.
func (s *sample) wantUntouched(t *testing.T, what string, data []byte, given map[string]stored, err error) {
	t.Helper()
	s.wantLive(t, what, given)
	touched := map[int]bool{}
	for off := 0; off < len(s.data); off += pageBytes {
		end := off + pageBytes
		touched[off/pageBytes] = end > len(data) || !bytes.Equal(data[off:end], s.data[off:end])
	}
	for key, on := range s.pages {
		hit := false
		for n := range on {
			hit = hit || touched[n]
		}
		if _, ok := given[key]; !ok && !hit {
			t.Fatalf("%s: %s lies on untouched pages and was not given; %v", what, key, err)
		}
	}
	if len(given) < len(s.m.records) && err == nil {
		t.Fatalf("%s: got %d records of %d and no error", what, len(given), len(s.m.records))
	}
}

func TestSalvageOfSoundStores(t *testing.T) {
	for _, records := range []int{0, 1, 5, 90, 6000} {
		s := newSample(t, records)
		given, err := s.salvage(t, s.data)
		if err != nil || !maps.Equal(given, s.m.records) {
			t.Errorf("%d records: %v; %s", records, err, firstDifference(given, s.m.records))
		}
	}
}

// kinds gives the pages in use of each kind: by the flags in their headers, as
// far as they hold no record.
func (s *sample) kinds() (branches, roots, freelists []int) {
	for off := 2 * pageBytes; off < len(s.data); off += pageBytes {
		page := s.data[off:][:pageBytes]
		switch {
		case page[8] == 1:
			branches = append(branches, off/pageBytes)
		case page[8] == 2 && bytes.Contains(page, []byte("records")) && bytes.Contains(page, []byte("expiry")):
			roots = append(roots, off/pageBytes)
		case page[8] == 0x10:
			freelists = append(freelists, off/pageBytes)
		}
	}
	return branches, roots, freelists
}

// TestSalvageOfOneDamagedPage: each branch, root, freelist and meta page that
// there is, and some leaves, zeroed and garbled.
func TestSalvageOfOneDamagedPage(t *testing.T) {
	s := newSample(t, 2500)
	branches, roots, freelists := s.kinds()
	if len(branches) < 4 || len(roots) < 2 || len(freelists) < 2 {
		t.Fatalf("got %d branches, %d roots, %d freelists", len(branches), len(roots), len(freelists))
	}
	pages := append(append(append([]int{0, 1}, branches...), roots...), freelists...)
	for n := 2; n < len(s.data)/pageBytes; n += 41 {
		pages = append(pages, n)
	}
	for _, n := range pages {
		zeroed := bytes.Clone(s.data)
		clear(zeroed[n*pageBytes:][:pageBytes])
		given, err := s.salvage(t, zeroed)
		s.wantUntouched(t, fmt.Sprintf("page %d zeroed", n), zeroed, given, err)
		for _, at := range []int{0, 8, 10, 12, 16, 24, 33} {
			garbled := bytes.Clone(s.data)
			garbled[n*pageBytes+at] ^= 1 << (n % 8)
			given, err := s.salvage(t, garbled)
			s.wantUntouched(t, fmt.Sprintf("page %d garbled at %d", n, at), garbled, given, err)
		}
	}
}

// TestSalvageOfATreeWithAShortcut: a branch that leads to a leaf instead of the
// branch above it, though to keys that may lie there.
func TestSalvageOfATreeWithAShortcut(t *testing.T) {
	s := newSample(t, 2500)
	child := func(data []byte, page uint64, i int) []byte { return data[int(page)*pageBytes+16+16*i+8:] }
	branches, _, _ := s.kinds()
	tried := 0
	for _, n := range branches {
		for i := range int(binary.NativeEndian.Uint16(s.data[n*pageBytes+10:])) {
			below := binary.NativeEndian.Uint64(child(s.data, uint64(n), i))
			if s.data[below*pageBytes+8] != 1 {
				continue
			}
			data := bytes.Clone(s.data)
			copy(child(data, uint64(n), i)[:8], child(s.data, below, 1)[:8])
			given, err := s.salvage(t, data)
			s.wantUntouched(t, fmt.Sprintf("page %d, child %d", n, i), data, given, err)
			tried++
		}
	}
	if tried == 0 {
		t.Error("no branch above a branch: nothing was tested")
	}
}

func TestSalvageOfRandomDamage(t *testing.T) {
	s := newSample(t, 1000)
	used := len(bytes.TrimRight(s.data, "\x00"))
	for seed := range uint64(120) {
		data := garble(s.data, used, seed)
		given, err := s.salvage(t, data)
		s.wantUntouched(t, fmt.Sprintf("seed %d", seed), data, given, err)
		for i := range seed % 30 {
			data = garble(data, used, seed<<32|i)
		}
		given, _ = s.salvage(t, data)
		s.wantLive(t, fmt.Sprintf("seed %d, many", seed), given)
	}
}

// TestSalvageByAFreelistThatNamesPagesInUse: the tree is believed, but what
// the freelist lacks instead is not taken for live.
func TestSalvageByAFreelistThatNamesPagesInUse(t *testing.T) {
	s := newSample(t, 2000)
	meta := s.data[16:]
	if s.data[pageBytes+16+48] > s.data[16+48] {
		meta = s.data[pageBytes+16:]
	}
	at := int(binary.NativeEndian.Uint64(meta[32:])) * pageBytes
	count := int(binary.NativeEndian.Uint16(s.data[at+10:]))
	tried, whole := 0, 0
	for i := range count - 1 {
		entry := s.data[at+16+8*i:]
		id := binary.NativeEndian.Uint64(entry)
		if binary.NativeEndian.Uint64(entry[8:]) == id+1 {
			continue
		}
		data := bytes.Clone(s.data)
		binary.NativeEndian.PutUint64(data[at+16+8*i:], id+1)
		given, err := s.salvage(t, data)
		s.wantLive(t, fmt.Sprintf("free page %d", id+1), given)
		if err == nil && len(given) < len(s.m.records) {
			t.Errorf("free page %d: got %d records of %d and no error", id+1, len(given), len(s.m.records))
		}
		tried++
		if len(given) == len(s.m.records) {
			whole++
		}
	}
	if tried == 0 || whole < tried/2 {
		t.Errorf("got all records %d times of %d, want most", whole, tried)
	}
	t.Logf("all records %d times of %d", whole, tried)
}

// TestSalvageOfCutOffStore: what is left is given as far as the tree shows it.
func TestSalvageOfCutOffStore(t *testing.T) {
	s := newSample(t, 3000)
	most, used := 0, len(bytes.TrimRight(s.data, "\x00"))
	for cut := 0; cut < used; cut += used/40 + 777 {
		given, err := s.salvage(t, s.data[:cut])
		wantIs(t, "cut off", err, tier.ErrCorrupt)
		s.wantLive(t, fmt.Sprintf("cut at %d", cut), given)
		most = max(most, len(given))
	}
	if most == 0 {
		t.Error("got no record from any cut")
	}
}

// TestSalvageWithoutMeta gives nothing: old records would look like live ones.
func TestSalvageWithoutMeta(t *testing.T) {
	s := newSample(t, 500)
	data := bytes.Clone(s.data)
	clear(data[:2*pageBytes])
	if given, err := s.salvage(t, data); len(given) != 0 || err == nil {
		t.Errorf("got %d records, %v; want none and ErrCorrupt", len(given), err)
	}
}

// TestSalvageByTheOlderMeta gives the state of one checkpoint before, and says
// so.
func TestSalvageByTheOlderMeta(t *testing.T) {
	dir := memoryDir(t)
	s := &sample{mk: newMaker(t, 32), m: emptyModel()}
	db := mustOpen(t, dir, still, nil)
	var older model
	for i := range 4 {
		older = s.m
		var g *tier.Group
		g, s.m = s.mk.one(s.m, fmt.Sprint("key", i), "value", 0)
		mustCommit(t, db, g)
		if err := db.Checkpoint(); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Crash(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	newest := 0
	if data[pageBytes+16+48] > data[16+48] { // the transactions' numbers
		newest = 1
	}
	data[newest*pageBytes+30] ^= 1
	given, err := s.salvage(t, data)
	if err == nil || !strings.Contains(err.Error(), "one checkpoint old") {
		t.Errorf("got %v, want it said that all may be old", err)
	}
	if !maps.Equal(given, older.records) {
		t.Errorf("got %d records, want the %d of the checkpoint before", len(given), len(older.records))
	}
}

func TestSalvageLeavesOpenStoresAlone(t *testing.T) {
	dir := memoryDir(t)
	db := mustOpen(t, dir, still, nil)
	path := filepath.Join(dir, "store.db")
	none := func(tier.Record) error { return nil }
	wantIs(t, "salvage of an open store", l3bolt.Salvage(path, none), tier.ErrLocked)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l3bolt.Salvage(path, none); err != nil {
		t.Errorf("after Close: got %v", err)
	}
	wantIs(t, "salvage of nothing", l3bolt.Salvage(path+"x", none), tier.ErrUnavailable)
	db = mustOpen(t, dir, still, nil) // the locks went
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestSalvageEndsWithItsCaller(t *testing.T) {
	s := newSample(t, 90)
	path := filepath.Join(memoryDir(t), "store.db")
	if err := writeSparse(path, s.data); err != nil {
		t.Fatal(err)
	}
	enough, n := errors.New("enough"), 0
	err := l3bolt.Salvage(path, func(tier.Record) error {
		if n++; n == 3 {
			return enough
		}
		return nil
	})
	if n != 3 || !errors.Is(err, enough) {
		t.Errorf("got %d records and %v, want 3 and the caller's error", n, err)
	}
}

// FuzzSalvage salvages any bytes: no panic, no damaged record, none twice.
func FuzzSalvage(f *testing.F) {
	s := newSample(f, 400)
	used := (len(bytes.TrimRight(s.data, "\x00"))/pageBytes + 1) * pageBytes
	f.Add(s.data[:used])
	for seed := range uint64(8) {
		f.Add(garble(s.data[:used], used, seed))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) { _, _ = s.salvage(t, data) })
}
