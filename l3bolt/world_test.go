//go:build !wasm

package l3bolt_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/l3bolt/faultfs"
	"github.com/stratakv/strata/tiered/tier"
)

// tiny makes checkpoints and segments happen all the time.
var tiny = l3bolt.Options{SegmentBytes: 2 << 10, CheckpointBytes: 6 << 10, SpareBytes: 4 << 10}

// still makes neither happen by itself.
var still = l3bolt.Options{SegmentBytes: 64 << 10, SpareBytes: -1}

// stored is a record as the model knows it.
type stored struct {
	value    string
	deadline int64
	version  uint64
	frameLen int
}

// model is what a store should hold.
type model struct {
	records map[string]stored
	version uint64
	stamp   tier.Stamp
}

func (m model) clone() model {
	m.records = maps.Clone(m.records)
	return m
}

func (m model) usage() tier.Usage {
	var u tier.Usage
	for key, r := range m.records {
		u.Records++
		u.LiveBytes += tier.LogicalSize(key, len(r.value))
		u.RawBytes += int64(len(r.value))
		u.StoredBytes += int64(r.frameLen)
	}
	return u
}

// maker makes groups and the models that follow from them.
type maker struct {
	rng   *rand.Rand
	codec *codec.Codec
	keys  int
}

func newMaker(t testing.TB, seed uint64) *maker {
	t.Helper()
	c, err := codec.New(codec.Options{}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return &maker{rng: rand.New(rand.NewPCG(seed, 2)), codec: c, keys: 40}
}

// group is a random group upon m, and the model after it.
func (mk *maker) group(m model) (*tier.Group, model) {
	after := m.clone()
	g := &tier.Group{}
	for range mk.rng.IntN(6) {
		key := fmt.Sprintf("key%d", mk.rng.IntN(mk.keys))
		if mk.rng.IntN(20) == 0 {
			key = ""
		}
		switch old, found := after.records[key]; {
		case found && mk.rng.IntN(4) == 0:
			mk.remove(g, &after, key)
		case found && mk.rng.IntN(3) == 0:
			mk.touch(g, &after, key, old.deadline+mk.rng.Int64N(9000)-2000)
		default:
			mk.put(g, &after, key, string(bytes.Repeat([]byte{byte(mk.rng.IntN(256)), byte(mk.rng.IntN(256))}, mk.rng.IntN(300))), mk.deadline())
		}
	}
	mk.finish(g, &after)
	return g, after
}

// finish completes g so that after follows from it.
func (mk *maker) finish(g *tier.Group, after *model) {
	after.stamp = tier.Stamp{Store: after.stamp.Store + 1, Boot: 7, BootID: "boot", Slew: -8, SlewFrom: 9}
	g.Version, g.Usage, g.Stamp = after.version, after.usage(), after.stamp
}

// deadline is none, or one of 100 seconds.
func (mk *maker) deadline() int64 {
	if mk.rng.IntN(3) == 0 {
		return 0
	}
	return 1 + mk.rng.Int64N(100_000)
}

func (mk *maker) put(g *tier.Group, m *model, key, value string, deadline int64) {
	m.version++
	frame := mk.codec.Encode([]byte(value))
	head := codec.Seal(frame, key, m.version, deadline)
	g.Changes = append(g.Changes, tier.Change{Key: key, Frame: frame, Head: head})
	m.records[key] = stored{value, deadline, m.version, len(frame)}
}

func (mk *maker) touch(g *tier.Group, m *model, key string, deadline int64) {
	old := m.records[key]
	mk.put(g, m, key, old.value, max(deadline, 1))
	g.Changes[len(g.Changes)-1].Touch = true
}

func (mk *maker) remove(g *tier.Group, m *model, key string) {
	m.version++
	g.Changes = append(g.Changes, tier.Change{Key: key, Head: tier.Head{Version: m.version}})
	delete(m.records, key)
}

// one is a group of one put.
func (mk *maker) one(m model, key, value string, deadline int64) (*tier.Group, model) {
	after := m.clone()
	g := &tier.Group{}
	mk.put(g, &after, key, value, deadline)
	mk.finish(g, &after)
	return g, after
}

func emptyModel() model { return model{records: map[string]stored{}} }

// differs compares all of what db shows with m. The error is nil if it is the
// same.
func (mk *maker) differs(db *l3bolt.DB, m model) error {
	found := map[string]stored{}
	for r, more := (tier.Range{Records: 7, MaxBytes: 4 << 10}), true; more; {
		var recs []tier.Record
		var err error
		if recs, more, err = db.Scan(r); err != nil {
			return fmt.Errorf("scan: %w", err)
		}
		for _, rec := range recs {
			value, err := mk.codec.Decode(nil, rec.Key, rec.Frame)
			if err != nil {
				return fmt.Errorf("decode: %w", err)
			}
			found[rec.Key] = stored{string(value), rec.Deadline, rec.Version, len(rec.Frame)}
			r.From = rec.Key + "\x00"
		}
	}
	if !maps.Equal(found, m.records) {
		return fmt.Errorf("scan shows %d records, want %d: %v", len(found), len(m.records), firstDifference(found, m.records))
	}
	if got := db.Stats().Usage; got != m.usage() {
		return fmt.Errorf("usage: got %+v, want %+v", got, m.usage())
	}
	return mk.loadsDiffer(db, m)
}

func (mk *maker) loadsDiffer(db *l3bolt.DB, m model) error {
	keys := append(slices.Sorted(maps.Keys(m.records)), "absent")
	heads := make([]tier.Head, len(keys))
	if err := db.Heads(keys, heads, nil); err != nil {
		return fmt.Errorf("heads: %w", err)
	}
	for i, key := range keys {
		want, ok := m.records[key]
		rec, found, err := db.Load(key)
		if err != nil || found != ok || rec.Version != want.version || rec.Head != heads[i] {
			return fmt.Errorf("load %q: got %+v, %t, %v; head %+v, want version %d", key, rec.Head, found, err, heads[i], want.version)
		}
	}
	return nil
}

func firstDifference(got, want map[string]stored) string {
	for key := range want {
		if got[key] != want[key] {
			return fmt.Sprintf("%q: got version %d, want %d", key, got[key].version, want[key].version)
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			return fmt.Sprintf("%q: got version %d, want none", key, got[key].version)
		}
	}
	return ""
}

// isState reports what in the state of a reopened store differs from m.
func stateDiffers(db *l3bolt.DB, m model) error {
	s := db.State()
	if s.Version != m.version || s.Usage != m.usage() || s.Stamp != m.stamp {
		return fmt.Errorf("state: got version %d, usage %+v, stamp %+v; want %d, %+v, %+v", s.Version, s.Usage, s.Stamp, m.version, m.usage(), m.stamp)
	}
	return nil
}

// same fails the test unless db is sound, shows m, and was found with it.
func (mk *maker) same(t testing.TB, db *l3bolt.DB, m model) {
	t.Helper()
	if err := errors.Join(mk.differs(db, m), db.Check()); err != nil {
		t.Fatal(err)
	}
}

func (mk *maker) reopened(t testing.TB, db *l3bolt.DB, m model) {
	t.Helper()
	mk.same(t, db, m)
	if err := stateDiffers(db, m); err != nil {
		t.Fatal(err)
	}
}

// memoryDir is a directory for tests that need many stores and no durability.
func memoryDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "l3bolt-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// copyStore copies store.db, which is sparse, from one directory to another
// that it makes.
func copyStore(t testing.TB, from, to string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(from, "store.db"))
	if err == nil {
		err = os.MkdirAll(to, 0o700)
	}
	if err == nil {
		err = writeSparse(filepath.Join(to, "store.db"), data)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func writeSparse(name string, data []byte) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	zeros := make([]byte, 4<<10)
	for off := 0; off < len(data); off += len(zeros) {
		block := data[off:min(off+len(zeros), len(data))]
		if bytes.Equal(block, zeros[:len(block)]) {
			continue
		}
		if _, err := f.WriteAt(block, int64(off)); err != nil {
			return err
		}
	}
	return errors.Join(f.Truncate(int64(len(data))), f.Close())
}

func mustOpen(t testing.TB, dir string, opts l3bolt.Options, fs l3bolt.FS) *l3bolt.DB {
	t.Helper()
	opts.FS = fs
	db, err := l3bolt.Open(dir, &opts)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return db
}

func mustCommit(t testing.TB, db *l3bolt.DB, g *tier.Group) {
	t.Helper()
	if err := db.Commit(g); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

// segments are the names of the journal's segments.
func segments(t testing.TB, fs *faultfs.FS, dir string) []string {
	t.Helper()
	names, err := fs.ReadDir(filepath.Join(dir, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range names {
		names[i] = filepath.Join(dir, "journal", names[i])
	}
	return names
}

// numbered names directories below base.
func numbered(base string) func() string {
	n := 0
	return func() string {
		n++
		return filepath.Join(base, fmt.Sprint(n))
	}
}

func wantIs(t testing.TB, what string, err, sentinel error) {
	t.Helper()
	if !errors.Is(err, sentinel) {
		t.Fatalf("%s: got error %v, want %v", what, err, sentinel)
	}
}

// noise is what no codec makes smaller.
func noise(mk *maker, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(mk.rng.Uint32())
	}
	return string(b)
}
