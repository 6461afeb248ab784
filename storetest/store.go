package storetest

import (
	"context"
	"iter"
	"time"

	"github.com/stratakv/strata/tiered"
)

// Store is a store under test: the methods of [tiered.Store].
type Store interface {
	Get(ctx context.Context, key string) ([]byte, error)
	GetItem(ctx context.Context, key string) (tiered.Item, error)
	View(ctx context.Context, key string, fn func(value []byte) error) error
	GetMany(ctx context.Context, keys []string) (map[string]tiered.Item, error)
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	SetItem(ctx context.Context, it tiered.Item) (tiered.Item, error)
	Delete(ctx context.Context, key string) error
	Touch(ctx context.Context, key string, ttl time.Duration) error
	CompareAndSet(ctx context.Context, key string, version uint64, value []byte, ttl time.Duration) (tiered.Item, error)
	CompareAndDelete(ctx context.Context, key string, version uint64) error
	Update(ctx context.Context, key string, fn tiered.UpdateFunc) (tiered.Item, error)
	Write(ctx context.Context, b *tiered.Batch) error
	Scan(ctx context.Context, prefix string) iter.Seq2[tiered.Item, error]
	DeletePrefix(ctx context.Context, prefix string) (int, error)
	DeleteExpired(ctx context.Context) (int, error)
	Stats() tiered.Stats
	Close() error
}

var _ Store = (*tiered.Store)(nil)
