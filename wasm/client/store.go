package client

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
	"github.com/stratakv/strata/wasm/kv"
)

// Store has the methods of tiered.Store over a [Raw] one.
type Store struct {
	clock tiered.Clock

	mu  sync.Mutex // guards what follows, and every call of raw
	raw Raw        // nil after Close
	// looked is when, of Boot, the raw store was last told the wall clock.
	looked time.Duration
}

// lookEvery is how often the raw store is told the wall clock.
const lookEvery = 100 * time.Millisecond

// New returns a Store over raw, which belongs to it from now on and was opened
// with [Times] of clock.
func New(raw Raw, clock tiered.Clock) *Store {
	return &Store{raw: raw, clock: clock, looked: clock.Boot()}
}

// call runs fn with the raw store and the time, unless the store is closed or ctx
// has ended.
func (s *Store) call(ctx context.Context, op string, fn func(raw Raw, boot float64) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.raw == nil {
		return wrap(op, tier.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return wrap(op, err)
	}
	wall, boot := Times(s.clock)
	if at := s.clock.Boot(); at-s.looked >= lookEvery {
		if err := s.raw.Look(wall, boot); err != nil {
			return wrap(op, err)
		}
		s.looked = at
	}
	return wrap(op, fn(s.raw, boot))
}

// Get is that of tiered.Store, as are all methods that follow.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	it, err := s.item(ctx, "get", key)
	return it.Value, err
}

// GetItem is Get with deadline and version.
func (s *Store) GetItem(ctx context.Context, key string) (tiered.Item, error) {
	return s.item(ctx, "get", key)
}

func (s *Store) item(ctx context.Context, op, key string) (it tiered.Item, err error) {
	err = s.call(ctx, op, func(raw Raw, boot float64) error {
		value, head, err := raw.Get([]byte{}, key, boot)
		if err == nil {
			it = item(key, head, value)
		}
		return err
	})
	return it, err
}

func item(key string, head tier.Head, value []byte) tiered.Item {
	return tiered.Item{Key: key, Value: value, Expires: expiresAt(head.Deadline), Version: head.Version, Tier: tiered.TierMemory}
}

// View lends the value to fn.
func (s *Store) View(ctx context.Context, key string, fn func(value []byte) error) error {
	it, err := s.item(ctx, "view", key)
	if err != nil {
		return err
	}
	return fn(it.Value)
}

// GetMany returns the live ones of keys.
func (s *Store) GetMany(ctx context.Context, keys []string) (map[string]tiered.Item, error) {
	items := make(map[string]tiered.Item, len(keys))
	err := s.call(ctx, "get many", func(raw Raw, boot float64) error {
		for _, key := range keys {
			value, head, err := raw.Get([]byte{}, key, boot)
			if errors.Is(err, tier.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			items[key] = item(key, head, value)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return items, nil
}

// Set stores a copy of value.
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	_, err := s.write(ctx, "set", kv.Op{Kind: tier.OpSet, Key: key, Value: value, Life: life(ttl, false)})
	return err
}

// SetItem stores it.Value with the deadline it.Expires.
func (s *Store) SetItem(ctx context.Context, it tiered.Item) (tiered.Item, error) {
	l := until(it.Expires)
	head, err := s.write(ctx, "set item", kv.Op{Kind: tier.OpSet, Key: it.Key, Value: it.Value, Life: l})
	if err != nil {
		return tiered.Item{}, err
	}
	head.Deadline = int64(l.Ms)
	return item(it.Key, head, bytes.Clone(it.Value)), nil
}

// Delete removes key.
func (s *Store) Delete(ctx context.Context, key string) error {
	_, err := s.write(ctx, "delete", kv.Op{Kind: tier.OpDelete, Key: key})
	return err
}

// Touch gives a record another lifetime.
func (s *Store) Touch(ctx context.Context, key string, ttl time.Duration) error {
	_, err := s.write(ctx, "touch", kv.Op{Kind: tier.OpTouch, Key: key, Life: life(ttl, false)})
	return err
}

// CompareAndSet stores value over version; 0: there is none.
func (s *Store) CompareAndSet(ctx context.Context, key string, version uint64, value []byte, ttl time.Duration) (it tiered.Item, err error) {
	op := kv.Op{Kind: tier.OpSet, Key: key, Value: value, If: true, Expect: version, Life: life(ttl, true)}
	err = s.call(ctx, "compare and set", func(raw Raw, boot float64) error {
		head, err := writeOne(raw, op, boot)
		if err == nil {
			it = item(key, head, append([]byte{}, value...))
			return nil
		}
		if errors.Is(err, tier.ErrVersion) {
			current, head, getErr := raw.Get([]byte{}, key, boot)
			if getErr == nil {
				it = item(key, head, current)
			}
		}
		return err
	})
	return it, err
}

// CompareAndDelete removes version; 0: there is none.
func (s *Store) CompareAndDelete(ctx context.Context, key string, version uint64) error {
	_, err := s.write(ctx, "compare and delete", kv.Op{Kind: tier.OpDelete, Key: key, If: true, Expect: version})
	return err
}

func (s *Store) write(ctx context.Context, name string, op kv.Op) (head tier.Head, err error) {
	err = s.call(ctx, name, func(raw Raw, boot float64) (err error) {
		head, err = writeOne(raw, op, boot)
		return err
	})
	return head, err
}

func writeOne(raw Raw, op kv.Op, boot float64) (tier.Head, error) {
	results, _, err := raw.Write([]kv.Op{op}, false, boot)
	if err != nil {
		return tier.Head{}, err
	}
	return results[0].Head, nil
}

// Update makes a record's new value from its old one, atomically. fn runs
// outside the lock and may call the store.
func (s *Store) Update(ctx context.Context, key string, fn tiered.UpdateFunc) (tiered.Item, error) {
	const name = "update"
	for {
		old, err := s.item(ctx, name, key)
		found := err == nil
		if err != nil && !errors.Is(err, tier.ErrNotFound) {
			return tiered.Item{}, err
		}
		seen := old
		seen.Value = bytes.Clone(old.Value)
		value, ttl, err := fn(seen, found)
		switch {
		case errors.Is(err, tiered.Keep):
			return old, nil
		case errors.Is(err, tiered.Remove):
			if err = s.CompareAndDelete(ctx, key, old.Version); err == nil {
				return tiered.Item{}, nil
			}
		case err != nil:
			return tiered.Item{}, wrap(name, err)
		default:
			var now tiered.Item
			if now, err = s.CompareAndSet(ctx, key, old.Version, value, ttl); err == nil {
				return now, nil
			}
		}
		if !errors.Is(err, tier.ErrVersion) {
			return tiered.Item{}, err
		}
	}
}

// Write applies b, all or nothing.
func (s *Store) Write(ctx context.Context, b *tiered.Batch) error {
	var ops []kv.Op
	if b != nil {
		for op := range b.Ops() {
			l := life(op.TTL, false)
			if op.Until {
				l = until(op.Expires)
			}
			ops = append(ops, kv.Op{Kind: op.Kind, Key: op.Key, Value: op.Value, Expect: op.Version, Life: l})
		}
	}
	return s.call(ctx, "write", func(raw Raw, boot float64) error {
		_, _, err := raw.Write(ops, true, boot)
		return err
	})
}

// Scan yields the live records of a prefix, in chunks.
func (s *Store) Scan(ctx context.Context, prefix string) iter.Seq2[tiered.Item, error] {
	return func(yield func(tiered.Item, error) bool) {
		for from, more := "", true; more; {
			var items []tiered.Item
			err := s.call(ctx, "scan", func(raw Raw, boot float64) (err error) {
				var next string
				next, more, err = raw.Scan(kv.Range{Prefix: prefix, From: from}, boot, func(key string, h tier.Head, value []byte) {
					items = append(items, item(string([]byte(key)), h, append([]byte{}, value...)))
				})
				from = string([]byte(next))
				return err
			})
			for _, it := range items {
				if !yield(it, nil) {
					return
				}
			}
			if err != nil {
				yield(tiered.Item{}, err)
				return
			}
		}
	}
}

// chunk is how many records DeletePrefix and DeleteExpired remove in one call of
// the raw store.
const chunk = 256

// DeletePrefix removes the records of a prefix, in chunks.
func (s *Store) DeletePrefix(ctx context.Context, prefix string) (int, error) {
	total := 0
	for more := true; more; {
		err := s.call(ctx, "delete prefix", func(raw Raw, boot float64) (err error) {
			var n int
			n, more, err = raw.DeletePrefix(prefix, chunk, boot)
			total += n
			return err
		})
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// DeleteExpired removes all expired records.
func (s *Store) DeleteExpired(ctx context.Context) (int, error) {
	total := 0
	for n := chunk; n == chunk; {
		err := s.call(ctx, "delete expired", func(raw Raw, boot float64) (err error) {
			n, err = raw.Sweep(chunk, boot)
			total += n
			return err
		})
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// Stats returns the counters; the zero Stats after Close.
func (s *Store) Stats() tiered.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.raw == nil {
		return tiered.Stats{}
	}
	st := s.raw.Stats()
	return tiered.Stats{
		Role: tiered.RoleOwner, Epoch: 1,
		L3: tiered.TruthStats{
			Hits: st.Hits, Misses: st.Misses, Ops: st.Writes, Swept: st.Swept, Evictions: st.Evictions,
			Records: st.Usage.Records, LiveBytes: st.Usage.LiveBytes, RawBytes: st.Usage.RawBytes,
			StoredBytes: st.Usage.StoredBytes, FileBytes: st.UsedBytes, Limit: st.MaxBytes,
		},
	}
}

// Close ends the store. It is idempotent and may race any call.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.raw != nil {
		s.raw.Close()
		s.raw = nil
	}
	return nil
}
