//go:build !wasm

package l3bolt_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered/tier"
)

// TestDueIsExact asks, between random groups, checkpoints, kills and
// reopenings, for what is due, and compares with a map. Some of what is
// reported is removed, as a sweeper would.
func TestDueIsExact(t *testing.T) {
	for range 6 {
		seed := rand.Uint64()
		for name, opts := range map[string]l3bolt.Options{"tiny": tiny, "default": still} {
			t.Run(name, func(t *testing.T) {
				t.Logf("seed %d", seed)
				runDue(t, seed, opts)
			})
		}
	}
}

func runDue(t *testing.T, seed uint64, opts l3bolt.Options) {
	dir := memoryDir(t)
	mk, m := newMaker(t, seed), emptyModel()
	mk.keys = 200
	db := mustOpen(t, dir, opts, nil)
	now := int64(0)
	for range 250 {
		switch mk.rng.IntN(20) {
		case 0:
			if err := db.Checkpoint(); err != nil {
				t.Fatal(err)
			}
		case 1:
			if err := db.Crash(); err != nil {
				t.Fatal(err)
			}
			db = mustOpen(t, dir, opts, nil)
		case 2, 3, 4, 5, 6:
			now += mk.rng.Int64N(3000)
			m = mk.sweep(t, db, m, now)
		default:
			g, after := mk.group(m)
			mustCommit(t, db, g)
			m = after
		}
	}
	mk.same(t, db, m)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// sweep compares Due with m and removes some of what it reports.
func (mk *maker) sweep(t *testing.T, db *l3bolt.DB, m model, now int64) model {
	t.Helper()
	want := m.due(now)
	limit := 1 + mk.rng.IntN(12)
	some, err := db.Due(now, limit)
	if err != nil {
		t.Fatal(err)
	}
	if len(some) != min(limit, len(want)) || !subset(some, want) {
		t.Fatalf("due at %d, at most %d: got %q, want so many of %q", now, limit, some, want)
	}
	all, err := db.Due(now, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	if !slices.Equal(all, want) {
		t.Fatalf("due at %d: got %q, want %q", now, all, want)
	}
	if len(all) == 0 || mk.rng.IntN(2) == 0 {
		return m
	}
	g, after := &tier.Group{Reserve: true}, m.clone()
	for _, key := range all[:1+mk.rng.IntN(len(all))] {
		mk.remove(g, &after, key)
	}
	mk.finish(g, &after)
	mustCommit(t, db, g)
	return after
}

func (m model) due(now int64) []string {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(m.records)) {
		if d := m.records[key].deadline; d != 0 && d <= now {
			keys = append(keys, key)
		}
	}
	return keys
}

// subset reports whether part has distinct elements of all, which is sorted.
func subset(part, all []string) bool {
	part = slices.Sorted(slices.Values(part))
	for i, key := range part {
		if _, ok := slices.BinarySearch(all, key); !ok || (i > 0 && part[i-1] == key) {
			return false
		}
	}
	return true
}

// TestEarlyEntriesAreBounded: records that were touched later over and over
// are met early by Due; a checkpoint enters them where they belong.
func TestEarlyEntriesAreBounded(t *testing.T) {
	const records = 70_000 // above 64 Ki
	dir := memoryDir(t)
	mk, m := newMaker(t, 10), emptyModel()
	db := mustOpen(t, dir, l3bolt.Options{}, nil)
	defer db.Close()
	fill := func(deadline int64, touch bool) {
		g := &tier.Group{}
		for i := range records {
			mk.put(g, &m, fmt.Sprintf("key%d", i), "v", deadline)
			g.Changes[i].Touch = touch
		}
		mk.finish(g, &m)
		mustCommit(t, db, g)
		if err := db.Checkpoint(); err != nil {
			t.Fatal(err)
		}
	}
	fill(1000, false)
	fill(1_000_000, true)
	if keys, err := db.Due(5000, 10); err != nil || len(keys) != 0 {
		t.Fatalf("got %d keys, %v; want none", len(keys), err)
	}
	if n := db.EarlyLen(); n != records {
		t.Fatalf("early holds %d entries, want %d: moving a deadline later leaves the index alone", n, records)
	}
	if err := db.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	if n := db.EarlyLen(); n != 0 {
		t.Errorf("early holds %d entries after a checkpoint, want none", n)
	}
	if err := db.Check(); err != nil {
		t.Fatal(err)
	}
	if keys, err := db.Due(999_999, 10); err != nil || len(keys) != 0 {
		t.Fatalf("got %d keys, %v; want none", len(keys), err)
	}
	if keys, err := db.Due(1_000_000, records+1); err != nil || len(keys) != records {
		t.Fatalf("got %d keys, %v; want %d", len(keys), err, records)
	}
}
