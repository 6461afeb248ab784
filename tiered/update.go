package tiered

import (
	"bytes"
	"context"
	"errors"

	"github.com/stratakv/strata/tiered/tier"
)

// Update makes key's new record from its old one, atomically: fn sees the live
// record, and what it returns is stored only if that is still the record; else
// fn runs again on the newer one. See [UpdateFunc] for what fn returns; the ttl
// may be [KeepTTL]. The result is the record after the Update: the zero Item if
// it is absent then.
func (s *Store) Update(ctx context.Context, key string, fn UpdateFunc) (Item, error) {
	const name = "update"
	old, err := s.get(ctx, name, key)
	found := err == nil
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Item{}, err
	}
	for {
		if !found {
			old = Item{}
		}
		now, err := s.updateOnce(ctx, name, key, old, found, fn)
		if !errors.Is(err, errConflict) {
			return now, wrap(name, 0, err)
		}
		if err := s.ready(ctx); err != nil {
			return Item{}, wrap(name, 0, err)
		}
		old, found = now, now.Version != 0
	}
}

// errConflict: the record changed since it was read.
var errConflict = errors.New("conflict")

// updateOnce runs fn once on old. With errConflict it returns the record as it
// is now.
func (s *Store) updateOnce(ctx context.Context, name, key string, old Item, found bool, fn UpdateFunc) (Item, error) {
	seen := old // fn may write to what it gets
	seen.Value = bytes.Clone(old.Value)
	value, ttl, err := fn(seen, found)
	switch {
	case errors.Is(err, Keep):
		return old, nil
	case errors.Is(err, Remove):
		if !found {
			return Item{}, nil
		}
		_, err = s.write(ctx, name, tier.Op{Kind: tier.OpDelete, Key: key, If: true, Expect: old.Version})
		if !errors.Is(err, ErrVersion) {
			return Item{}, err
		}
		now, err := s.get(ctx, name, key)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return Item{}, err
		}
		return now, errConflict
	case err != nil:
		return Item{}, err
	}
	now, err := s.compareAndSet(ctx, name, key, old.Version, value, ttl)
	if errors.Is(err, ErrVersion) {
		return now, errConflict
	}
	return now, err
}
