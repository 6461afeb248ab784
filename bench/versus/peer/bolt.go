package peer

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Bolt is bare bbolt: one bucket.
type Bolt struct {
	db  *bolt.DB
	put func(func(*bolt.Tx) error) error
}

var bucket = []byte("records")

// OpenBolt opens the database in dir: its freelist is a map, and the file is
// mapped large enough from the start. batch: Set uses Batch, which waits for 1 ms
// instead of 10, else Update. noFreelist: the freelist is not written with each
// commit (NoFreelistSync), so that opening has to read the whole file.
func OpenBolt(dir string, batch, noFreelist bool) (*Bolt, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	db, err := bolt.Open(filepath.Join(dir, "bolt.db"), 0o600, &bolt.Options{
		FreelistType: bolt.FreelistMapType, NoFreelistSync: noFreelist, InitialMmapSize: 8 << 30,
	})
	if err != nil {
		return nil, err
	}
	db.MaxBatchDelay = time.Millisecond
	b := &Bolt{db, db.Update}
	if batch {
		b.put = db.Batch
	}
	return b, db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		return err
	})
}

func (b *Bolt) Get(_ context.Context, key string) (value []byte, err error) {
	err = b.db.View(func(tx *bolt.Tx) error {
		lent := tx.Bucket(bucket).Get([]byte(key))
		if lent == nil {
			return errAbsent
		}
		value = slices.Clone(lent)
		return nil
	})
	return value, err
}

func (b *Bolt) Set(_ context.Context, key string, value []byte) error {
	return b.put(func(tx *bolt.Tx) error { return tx.Bucket(bucket).Put([]byte(key), value) })
}

// Load commits 50,000 records at a time, in the order of their keys within each,
// and syncs at the end alone.
func (b *Bolt) Load(ctx context.Context, n int, record func(int) (string, []byte)) error {
	const each = 50_000
	b.db.NoSync = true
	defer func() { b.db.NoSync = false }()
	type pair struct {
		key   string
		value []byte
	}
	for first := 0; first < n && ctx.Err() == nil; first += each {
		var pairs []pair
		for i := first; i < min(first+each, n); i++ {
			key, value := record(i)
			pairs = append(pairs, pair{key, value})
		}
		slices.SortFunc(pairs, func(a, b pair) int {
			if a.key < b.key {
				return -1
			}
			return 1
		})
		err := b.db.Update(func(tx *bolt.Tx) error {
			for _, p := range pairs {
				if err := tx.Bucket(bucket).Put([]byte(p.key), p.value); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.db.Sync()
}

// Walk looks at each record's key and at both ends of its value.
func (b *Bolt) Walk(ctx context.Context) error {
	return b.db.View(func(tx *bolt.Tx) error {
		sum := 0
		return tx.Bucket(bucket).ForEach(func(_, value []byte) error {
			if len(value) > 0 {
				sum += int(value[0]) + int(value[len(value)-1])
			}
			return ctx.Err()
		})
	})
}

func (b *Bolt) Close() error { return b.db.Close() }
