package peer

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// Pebble is CockroachDB's LSM tree.
type Pebble struct{ db *pebble.DB }

// OpenPebble opens the database in dir: block cache of CacheBytes, memtables of
// 64 MiB, bloom filters of 10 bits a key, all else as it comes. Each Set is
// synced (pebble.Sync); those that wait share a sync.
func OpenPebble(dir string) (*Pebble, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	opts := &pebble.Options{CacheSize: CacheBytes, MemTableSize: 64 << 20, Logger: silent{}}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	db, err := pebble.Open(dir, opts)
	if err != nil {
		return nil, err
	}
	return &Pebble{db}, nil
}

// silent is a logger that says nothing, and does not end the process.
type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(format string, _ ...any) {
	panic("pebble: " + format)
}

func (p *Pebble) Get(_ context.Context, key string) ([]byte, error) {
	lent, closer, err := p.db.Get([]byte(key))
	if err != nil {
		return nil, err
	}
	value := slices.Clone(lent)
	return value, closer.Close()
}

func (p *Pebble) Set(_ context.Context, key string, value []byte) error {
	return p.db.Set([]byte(key), value, pebble.Sync)
}

// Load writes batches without sync, and flushes at the end.
func (p *Pebble) Load(ctx context.Context, n int, record func(int) (string, []byte)) error {
	const each = 1000
	for first := 0; first < n && ctx.Err() == nil; first += each {
		b := p.db.NewBatch()
		for i := first; i < min(first+each, n); i++ {
			key, value := record(i)
			if err := b.Set([]byte(key), value, nil); err != nil {
				return errors.Join(err, b.Close())
			}
		}
		if err := errors.Join(b.Commit(pebble.NoSync), b.Close()); err != nil {
			return err
		}
	}
	return errors.Join(ctx.Err(), p.db.Flush())
}

func (p *Pebble) Close() error { return p.db.Close() }
