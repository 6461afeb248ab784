package fiber

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/stratakv/strata/tiered"
)

// Options are the settings of a [Storage]; nil and zero fields are sound
// defaults. New copies them.
type Options struct {
	// Prefix begins the store's keys; "": "fiber:". Middlewares that share a
	// tiered.Store need one each, none of which begins another.
	Prefix string
}

// Storage is a fiber.Storage of v2 and of v3. It is safe for concurrent use.
type Storage struct {
	store  *tiered.Store
	prefix string      // never empty: prefix + key is a copy of key
	closed atomic.Bool // set by Close
}

// New makes a Storage over store, which stays the caller's to close.
func New(store *tiered.Store, opts *Options) *Storage {
	s := &Storage{store: store, prefix: "fiber:"}
	if opts != nil && opts.Prefix != "" {
		s.prefix = opts.Prefix
	}
	return s
}

// Get is GetWithContext without a context.
func (s *Storage) Get(key string) ([]byte, error) {
	return s.GetWithContext(context.Background(), key)
}

// GetWithContext returns a copy of key's live value; nil, nil if there is none,
// and for the empty key.
func (s *Storage) GetWithContext(ctx context.Context, key string) ([]byte, error) {
	if err := s.ready(ctx, "get"); err != nil || key == "" {
		return nil, err
	}
	value, err := s.store.Get(ctx, s.prefix+key)
	if errors.Is(err, tiered.ErrNotFound) {
		return nil, nil
	}
	return value, err
}

// Set is SetWithContext without a context.
func (s *Storage) Set(key string, val []byte, exp time.Duration) error {
	return s.SetWithContext(context.Background(), key, val, exp)
}

// SetWithContext stores a copy of val under key for exp, rounded up to a
// millisecond; 0 or less: without expiry. It returns when that is on stable
// storage. An empty key or val is ignored.
func (s *Storage) SetWithContext(ctx context.Context, key string, val []byte, exp time.Duration) error {
	if err := s.ready(ctx, "set"); err != nil || key == "" || len(val) == 0 {
		return err
	}
	return s.store.Set(ctx, s.prefix+key, val, max(exp, 0))
}

// Delete is DeleteWithContext without a context.
func (s *Storage) Delete(key string) error {
	return s.DeleteWithContext(context.Background(), key)
}

// DeleteWithContext removes key; that it is absent or empty is no error.
func (s *Storage) DeleteWithContext(ctx context.Context, key string) error {
	if err := s.ready(ctx, "delete"); err != nil || key == "" {
		return err
	}
	return s.store.Delete(ctx, s.prefix+key)
}

// Reset is ResetWithContext without a context.
func (s *Storage) Reset() error {
	return s.ResetWithContext(context.Background())
}

// ResetWithContext removes all entries, in chunks: an error says that some may
// be left.
func (s *Storage) ResetWithContext(ctx context.Context) error {
	if err := s.ready(ctx, "reset"); err != nil {
		return err
	}
	_, err := s.store.DeletePrefix(ctx, s.prefix)
	return err
}

// Keys returns the keys of all live entries in the order of their bytes; nil if
// there are none.
func (s *Storage) Keys() ([][]byte, error) {
	ctx := context.Background()
	if err := s.ready(ctx, "keys"); err != nil {
		return nil, err
	}
	var keys [][]byte
	for it, err := range s.store.Scan(ctx, s.prefix) {
		if err != nil {
			return nil, err
		}
		keys = append(keys, []byte(it.Key[len(s.prefix):]))
	}
	return keys, nil
}

// Conn returns the store, as fiber's own drivers return their database.
func (s *Storage) Conn() *tiered.Store { return s.store }

// Close ends the Storage, not the store; its entries stay. It is always nil.
func (s *Storage) Close() error {
	s.closed.Store(true)
	return nil
}

func (s *Storage) ready(ctx context.Context, op string) error {
	if s.closed.Load() {
		return fmt.Errorf("fiber: %s: %w", op, tiered.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("fiber: %s: %w", op, err)
	}
	return nil
}
