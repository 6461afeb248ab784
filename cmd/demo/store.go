package main

import (
	"context"
	"iter"
	"time"

	"github.com/stratakv/strata/tiered"
)

// maxValueBytes is the store's limit for a value, and so a body's.
const maxValueBytes = 64 << 20

// store is what the handlers need of a *tiered.Store.
type store interface {
	GetItem(ctx context.Context, key string) (tiered.Item, error)
	Put(ctx context.Context, key string, value []byte, ttl time.Duration) (tiered.Item, error)
	Update(ctx context.Context, key string, fn tiered.UpdateFunc) (tiered.Item, error)
	CompareAndSet(ctx context.Context, key string, version uint64, value []byte, ttl time.Duration) (tiered.Item, error)
	Delete(ctx context.Context, key string) error
	CompareAndDelete(ctx context.Context, key string, version uint64) error
	Write(ctx context.Context, b *tiered.Batch) error
	Scan(ctx context.Context, prefix string) iter.Seq2[tiered.Item, error]
	Stats() tiered.Stats
}

// openStore opens the store of dir, or the memory store.
func openStore(ctx context.Context, dir string, memory bool) (*tiered.Store, error) {
	opts := &tiered.Options{Limits: tiered.Limits{ValueBytes: maxValueBytes}}
	if memory {
		return tiered.OpenMemory(opts)
	}
	return tiered.OpenContext(ctx, dir, opts)
}
