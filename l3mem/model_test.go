package l3mem_test

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stratakv/strata/l3mem"
	"github.com/stratakv/strata/tiered/tier"
)

// model is a Store beside a plain map that says what it has to hold.
type model struct {
	*testing.T
	store   *l3mem.Store
	records map[string]tier.Record
	version uint64
	evict   bool
	full    int
}

func newModel(t *testing.T, maxBytes int64, evict bool) *model {
	s, err := l3mem.New(&l3mem.Options{MaxBytes: maxBytes, Evict: evict})
	if err != nil {
		t.Fatal(err)
	}
	return &model{T: t, store: s, records: make(map[string]tier.Record), evict: evict}
}

// set is a change that stores n bytes of noise.
func (m *model) set(key string, n int, deadline int64) tier.Change {
	m.version++
	frame := make([]byte, n)
	for i := range frame {
		frame[i] = byte(m.version) + byte(i)*31
	}
	return tier.Change{Key: key, Frame: frame, Head: tier.Head{Version: m.version, Deadline: deadline, RawLen: n / 2, FrameLen: n}}
}

func (m *model) remove(key string) tier.Change {
	m.version++
	return tier.Change{Key: key, Head: tier.Head{Version: m.version}}
}

// touch is a change of the deadline of what records hold.
func (m *model) touch(key string, deadline int64) tier.Change {
	return m.touchOf(m.records[key], deadline)
}

// touchOf is a change of the deadline of a record that the group makes before.
func (m *model) touchOf(was tier.Record, deadline int64) tier.Change {
	m.version++
	frame := bytes.Clone(was.Frame)
	for i := range min(len(frame), l3mem.Resealed) {
		frame[i]++
	}
	h := was.Head
	h.Version, h.Deadline = m.version, deadline
	return tier.Change{Key: was.Key, Frame: frame, Head: h, Touch: true}
}

// commit commits the changes at now and says the same to the map.
func (m *model) commit(now int64, changes ...tier.Change) error {
	m.Helper()
	before := m.store.Stats()
	g := tier.Group{Changes: changes, Version: m.version, Stamp: tier.Stamp{Store: now * 1e6}}
	err := m.store.Commit(&g)
	after := m.store.Stats()
	if err != nil {
		m.full++
		if !errors.Is(err, tier.ErrFull) {
			m.Fatalf("Commit: got %v, want ErrFull at most", err)
		}
		if before != after {
			m.Fatalf("refused group: stats were %+v, are %+v", before, after)
		}
		return err
	}
	written := make(map[string]bool)
	for _, c := range changes {
		written[c.Key] = true
		delete(m.records, c.Key)
		if c.Frame != nil {
			m.records[c.Key] = tier.Record{Key: c.Key, Frame: bytes.Clone(c.Frame), Head: c.Head}
		}
	}
	if n := after.Evictions - before.Evictions; n > 0 {
		m.forgetEvicted(n, written)
	}
	return nil
}

// forgetEvicted takes out of the map what the store evicted: n records that
// the group did not write.
func (m *model) forgetEvicted(n uint64, written map[string]bool) {
	m.Helper()
	var gone uint64
	for key := range m.records {
		if _, found, _ := m.store.Load(key); !found {
			if !m.evict || written[key] {
				m.Fatalf("record of %q was evicted", key)
			}
			delete(m.records, key)
			gone++
		}
	}
	if gone != n {
		m.Fatalf("evictions: got %d, but %d records are gone", n, gone)
	}
}

// verify compares everything with the map.
func (m *model) verify() {
	m.Helper()
	if err := m.store.Check(); err != nil {
		m.Fatal(err)
	}
	keys := sortedKeys(m)
	var usage tier.Usage
	timed := false
	for _, key := range keys {
		want := m.records[key]
		got, found, err := m.store.Load(key)
		if err != nil || !found || !equal(got, want) {
			m.Fatalf("Load(%.20q): got %v %+v %v, want %+v", key, found, got.Head, err, want.Head)
		}
		usage.Records++
		usage.LiveBytes += want.Size()
		usage.RawBytes += int64(want.RawLen)
		usage.StoredBytes += int64(len(want.Frame))
		timed = timed || want.Deadline != 0
	}
	if got := m.store.Stats().Usage; got != usage {
		m.Fatalf("Usage: got %+v, want %+v", got, usage)
	}
	if got := m.store.Timed(); got != timed {
		m.Fatalf("Timed: got %v, want %v", got, timed)
	}
	m.verifyScan(keys)
}

func (m *model) verifyScan(want []string) {
	m.Helper()
	var got []string
	for from, more := "", true; more; {
		var recs []tier.Record
		var err error
		recs, more, err = m.store.Scan(tier.Range{From: from, Records: 7, MaxBytes: 1000})
		if err != nil {
			m.Fatal(err)
		}
		for _, rec := range recs {
			if !equal(rec, m.records[rec.Key]) {
				m.Fatalf("Scan at %.20q: another record than the map's", rec.Key)
			}
			got = append(got, rec.Key)
		}
		if len(recs) > 0 {
			from = recs[len(recs)-1].Key + "\x00"
		}
	}
	if !slices.Equal(got, want) {
		m.Fatalf("Scan: got %d keys, want %d, or in another order", len(got), len(want))
	}
}

func (m *model) verifyDue(now int64) {
	m.Helper()
	got, err := m.store.Due(now, 1<<30)
	if err != nil {
		m.Fatal(err)
	}
	var want []string
	for key, rec := range m.records {
		if rec.Expired(now) {
			want = append(want, key)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		m.Fatalf("Due(%d): got %d keys, want %d", now, len(got), len(want))
	}
}

func equal(x, y tier.Record) bool {
	return x.Key == y.Key && x.Head == y.Head && bytes.Equal(x.Frame, y.Frame)
}

// randomKey is one of few keys that are hard to tell apart.
func randomKey(r *rand.Rand) string {
	switch r.IntN(8) {
	case 0:
		return strings.Repeat("\x00", r.IntN(20))
	case 1:
		return "a" + strings.Repeat("\x00", r.IntN(4))
	case 2:
		return strings.Repeat("long", r.IntN(300)) + string(rune('a'+r.IntN(3)))
	default:
		return "session:" + string([]byte{byte('a' + r.IntN(26)), byte('a' + r.IntN(10))})
	}
}

func randomSize(r *rand.Rand) int {
	switch r.IntN(20) {
	case 0:
		return 0
	case 1:
		return r.IntN(20_000)
	default:
		return 40 * r.IntN(10) // often that of the record before
	}
}

func (m *model) randomChange(r *rand.Rand, now int64) tier.Change {
	key := randomKey(r)
	var deadline int64
	if r.IntN(3) > 0 {
		deadline = now + int64(r.IntN(100)) - 20
	}
	switch n := r.IntN(10); {
	case n == 0:
		return m.remove(key)
	case n <= 2 && m.records[key].Version != 0:
		return m.touch(key, deadline)
	default:
		return m.set(key, randomSize(r), deadline)
	}
}

func TestModel(t *testing.T) {
	for _, tc := range []struct {
		name     string
		maxBytes int64
		evict    bool
	}{
		{"Roomy", 16 << 20, false},
		{"Tight", 80 << 10, false},
		{"Evicting", 80 << 10, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			r := rand.New(rand.NewPCG(seed, 0))
			m := newModel(t, tc.maxBytes, tc.evict)
			for step := range 3000 {
				now := int64(1000 + step)
				m.step(r, now)
				if step%100 == 0 {
					m.verify()
					m.verifyDue(now)
				}
			}
			m.verify()
			if tight := tc.maxBytes < 1<<20; tight == (m.full == 0) && !tc.evict {
				t.Errorf("refused groups: got %d with %d bytes", m.full, tc.maxBytes)
			}
			if got := m.store.Stats().Evictions; tc.evict == (got == 0) {
				t.Errorf("evictions: got %d", got)
			}
		})
	}
}

// step commits one change or a few, sometimes of the same keys.
func (m *model) step(r *rand.Rand, now int64) {
	m.Helper()
	n := 1
	if r.IntN(4) == 0 {
		n = r.IntN(9)
	}
	var changes []tier.Change
	for range n {
		c := m.randomChange(r, now)
		if c.Touch && slices.ContainsFunc(changes, func(x tier.Change) bool { return x.Key == c.Key }) {
			continue // it would be of the record before the group
		}
		changes = append(changes, c)
		if c.Frame != nil && r.IntN(4) == 0 {
			was := tier.Record{Key: c.Key, Frame: c.Frame, Head: c.Head}
			changes = append(changes, m.touchOf(was, now+int64(r.IntN(100))))
		}
	}
	m.commit(now, changes...)
}

func sortedKeys(m *model) []string { return slices.Sorted(maps.Keys(m.records)) }
