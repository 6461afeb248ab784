package tiered

import (
	"context"
	"errors"
	"iter"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/tiered/tier"
)

// The bounds of one chunk of a Scan.
const (
	scanRecords = 256
	scanBytes   = 1 << 20
)

// Get returns a copy of the live value of key. ErrNotFound: there is none.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	var p place
	if lent, hit := s.peek(ctx, key, &p); hit {
		return ownCopy(lent), nil
	}
	f, err := s.find(ctx, "get", key, p)
	if err != nil {
		return nil, err
	}
	return f.own().Value, nil
}

// GetItem is Get with the record's deadline, its version and who answered.
func (s *Store) GetItem(ctx context.Context, key string) (Item, error) {
	return s.get(ctx, "get", key)
}

// View calls fn with the live value of key, lent until fn returns: fn must
// neither keep nor change it. fn runs outside any lock and may call the store.
// fn's error comes back as it is. ErrNotFound: fn was not called.
func (s *Store) View(ctx context.Context, key string, fn func(value []byte) error) error {
	var p place
	if value, hit := s.peek(ctx, key, &p); hit {
		return fn(value)
	}
	f, err := s.find(ctx, "view", key, p)
	if err != nil {
		return err
	}
	return fn(f.Value)
}

// fetched is a record that was found. Its value may be a cache's.
type fetched struct {
	Item
	lent bool
}

// own is the Item with a value of its own.
func (f fetched) own() Item {
	if f.lent {
		f.Value = ownCopy(f.Value)
	}
	return f.Item
}

// ownCopy is never nil.
func ownCopy(value []byte) []byte {
	own := make([]byte, len(value))
	copy(own, value)
	return own
}

func (s *Store) get(ctx context.Context, op, key string) (Item, error) {
	f, err := s.find(ctx, op, key, place{})
	if err != nil {
		return Item{}, err
	}
	return f.own(), nil
}

func (s *Store) find(ctx context.Context, op, key string, p place) (fetched, error) {
	if err := s.ready(ctx); err != nil {
		return fetched{}, wrap(op, 0, err)
	}
	if err := checkKey(key); err != nil {
		return fetched{}, wrap(op, 0, err)
	}
	f, found, err := s.fetch(ctx, key, p)
	if err != nil {
		return fetched{}, wrap(op, s.tier, err)
	}
	if !found {
		return fetched{}, wrap(op, s.tier, ErrNotFound)
	}
	return f, nil
}

// fetchTruth reads past all caches.
func (s *Store) fetchTruth(ctx context.Context, key string) (fetched, bool, error) {
	rec, found, err := s.auth.Load(ctx, key)
	if err != nil || !found {
		return fetched{}, false, err
	}
	it, err := s.item(ctx, rec)
	return fetched{Item: it}, err == nil, err
}

// item decodes rec into the caller's own copy.
func (s *Store) item(ctx context.Context, rec tier.Record) (Item, error) {
	value, _, err := s.decode(ctx, rec.Key, rec.Frame)
	return itemOf(rec, value, s.tier), err
}

// decode gives a value of its own, never nil, and what the frame says of it.
func (s *Store) decode(ctx context.Context, key string, frame []byte) ([]byte, tier.Head, error) {
	value, head, err := s.codec.DecodeRecord(nil, key, frame)
	if err != nil && s.member != nil && errors.Is(err, codec.ErrUnknownDictionary) && s.learning.fetch(ctx, key, frame, s.member.dictionary) {
		value, head, err = s.codec.DecodeRecord(nil, key, frame)
	}
	if value == nil && err == nil {
		value = []byte{}
	}
	return value, head, err
}

func itemOf(rec tier.Record, value []byte, from Tier) Item {
	return Item{Key: rec.Key, Value: value, Expires: expiresAt(rec.Deadline), Version: rec.Version, Tier: from}
}

// GetMany returns the live ones of keys, each as of its own moment.
func (s *Store) GetMany(ctx context.Context, keys []string) (map[string]Item, error) {
	const op = "get many"
	if err := s.ready(ctx); err != nil {
		return nil, wrap(op, 0, err)
	}
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return nil, wrap(op, 0, err)
		}
	}
	items := make(map[string]Item, len(keys))
	err := s.fetchMany(ctx, keys, func(f fetched) { items[f.Key] = f.own() })
	if err != nil {
		return nil, wrap(op, s.tier, err)
	}
	return items, nil
}

// fetchManyTruth calls fn with the live ones of keys, past all caches.
func (s *Store) fetchManyTruth(ctx context.Context, keys []string, fn func(fetched)) error {
	recs, err := s.auth.LoadMany(ctx, keys)
	if err != nil {
		return err
	}
	for _, rec := range recs {
		if rec.Version == 0 {
			continue
		}
		it, err := s.item(ctx, rec)
		if err != nil {
			return err
		}
		fn(fetched{Item: it})
	}
	return nil
}

// Scan yields the live records whose keys begin with prefix, in the order of
// their keys' bytes. It reads in chunks, each a snapshot of its own: what is in
// the store throughout is met exactly once; what is written meanwhile may or
// may not be met. An error is yielded once, with the zero Item, and ends it.
// The loop's body may call the store.
func (s *Store) Scan(ctx context.Context, prefix string) iter.Seq2[Item, error] {
	const op = "scan"
	return func(yield func(Item, error) bool) {
		r := tier.Range{Prefix: prefix, From: prefix, Records: scanRecords, MaxBytes: scanBytes}
		for more := true; more; {
			if err := s.ready(ctx); err != nil {
				yield(Item{}, wrap(op, 0, err))
				return
			}
			recs, next, moreBehind, err := s.auth.Scan(ctx, r)
			for _, rec := range recs {
				it, errItem := s.item(ctx, rec)
				if errItem != nil {
					yield(Item{}, wrap(op, s.tier, errItem))
					return
				}
				if !yield(it, nil) {
					return
				}
			}
			if err != nil {
				yield(Item{}, wrap(op, s.tier, err))
				return
			}
			r.From, more = next, moreBehind
		}
	}
}
