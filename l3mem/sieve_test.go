package l3mem_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stratakv/strata/tiered/tier"
)

// A record that is read now and then survives a flood of others.
func TestVisitedSurvivesFlood(t *testing.T) {
	m := newModel(t, 256<<10, true)
	const hot = 20
	for i := range hot {
		m.commit(0, m.set(fmt.Sprint("hot", i), 100, 1)) // not expired at 0
	}
	for i := range 20_000 {
		if i%100 == 0 {
			for i := range hot {
				if _, found, _ := m.store.Load(fmt.Sprint("hot", i)); !found {
					t.Fatalf("hot%d is gone", i)
				}
			}
		}
		if err := m.store.Commit(&tier.Group{Changes: []tier.Change{m.set(fmt.Sprint("flood", i), 100, 0)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.store.Check(); err != nil {
		t.Error(err)
	}
	if got := m.store.Stats(); got.Evictions+uint64(got.Usage.Records) != 20_000+hot {
		t.Errorf("got %d evictions and %d records, want %d together", got.Evictions, got.Usage.Records, 20_000+hot)
	}
}

// Neither Scan nor Heads is a visit: what only they met goes first.
func TestScanIsNoVisit(t *testing.T) {
	m := newModel(t, 64<<10, true)
	for i := range 50 {
		m.commit(0, m.set(fmt.Sprint(i), 100, 0))
	}
	m.verifyScan(sortedKeys(m))
	m.store.Heads([]string{"1", "2"}, make([]tier.Head, 2), nil)
	if got := m.store.Visited(); got != 0 {
		t.Errorf("visited: got %d records, want 0", got)
	}
	m.store.Load("1")
	m.commit(0, m.touch("2", 5), m.set("3", 100, 0))
	if got := m.store.Visited(); got != 3 {
		t.Errorf("visited after Load, Touch and Set: got %d records, want 3", got)
	}
}

// A record does not inherit the visit of one that had its block before.
func TestNewRecordIsUnvisited(t *testing.T) {
	m := newModel(t, 64<<10, true)
	for range 3 {
		m.commit(0, m.set("a", 10, 0))
		if got := m.store.Visited(); got != 0 {
			t.Fatalf("visited: got %d records, want 0", got)
		}
		m.store.Load("a")
		m.commit(0, m.remove("a"))
	}
}

func TestExpiredGoFirst(t *testing.T) {
	m := newModel(t, 64<<10, true)
	for i := 0; m.store.Stats().Evictions == 0; i++ {
		deadline := int64(2000)
		if i%4 == 0 {
			deadline = 1000
		}
		m.commit(0, m.set(fmt.Sprint(i), 100, deadline))
	}
	evicted := m.store.Stats().Evictions
	due, _ := m.store.Due(1000, 1000)
	for i := range due {
		m.store.Load(due[i]) // a visit does not save what has expired
	}
	for i := range due {
		m.commit(1000, m.set(fmt.Sprint("new", i), 100, 0))
	}
	if got := m.store.Stats().Evictions - evicted; got != uint64(len(due)) {
		t.Errorf("evictions: got %d, want %d", got, len(due))
	}
	if got, _ := m.store.Due(1000, 1000); len(got) != 0 {
		t.Errorf("expired that stayed while live ones went: got %d, want 0", len(got))
	}
	m.verify()
}

// A group evicts none of its own keys, expired or not, removed or not.
func TestGroupKeepsItsOwn(t *testing.T) {
	m := newModel(t, 64<<10, true)
	var keys []string
	for i := 0; m.store.Stats().Evictions == 0; i++ {
		keys = append(keys, fmt.Sprint(i))
		m.commit(0, m.set(keys[i], 100, 10))
	}
	keys = keys[len(keys)-30:]
	var changes []tier.Change
	for i, key := range keys {
		switch i % 3 {
		case 0:
			changes = append(changes, m.touch(key, 11))
		case 1:
			changes = append(changes, m.set(key, 900, 12))
		case 2:
			changes = append(changes, m.remove(key))
		}
	}
	if err := m.commit(100, changes...); err != nil {
		t.Fatal(err)
	}
	m.verify()
	for i, key := range keys {
		if _, found, _ := m.store.Load(key); found != (i%3 != 2) {
			t.Errorf("%s: got %v, want %v", key, found, i%3 != 2)
		}
	}
}

// What would not fit into an empty store evicts nothing.
func TestTooLargeEvictsNothing(t *testing.T) {
	m := newModel(t, 64<<10, true)
	for i := range 50 {
		m.commit(0, m.set(fmt.Sprint(i), 100, 0))
	}
	most := int(m.store.Capacity())*60 - 56 - len("large")
	if err := m.commit(0, m.set("large", most+1, 0)); !errors.Is(err, tier.ErrFull) {
		t.Errorf("a record larger than the store: got %v, want ErrFull", err)
	}
	if err := m.commit(0, m.set("large", most, 0), m.set("small", 0, 0)); !errors.Is(err, tier.ErrFull) {
		t.Errorf("a group larger than the store: got %v, want ErrFull", err)
	}
	m.verify()
	if got := len(m.records); got != 50 {
		t.Errorf("records: got %d, want 50", got)
	}
	if err := m.commit(0, m.set("large", most, 0)); err != nil {
		t.Errorf("a record as large as the store: got %v", err)
	}
	m.verify()
	if got := len(m.records); got != 1 {
		t.Errorf("records: got %d, want 1", got)
	}
}
