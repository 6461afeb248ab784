//go:build !wasm

package l3bolt

import (
	"errors"
	"fmt"
	"os"

	"github.com/stratakv/strata/internal/failpoint"
	"github.com/stratakv/strata/tiered/tier"
	bolt "go.etcd.io/bbolt"
)

// finish makes the new file complete and puts it in the place of store.db.
func (c *compaction) finish() (old *base, err error) {
	d := c.d
	d.checkMu.Lock()
	defer d.checkMu.Unlock()
	for _, step := range []func() error{c.goesOn, c.catchUp, c.complete, c.verify, c.keepRoom} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	failpoint.Pass("l3bolt-compact-whole")
	if err := c.rename(); err != nil {
		return nil, err
	}
	failpoint.Pass("l3bolt-compact-durable")
	c.to.path = d.base.path
	c.to.bolt.NoSync, c.to.bolt.NoGrowSync = false, false
	c.to.written = 0
	old, err = d.base.exchange(c.to)
	d.fileBytes.Store(d.base.taken())
	d.wrote()
	return old, err
}

// complete writes the other buckets (C3), in two transactions (C4).
func (c *compaction) complete() error {
	var small []smallBucket
	err := c.d.base.view(func(tx *bolt.Tx) error {
		var err error
		small, err = smallBuckets(tx)
		return err
	})
	if err != nil {
		return c.d.damage(err)
	}
	for range 2 {
		err := c.to.update(func(tx *bolt.Tx, _ *guard) error {
			for _, b := range small {
				if err := b.write(tx); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return cannot("write", c.temp, err)
		}
	}
	return nil
}

// smallBucket is a bucket that is copied whole.
type smallBucket struct {
	name         []byte
	keys, values [][]byte
}

func smallBuckets(tx *bolt.Tx) (small []smallBucket, err error) {
	err = tx.ForEach(func(name []byte, b *bolt.Bucket) error {
		if _, ok := placeOf(name, nil); ok {
			return nil
		}
		s := smallBucket{name: append([]byte(nil), name...)}
		small = append(small, s)
		last := &small[len(small)-1]
		return b.ForEach(func(k, v []byte) error {
			if v == nil {
				return fmt.Errorf("%w: bucket inside of a bucket", tier.ErrCorrupt)
			}
			last.keys = append(last.keys, append([]byte(nil), k...))
			last.values = append(last.values, append([]byte{}, v...))
			return nil
		})
	})
	return small, err
}

func (s *smallBucket) write(tx *bolt.Tx) error {
	b, err := tx.CreateBucketIfNotExists(s.name)
	if err != nil {
		return err
	}
	for i, key := range s.keys {
		if err := b.Put(key, s.values[i]); err != nil {
			return err
		}
	}
	return nil
}

// verify reads from the new file what an opening would.
func (c *compaction) verify() error {
	tx, err := c.to.beginView()
	if err != nil {
		return err
	}
	return c.to.endView(tx, func(tx *bolt.Tx) error {
		m, err := readMeta(tx)
		if err != nil {
			return fmt.Errorf("%s: %w", c.temp, err)
		}
		if m.id != c.d.opened.ID || m.state.sequence != c.d.position {
			return corrupt(c.temp, 0, "position %d, want %d", m.state.sequence, c.d.position)
		}
		return nil
	})
}

// rename puts the new file in the place of store.db, durably (C5). An error
// that leaves open which of the two is there breaks the DB.
func (c *compaction) rename() error {
	path := c.d.base.path
	if err := c.disk.Rename(c.temp, path); err != nil {
		if !c.d.base.isAt(path) {
			c.d.status.breakBy(&fault{"rename", c.temp, err})
		}
		return cannot("rename", c.temp, err)
	}
	failpoint.Pass("l3bolt-compact-renamed")
	if err := c.disk.SyncDir(c.d.dir); err != nil {
		c.d.status.breakBy(&fault{"sync directory of", path, err})
		return failed(tier.ErrUnavailable, "sync directory of", path, err)
	}
	return nil
}

// watch has touched told of what is written; nil ends that.
func (s *bases) watch(t *touched) { s.current.Load().watched = t }

// isAt reports whether the current base is what path stands for.
func (s *bases) isAt(path string) bool {
	named, err := os.Lstat(path)
	if err != nil {
		return false
	}
	open, err := s.current.Load().file.Stat()
	return err == nil && os.SameFile(named, open)
}

// exchange makes b the current base: reads begin on it from here on. It gives
// the base that was current, on which some may still go on (C6).
func (s *bases) exchange(b *base) (old *base, err error) {
	old = s.current.Load()
	old.begin.Lock()
	defer old.begin.Unlock()
	if old.dead.Load() {
		return nil, errors.New("a read broke the store meanwhile")
	}
	b.onDeath = old.onDeath
	s.current.Store(b)
	old.retired = true
	old.unshareLocked()
	return old, nil
}
