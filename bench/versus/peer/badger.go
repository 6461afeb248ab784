package peer

import (
	"context"
	"os"

	"github.com/dgraph-io/badger/v4"
	"github.com/stratakv/strata/bench/versus/records"
)

// Badger is Dgraph's LSM tree. Its records have a lifetime.
type Badger struct{ db *badger.DB }

// OpenBadger opens the database in dir: SyncWrites, block cache of CacheBytes,
// no detection of conflicts, which single Sets do not need, all else as it
// comes. valueLog: values from 128 bytes on lie in its value log; else, as it
// comes, all of these are in the tree.
func OpenBadger(dir string, valueLog bool) (*Badger, error) {
	return openBadger(dir, valueLog, true)
}

func openBadger(dir string, valueLog, sync bool) (*Badger, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	opts := badger.DefaultOptions(dir).WithSyncWrites(sync).WithBlockCacheSize(CacheBytes).
		WithDetectConflicts(false).WithLogger(nil).WithMetricsEnabled(false)
	if valueLog {
		opts = opts.WithValueThreshold(128)
	}
	db, err := badger.Open(opts)
	if err != nil {
		return nil, err
	}
	return &Badger{db}, nil
}

func (b *Badger) Get(_ context.Context, key string) (value []byte, err error) {
	err = b.db.View(func(tx *badger.Txn) error {
		item, err := tx.Get([]byte(key))
		if err != nil {
			return err
		}
		value, err = item.ValueCopy(nil)
		return err
	})
	return value, err
}

func (b *Badger) Set(_ context.Context, key string, value []byte) error {
	return b.db.Update(func(tx *badger.Txn) error {
		return tx.SetEntry(badger.NewEntry([]byte(key), value).WithTTL(records.TTL))
	})
}

// Load uses Badger's WriteBatch. OpenBadgerToLoad makes it faster.
func (b *Badger) Load(ctx context.Context, n int, record func(int) (string, []byte)) error {
	w := b.db.NewWriteBatch()
	defer w.Cancel()
	for i := 0; i < n; i++ {
		if i%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		key, value := record(i)
		if err := w.SetEntry(badger.NewEntry([]byte(key), value).WithTTL(records.TTL)); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return b.db.Sync()
}

// OpenBadgerToLoad is OpenBadger without syncs, for Load, which syncs at its end.
func OpenBadgerToLoad(dir string, valueLog bool) (*Badger, error) {
	return openBadger(dir, valueLog, false)
}

func (b *Badger) Close() error { return b.db.Close() }
