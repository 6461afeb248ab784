package storetest

import (
	"maps"

	"github.com/stratakv/strata/tiered"
)

// stepBatch writes a random batch, and finds out by a copy of the model
// whether it must be refused.
func (m *model) stepBatch(string) {
	var b tiered.Batch
	trial := &model{probe: m.probe, rng: m.rng, items: maps.Clone(m.items)}
	var refused error
	next := ^uint64(0) // stands for the version of an op of this batch
	for range 1 + m.rng.IntN(6) {
		key, value, ttl := m.key(), m.value(), m.ttl()
		cur, ok := trial.live(key)
		var err error
		switch m.rng.IntN(7) {
		case 0:
			b.Delete(key)
			delete(trial.items, key)
		case 1:
			b.Touch(key, ttl)
			if err = tiered.ErrNotFound; ok {
				err = nil
				cur.Expires, cur.Version = m.deadline(ttl), next
				trial.items[key] = cur
			}
		case 2:
			version := m.expected(key)
			b.Check(key, version)
			if version != cur.Version {
				err = tiered.ErrVersion
			}
		default:
			b.Set(key, value, ttl)
			trial.items[key] = tiered.Item{Key: key, Value: value, Expires: m.deadline(ttl), Version: next}
		}
		next--
		if refused == nil {
			refused = err
		}
	}
	m.want("Write", m.store.Write(m.ctx, &b), refused)
	if refused == nil {
		m.adopt(trial.items)
	}
}

// adopt takes over what a batch made. Its versions come from the store, all
// above those before.
func (m *model) adopt(items map[string]tiered.Item) {
	before := m.last
	for key, it := range items {
		if old, ok := m.items[key]; ok && old.Version == it.Version {
			continue
		}
		it.Version = m.version(key)
		if it.Version <= before {
			m.Errorf("Write: got version %d after %d, want a larger one", it.Version, before)
		}
		m.last = max(m.last, it.Version)
		items[key] = it
	}
	m.items = items
	for key := range items {
		m.verify(key)
	}
}

func (m *model) stepScan(key string) {
	prefix := key[:m.rng.IntN(len(key)+1)]
	want := map[string]string{}
	for key := range m.items {
		if it, ok := m.live(key); ok {
			want[key] = string(it.Value)
		}
	}
	m.wantScan(prefix, want)
	if m.rng.IntN(10) > 0 {
		return
	}
	maps.DeleteFunc(m.items, func(key string, _ tiered.Item) bool {
		_, ok := m.live(key)
		return ok && len(key) >= len(prefix) && key[:len(prefix)] == prefix
	})
	n := len(want)
	for key := range want {
		if _, ok := m.live(key); ok {
			n--
		}
	}
	if got, err := m.store.DeletePrefix(m.ctx, prefix); err != nil || got != n {
		m.Errorf("DeletePrefix(%s): got %d and error %v, want %d", short(prefix), got, err, n)
	}
}

func (m *model) stepMany(key string) {
	keys := []string{key, m.key(), m.key(), m.key()}
	got, err := m.store.GetMany(m.ctx, keys)
	m.must("GetMany", err)
	met := 0
	for key := range got {
		if want, ok := m.live(key); ok {
			m.sameItem("GetMany", got[key], want)
			met++
		}
	}
	want := map[string]bool{}
	for _, key := range keys {
		if _, ok := m.live(key); ok {
			want[key] = true
		}
	}
	if met != len(want) || len(got) != len(want) {
		m.Errorf("GetMany: got %d items of which %d live, want %d", len(got), met, len(want))
	}
}
