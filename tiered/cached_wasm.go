package tiered

import (
	"context"
)

// caches is nothing here: there is but the memory store, which is read
// directly.
type caches struct{}

type place struct{}

func (s *Store) fetch(ctx context.Context, key string, _ place) (fetched, bool, error) {
	return s.fetchTruth(ctx, key)
}

func (s *Store) peek(context.Context, string, *place) (value []byte, hit bool) { return nil, false }

func (s *Store) peekDecoded(context.Context, string, any) (d decodable, p place, hit bool) {
	return d, p, false
}

func (s *Store) keepDecoded(string, place, uint64, any, any) {}

func (s *Store) fetchMany(ctx context.Context, keys []string, fn func(fetched)) error {
	return s.fetchManyTruth(ctx, keys, fn)
}

func (s *Store) keepOwn(string, []byte, outcome) {}

func (s *Store) cacheStats(*Stats) {}

// member is nothing here: no process shares a store.
type member struct{}

func (*member) close() error { return nil }

func (*member) stats(*Stats) {}
