package storetest_test

import (
	"context"
	"iter"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
)

func (t *toy) Get(ctx context.Context, key string) ([]byte, error) {
	it, err := t.GetItem(ctx, key)
	return it.Value, err
}

func (t *toy) GetItem(ctx context.Context, key string) (tiered.Item, error) {
	rec, err := t.read(ctx, key)
	if err != nil {
		return tiered.Item{}, t.wrap(key, err)
	}
	if t.fault == "fills late" {
		runtime.Gosched()
		t.mu.Lock()
		t.cache[key] = rec
		t.mu.Unlock()
	}
	return t.item(key, rec), nil
}

func (t *toy) read(ctx context.Context, key string) (record, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	t.reads.Add(1)
	if err := t.ready(ctx, key); err != nil {
		return record{}, err
	}
	if rec, ok := t.cache[key]; ok && t.fault == "fills late" {
		return rec, nil
	}
	rec, ok := t.lookup(key)
	if !ok && t.fault != "absent is empty" {
		return record{}, tier.ErrNotFound
	}
	return rec, nil
}

func (t *toy) View(ctx context.Context, key string, fn func(value []byte) error) error {
	it, err := t.GetItem(ctx, key)
	if err != nil {
		return err
	}
	err = fn(it.Value)
	if t.fault == "view swallows errors" {
		return nil
	}
	return err
}

func (t *toy) GetMany(ctx context.Context, keys []string) (map[string]tiered.Item, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	t.reads.Add(1)
	if err := t.ready(ctx, keys...); err != nil {
		return nil, err
	}
	items := map[string]tiered.Item{}
	for i, key := range keys {
		if rec, ok := t.lookup(key); ok && (i < 256 || t.fault != "256 keys at most") {
			items[key] = t.item(key, rec)
		}
	}
	return items, nil
}

// toyChunk is the length of a chunk of Scan.
const toyChunk = 100

func (t *toy) Scan(ctx context.Context, prefix string) iter.Seq2[tiered.Item, error] {
	ranged := false
	return func(yield func(tiered.Item, error) bool) {
		if ranged && t.fault == "scans only once" {
			return
		}
		ranged = true
		from, limit := "", toyChunk
		if t.fault == "scan is one snapshot" {
			limit = 1 << 30
		}
		for met := 0; ; {
			items, err := t.chunk(ctx, prefix, from, met, limit)
			if err == nil && len(items) == 0 && met == 0 && t.fault == "empty scan is an error" {
				err = tier.ErrNotFound
			}
			if err != nil {
				yield(tiered.Item{}, err)
				return
			}
			for i, it := range items {
				if i == 0 && met > 0 && t.fault == "scan skips at the border" {
					continue
				}
				if !yield(it, nil) {
					return
				}
			}
			if len(items) < limit {
				return
			}
			met += len(items)
			from = items[len(items)-1].Key + "\x00"
		}
	}
}

func (t *toy) chunk(ctx context.Context, prefix, from string, met, limit int) ([]tiered.Item, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.ready(ctx); err != nil {
		return nil, err
	}
	var items []tiered.Item
	for i, key := range t.keys(prefix) {
		if t.fault == "scan by position" && i < met || t.fault != "scan by position" && key < from {
			continue
		}
		if len(items) == limit {
			break
		}
		it := t.item(key, t.disk.records[key])
		if t.fault == "scan cuts values" {
			it.Value = it.Value[:min(len(it.Value), 1<<20)]
		}
		items = append(items, it)
	}
	return items, nil
}

// keys gives the live keys with the prefix in the order of a Scan.
func (t *toy) keys(prefix string) []string {
	keys := slices.DeleteFunc(slices.Collect(maps.Keys(t.disk.records)), func(key string) bool {
		return !t.hasPrefix(key, prefix) || !t.live(t.disk.records[key]) && t.fault != "scan shows the expired"
	})
	slices.Sort(keys)
	if t.fault == "unsorted scan" {
		slices.Reverse(keys)
	}
	return keys
}

func (t *toy) hasPrefix(key, prefix string) bool {
	if t.fault == "prefix bound wraps" && prefix != "" {
		end := []byte(prefix)
		end[len(end)-1]++
		return key >= prefix && key < string(end)
	}
	return strings.HasPrefix(key, prefix)
}
