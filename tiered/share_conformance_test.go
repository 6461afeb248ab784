//go:build linux || darwin

package tiered_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

// household is several stores on one directory: the first one owns, the others
// follow over the socket, in one process so that they have the suite's clock.
// Each call goes to the next one of those from first on.
type household struct {
	stores []*tiered.Store
	first  int
	calls  atomic.Uint64
}

// openHousehold opens so many stores; calls are for those from first on.
func openHousehold(dir string, opts *tiered.Options, stores, first int) (*household, error) {
	h := &household{first: first}
	for range stores {
		s, err := openTiered(dir, opts, func(*tiered.Options) {})
		if err != nil {
			return nil, errors.Join(err, h.Close())
		}
		h.stores = append(h.stores, s)
		opts.Fresh = false
	}
	return h, nil
}

func (h *household) next() *tiered.Store {
	some := h.stores[h.first:]
	return some[h.calls.Add(1)%uint64(len(some))]
}

func (h *household) Get(ctx context.Context, key string) ([]byte, error) {
	return h.next().Get(ctx, key)
}

func (h *household) GetItem(ctx context.Context, key string) (tiered.Item, error) {
	return h.next().GetItem(ctx, key)
}

func (h *household) View(ctx context.Context, key string, fn func(value []byte) error) error {
	return h.next().View(ctx, key, fn)
}

func (h *household) GetMany(ctx context.Context, keys []string) (map[string]tiered.Item, error) {
	return h.next().GetMany(ctx, keys)
}

func (h *household) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return h.next().Set(ctx, key, value, ttl)
}

func (h *household) SetItem(ctx context.Context, it tiered.Item) (tiered.Item, error) {
	return h.next().SetItem(ctx, it)
}

func (h *household) Delete(ctx context.Context, key string) error { return h.next().Delete(ctx, key) }

func (h *household) Touch(ctx context.Context, key string, ttl time.Duration) error {
	return h.next().Touch(ctx, key, ttl)
}

func (h *household) CompareAndSet(ctx context.Context, key string, version uint64, value []byte, ttl time.Duration) (tiered.Item, error) {
	return h.next().CompareAndSet(ctx, key, version, value, ttl)
}

func (h *household) CompareAndDelete(ctx context.Context, key string, version uint64) error {
	return h.next().CompareAndDelete(ctx, key, version)
}

func (h *household) Update(ctx context.Context, key string, fn tiered.UpdateFunc) (tiered.Item, error) {
	return h.next().Update(ctx, key, fn)
}

func (h *household) Write(ctx context.Context, b *tiered.Batch) error { return h.next().Write(ctx, b) }

func (h *household) Scan(ctx context.Context, prefix string) iter.Seq2[tiered.Item, error] {
	return h.next().Scan(ctx, prefix)
}

func (h *household) DeletePrefix(ctx context.Context, prefix string) (int, error) {
	return h.next().DeletePrefix(ctx, prefix)
}

func (h *household) DeleteExpired(ctx context.Context) (int, error) {
	return h.next().DeleteExpired(ctx)
}

func (h *household) Stats() tiered.Stats { return h.next().Stats() }

// Close closes those that are used first, as a caller of theirs would.
func (h *household) Close() error {
	var errs []error
	for i := len(h.stores) - 1; i >= 0; i-- {
		errs = append(errs, h.stores[i].Close())
	}
	return errors.Join(errs...)
}

// TestFollowersConform: storetest holds of a follower, and of three processes
// at once.
func TestFollowersConform(t *testing.T) {
	for _, c := range []struct {
		name          string
		stores, first int
	}{{"a follower", 2, 1}, {"three at once", 3, 0}} {
		t.Run(c.name, func(t *testing.T) {
			storetest.Run(t, storetest.Factory{
				Tier: tiered.TierL3,
				Open: func(need storetest.Need) (storetest.Subject, error) {
					dir, err := os.MkdirTemp("", "strata-conformance-")
					if err != nil {
						return storetest.Subject{}, err
					}
					open := func() (storetest.Store, error) {
						return openHousehold(dir, need.Options(), c.stores, c.first)
					}
					s, err := open()
					return storetest.Subject{Store: s, Reopen: open, Cleanup: func() { os.RemoveAll(dir) }}, err
				},
			})
		})
	}
}
