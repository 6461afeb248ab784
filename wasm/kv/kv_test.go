package kv_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/codec/snapshot"
	"github.com/stratakv/strata/tiered/tier"
	"github.com/stratakv/strata/wasm/kv"
)

const wall = 1.8e12

func open(t testing.TB, o kv.Options) *kv.Store {
	t.Helper()
	s, err := kv.Open(o, wall, 0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func set(key, value string, ttl float64) kv.Op {
	return kv.Op{Kind: tier.OpSet, Key: key, Value: []byte(value), Life: kv.Life{Mode: kv.LifeTTL, Ms: ttl}}
}

// put writes one op and returns its head.
func put(t testing.TB, s *kv.Store, op kv.Op, boot float64) tier.Head {
	t.Helper()
	res, _, err := s.Write([]kv.Op{op}, false, boot)
	if err != nil {
		t.Fatal(err)
	}
	return res[0].Head
}

func has(s *kv.Store, key string, boot float64) bool {
	_, err := s.Head(key, boot)
	return err == nil
}

func TestOptionsOutOfRange(t *testing.T) {
	for name, o := range map[string]kv.Options{
		"negative MaxBytes": {MaxBytes: -1}, "tiny MaxBytes": {MaxBytes: 100}, "negative value": {ValueBytes: -1},
		"value above all": {ValueBytes: kv.MaxValueBytes + 1}, "negative ops": {BatchOps: -1}, "negative batch": {BatchBytes: -1},
		"negative ttl": {DefaultTTL: -1}, "ttl NaN": {DefaultTTL: math.NaN()}, "ttl infinite": {MaxTTL: math.Inf(1)},
		"level": {Codec: codec.Options{Level: 9}}, "batch above all": {BatchBytes: 1 << 40},
	} {
		if s, err := kv.Open(o, wall, 0); !errors.Is(err, kv.ErrArgument) || s != nil {
			t.Errorf("%s: got %v, want ErrArgument", name, err)
		}
	}
	for _, bad := range []float64{-1, math.NaN(), math.Inf(1), 1e13} {
		if _, err := kv.Open(kv.Options{}, bad, 0); !errors.Is(err, kv.ErrArgument) {
			t.Errorf("wall %v: got %v, want ErrArgument", bad, err)
		}
		if _, err := kv.Open(kv.Options{}, 0, bad); !errors.Is(err, kv.ErrArgument) {
			t.Errorf("boot %v: got %v, want ErrArgument", bad, err)
		}
		s := open(t, kv.Options{})
		if _, _, err := s.Get(nil, "k", bad); !errors.Is(err, kv.ErrArgument) {
			t.Errorf("Get at boot %v: got %v, want ErrArgument", bad, err)
		}
	}
}

func TestDefaultTTL(t *testing.T) {
	s := open(t, kv.Options{DefaultTTL: 100})
	put(t, s, kv.Op{Kind: tier.OpSet, Key: "default"}, 0)
	put(t, s, set("never", "", 0), 0)
	put(t, s, set("own", "", 200), 0)
	if !has(s, "default", 99) || has(s, "default", 100) || !has(s, "own", 199) || has(s, "own", 200) || !has(s, "never", 1e9) {
		t.Error("a record did not live as long as it was to")
	}
	s = open(t, kv.Options{})
	if h := put(t, s, kv.Op{Kind: tier.OpSet, Key: "k"}, 0); h.Deadline != 0 {
		t.Errorf("no default: got deadline %d, want none", h.Deadline)
	}
}

// Many expired records are cleared away by writes, a few by each.
func TestWritesClearAwayAFew(t *testing.T) {
	s := open(t, kv.Options{})
	const n = 1000
	for i := range n {
		put(t, s, set(fmt.Sprint(i), "value", 10), 0)
	}
	before := s.Stats()
	for i := 1; i <= 20; i++ {
		put(t, s, set("live", "value", 0), 10)
		swept := s.Stats().Swept - before.Swept
		if want := uint64(8 * i); swept != want {
			t.Fatalf("swept by %d writes: got %d, want %d", i, swept, want)
		}
	}
	if n, err := s.Sweep(1000, 10); err != nil || n != 1000-160 {
		t.Errorf("Sweep: got %d, %v, want the other 840", n, err)
	}
	if got := s.Stats().Usage.Records; got != 1 {
		t.Errorf("records: got %d, want 1", got)
	}
}

// What a call walks over does not grow with the store.
func TestChunksAreBounded(t *testing.T) {
	s := open(t, kv.Options{MaxBytes: 16 << 20})
	const n = 20_000
	for i := range n {
		put(t, s, set(fmt.Sprintf("%06d", i), "value", 10), 0)
	}
	met := 0
	count := func(string, tier.Head, []byte) { met++ }
	next, more, err := s.Scan(kv.Range{}, 0, count)
	if err != nil || met != 256 || !more || next != "000255\x00" {
		t.Errorf("Scan: got %d records, next %q, more %v, %v, want 256", met, next, more, err)
	}
	met = 0
	if _, more, err = s.Scan(kv.Range{Records: 1 << 30}, 0, count); err != nil || met != 256 || !more {
		t.Errorf("Scan that asks for all: got %d records, more %v, %v, want 256", met, more, err)
	}
	if removed, more, err := s.DeletePrefix("", 5000, 0); err != nil || removed != 256 || !more {
		t.Errorf("DeletePrefix: got %d, more %v, %v, want 256", removed, more, err)
	}
	e := s.NewExport()
	for range 2 {
		block, more, err := e.Next(nil, 1<<30, 0)
		if err != nil || !more || len(block) > 256*100 {
			t.Errorf("export: got a block of %d bytes, more %v, %v", len(block), more, err)
		}
	}
	if n, err := s.Sweep(math.MaxInt, 10); err != nil || n != 1024 {
		t.Errorf("Sweep that asks for all: got %d, %v, want 1,024", n, err)
	}
	met = 0
	if _, more, err = s.Scan(kv.Range{}, 10, count); err != nil || met != 0 || !more {
		t.Errorf("Scan over the expired: got %d records, more %v, %v, want an empty chunk and more", met, more, err)
	}
}

func TestEvictionTakesTheUnread(t *testing.T) {
	s := open(t, kv.Options{MaxBytes: 64 << 10, Evict: true})
	put(t, s, set("hot", "value", 0), 0)
	for i := range 5000 {
		put(t, s, set(fmt.Sprint(i), "value", 0), 0)
		if _, _, err := s.Get(nil, "hot", 0); err != nil {
			t.Fatalf("record %d: the one that is read again and again was evicted", i)
		}
	}
	if st := s.Stats(); st.Evictions == 0 || st.UsedBytes > st.MaxBytes {
		t.Errorf("got %d evictions, %d of %d bytes", st.Evictions, st.UsedBytes, st.MaxBytes)
	}
}

// A long run makes next to no garbage: memory never shrinks under WebAssembly.
func TestCallsMakeNoGarbage(t *testing.T) {
	s := open(t, kv.Options{Codec: codec.Options{Level: -1}})
	value, dst := make([]byte, 300), make([]byte, 0, 1000)
	op := []kv.Op{{Kind: tier.OpSet, Key: "session:0000", Value: value, Life: kv.Life{Mode: kv.LifeTTL, Ms: 5}}}
	boot := 0.0
	fail := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	calls := func() {
		boot += 10
		for i := range 10 {
			op[0].Key = [...]string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}[i]
			op[0].Value = value[:100+20*i]
			_, _, err := s.Write(op, false, boot)
			fail(err)
		}
		_, _, err := s.Get(dst, "a", boot)
		fail(err)
		_, _, err = s.Scan(kv.Range{}, boot, func(string, tier.Head, []byte) {})
		fail(err)
		_, _, err = s.DeletePrefix("d", 10, boot)
		fail(err)
		_, err = s.Sweep(10, boot)
		fail(err)
	}
	calls()
	if got := testing.AllocsPerRun(50, calls); got > 3 {
		t.Errorf("15 calls: got %v allocations, want at most 3", got)
	}
}

// Unix nanoseconds do not fit into a double.
func TestAnyWallClockIsExact(t *testing.T) {
	for _, at := range []float64{1_795_257_705_463, 1_795_257_705_464, 1_600_000_000_001, 8_999_999_999_999} {
		s, err := kv.Open(kv.Options{MaxBytes: 64 << 10}, at, 12345.678)
		if err != nil {
			t.Fatal(err)
		}
		if h := put(t, s, set("k", "", 10), 12345.678); h.Deadline != int64(at)+10 {
			t.Errorf("opened at %.0f: got deadline %d, want 10 ms later", at, h.Deadline)
		}
		if !has(s, "k", 12355.677) || has(s, "k", 12355.678) {
			t.Errorf("opened at %.0f: the record did not end at its deadline", at)
		}
	}
}

func TestClockFollowsTheWallSlowly(t *testing.T) {
	s := open(t, kv.Options{})
	for _, step := range []struct{ wall, boot, want float64 }{
		{wall + 1000, 1000, wall + 1000},
		{wall + 2000 + 1900, 2000, wall + 2000}, // less than 2 s off
		{wall + 3_600_000, 3000, wall + 3000},   // an hour ahead
		{wall + 3_610_000, 13_000, wall + 14_000},
		{wall + 3_610_000, 12_000, wall + 14_000}, // boot went back
		{0, 13_000, wall + 14_000},                // the wall clock did
		{0, 23_000, wall + 23_000},
	} {
		if err := s.Look(step.wall, step.boot); err != nil {
			t.Fatal(err)
		}
		if got := float64(s.Stats().Clock); got != step.want {
			t.Errorf("at boot %v: got %v, want %v", step.boot, got-wall, step.want-wall)
		}
	}
}

// blocks is a snapshot of s.
func blocks(t testing.TB, s *kv.Store, boot float64) [][]byte {
	t.Helper()
	var all [][]byte
	if err := s.Snapshot(boot, func(b []byte) error { all = append(all, bytes.Clone(b)); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// from gives blocks one after the other.
func from(all [][]byte) func() ([]byte, error) {
	return func() ([]byte, error) {
		if len(all) == 0 {
			return nil, io.EOF
		}
		b := all[0]
		all = all[1:]
		return b, nil
	}
}

func TestSnapshotMovesRecords(t *testing.T) {
	s := open(t, kv.Options{})
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range 1000 {
		value := make([]byte, rng.IntN(2000))
		put(t, s, set(fmt.Sprintf("%04d", i), string(value), float64(i%3)*1000), 0)
	}
	all := blocks(t, s, 1500) // a third has expired
	other := open(t, kv.Options{})
	put(t, other, set("0003", "replaced by the snapshot", 0), 1500)
	put(t, other, set("other", "stays", 0), 1500)
	for _, check := range []bool{true, false} {
		if err := other.Restore(check, 1600, from(all)); err != nil {
			t.Fatal(err)
		}
		if got, want := other.Stats().Usage.Records, int64(map[bool]int{true: 2, false: 668}[check]); got != want {
			t.Errorf("check %v: got %d records, want %d", check, got, want)
		}
	}
	lowest := s.Stats().Version
	for i := range 1000 {
		key := fmt.Sprintf("%04d", i)
		want, head, err := s.Get(nil, key, 1600)
		got, moved, errMoved := other.Get(nil, key, 1600)
		if (err == nil) != (errMoved == nil) || !bytes.Equal(got, want) || moved.Deadline != head.Deadline {
			t.Fatalf("record %d: got %d bytes, deadline %d, %v, want %d, %d, %v", i, len(got), moved.Deadline, errMoved, len(want), head.Deadline, err)
		}
		if err == nil && moved.Version <= lowest {
			t.Fatalf("record %d: got version %d, want one above all of the snapshot's store, %d", i, moved.Version, lowest)
		}
	}
	if !has(other, "other", 1600) {
		t.Error("a record that the snapshot does not have is gone")
	}
}

// A snapshot whose head names no last version still raises each record's own.
func TestImportRaisesEachVersion(t *testing.T) {
	coder, err := codec.New(codec.Options{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		version uint64
		want    error
	}{{1000, nil}, {snapshot.MaxVersion, nil}, {snapshot.MaxVersion + 1, tier.ErrCorrupt}, {math.MaxUint64, tier.ErrCorrupt}} {
		frame := coder.Encode([]byte("value"))
		codec.Seal(frame, "k", tt.version, 0)
		w := snapshot.NewWriter(1)
		all := [][]byte{w.Head(nil, snapshot.Head{}), w.Finish(w.Record(w.Begin(nil), "k", frame)), w.End(nil)}
		s := open(t, kv.Options{})
		if err := s.Restore(false, 0, from(all)); !errors.Is(err, tt.want) {
			t.Fatalf("version %d: got %v, want %v", tt.version, err, tt.want)
		}
		if h, _ := s.Head("k", 0); tt.want == nil && h.Version != tt.version+1 {
			t.Errorf("version %d: got %d after the import, want one more", tt.version, h.Version)
		}
	}
}

func TestImportRefuses(t *testing.T) {
	s := open(t, kv.Options{})
	put(t, s, set("never", string(make([]byte, 500)), 0), 0)
	put(t, s, set("long", "value", 1e6), 0)
	all := blocks(t, s, 0)
	noise := make([]byte, 62_000)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	put(t, s, set("large", string(noise), 0), 0)
	large := blocks(t, s, 0)
	damaged := append([][]byte{}, all...)
	damaged[1] = bytes.Clone(all[1])
	damaged[1][100] ^= 1
	for name, tt := range map[string]struct {
		opts   kv.Options
		blocks [][]byte
		want   error
	}{
		"damaged":             {kv.Options{}, damaged, tier.ErrCorrupt},
		"cut":                 {kv.Options{}, all[:2], io.EOF},
		"above MaxTTL":        {kv.Options{MaxTTL: 1000}, all, tier.ErrTTL},
		"value above the cap": {kv.Options{ValueBytes: 499}, all, tier.ErrTooLarge},
	} {
		for _, check := range []bool{true, false} {
			other := open(t, tt.opts)
			if err := other.Restore(check, 0, from(tt.blocks)); !errors.Is(err, tt.want) {
				t.Errorf("%s, check %v: got %v, want %v", name, check, err, tt.want)
			}
			if n := other.Stats().Usage.Records; n != 0 && name != "cut" {
				t.Errorf("%s, check %v: got %d records, want none", name, check, n)
			}
		}
	}
	full := open(t, kv.Options{MaxBytes: 64 << 10, ValueBytes: 1 << 20})
	if err := full.Restore(true, 0, from(large)); err != nil {
		t.Errorf("check of what does not fit: got %v, want nil: room is not looked at", err)
	}
	if err := full.Restore(false, 0, from(large)); !errors.Is(err, tier.ErrFull) {
		t.Errorf("what does not fit: got %v, want ErrFull", err)
	}
}

func TestExportBesideWrites(t *testing.T) {
	s := open(t, kv.Options{})
	for i := range 2000 {
		put(t, s, set(fmt.Sprintf("%05d", i), "value", 0), 0)
	}
	var all [][]byte
	e := s.NewExport()
	for i, more := 0, true; more; i++ {
		var block []byte
		var err error
		if block, more, err = e.Next(nil, 2000, 0); err != nil {
			t.Fatal(err)
		}
		all = append(all, block)
		put(t, s, set(fmt.Sprintf("%05d/beside", i*7), "value", 0), 0)
		put(t, s, kv.Op{Kind: tier.OpDelete, Key: fmt.Sprintf("%05d/beside", i*3)}, 0)
	}
	other := open(t, kv.Options{})
	if err := other.Restore(false, 0, from(all)); err != nil {
		t.Fatal(err)
	}
	for i := range 2000 {
		if !has(other, fmt.Sprintf("%05d", i), 0) {
			t.Fatalf("record %d was there throughout and is not in the snapshot", i)
		}
	}
}

// Whatever a snapshot's bytes are: no panic, and nothing of it if the check
// refuses it.
func FuzzImport(f *testing.F) {
	s, err := kv.Open(kv.Options{MaxBytes: 256 << 10}, wall, 0)
	if err != nil {
		f.Fatal(err)
	}
	put(f, s, set("a", "value", 0), 0)
	put(f, s, set("b", string(make([]byte, 300)), 1000), 0)
	all := blocks(f, s, 0)
	f.Add(bytes.Join(all, nil))
	f.Add(all[1])
	f.Fuzz(func(t *testing.T, stream []byte) {
		next := func() func() ([]byte, error) {
			rest := stream
			return func() ([]byte, error) {
				n, err := snapshot.Length(rest)
				if err != nil || n == 0 || n > len(rest) {
					return nil, io.EOF
				}
				b := rest[:n]
				rest = rest[n:]
				return b, nil
			}
		}
		s := open(t, kv.Options{MaxBytes: 256 << 10})
		if err := s.Restore(true, 0, next()); err != nil {
			return
		}
		if err := s.Restore(false, 0, next()); err != nil && !errors.Is(err, tier.ErrFull) {
			t.Fatalf("the check took it, the import says %v", err)
		}
		if _, _, err := s.Scan(kv.Range{}, 0, func(string, tier.Head, []byte) {}); err != nil && !errors.Is(err, tier.ErrCorrupt) {
			t.Fatalf("Scan: %v", err) // a body that does not decode is found when it is read
		}
	})
}
