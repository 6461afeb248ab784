package peer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/stratakv/strata/bench/versus/records"
	"github.com/stratakv/strata/tiered"
)

// Strata is a store of this project. Its records have a lifetime.
type Strata struct {
	Store  *tiered.Store
	shared string // removed by Close
}

// OpenStrata opens the store in dir. Its caches are new, in a directory of
// their own below sharedIn. A store that another process has open is an error: as
// its follower one would measure the socket.
func OpenStrata(dir, sharedIn string, opts tiered.Options) (*Strata, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	shared, err := os.MkdirTemp(sharedIn, "strata-bench-")
	if err != nil {
		return nil, err
	}
	s := &Strata{shared: shared}
	opts.SharedDir, opts.Role = shared, tiered.RoleOwner
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	store, err := tiered.Open(dir, &opts)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(shared))
	}
	s.Store = store
	return s, nil
}

func (s *Strata) Get(ctx context.Context, key string) ([]byte, error) { return s.Store.Get(ctx, key) }

func (s *Strata) Set(ctx context.Context, key string, value []byte) error {
	return s.Store.Set(ctx, key, value, records.TTL)
}

// Load writes batches from two goroutines, so that one is encoded while the
// other is synced.
func (s *Strata) Load(ctx context.Context, n int, record func(int) (string, []byte)) error {
	const each = 1000
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	firsts := make(chan int)
	var loading sync.WaitGroup
	for range 3 {
		loading.Go(func() {
			for first := range firsts {
				var b tiered.Batch
				for i := first; i < min(first+each, n); i++ {
					key, value := record(i)
					b.Set(key, value, records.TTL)
				}
				if err := s.Store.Write(ctx, &b); err != nil {
					cancel(err)
				}
			}
		})
	}
	for first := 0; first < n && ctx.Err() == nil; first += each {
		firsts <- first
	}
	close(firsts)
	loading.Wait()
	return context.Cause(ctx)
}

// Rest waits until no checkpoint is under way, so that none is beside what
// others do next; half a minute at most.
func (s *Strata) Rest(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for s.Store.Stats().L3.Checkpointing {
		select {
		case <-ctx.Done():
			return fmt.Errorf("a checkpoint does not end: %w", ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

// Walk is Scan, which fills no cache.
func (s *Strata) Walk(ctx context.Context) error {
	for _, err := range s.Store.Scan(ctx, "") {
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Strata) Close() error { return errors.Join(s.Store.Close(), os.RemoveAll(s.shared)) }
