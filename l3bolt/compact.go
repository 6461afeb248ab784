//go:build !wasm

package l3bolt

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/internal/failpoint"
	"github.com/stratakv/strata/tiered/tier"
	bolt "go.etcd.io/bbolt"
)

// compaction copies store.db into a dense file and puts that in its place,
// while reads, commits and checkpoints go on: bbolt never makes a file shorter.
//
//  1. Make store.db.tmp, empty, and from here on note the places that are
//     written in store.db.
//  2. Copy records, then index entries, in the order of their keys, in steps of
//     some KiB, so that nobody waits for a processor for long: a step reads a
//     range, writes it, copies again what was touched meanwhile, and rests
//     several times as long as it took. Each MiB is synced.
//  3. Let no piece of a checkpoint be written. Copy again what was touched
//     since the last step, then the other buckets; sync.
//  4. Rename it over store.db, sync the directory, exchange the bases, let
//     checkpoints go on. Close the old base when its last reader is done.
//
// Invariants:
//
//	C1  Up to the rename store.db is as if there were no compaction, which only
//	    reads it. Whatever fails costs the new file, nothing else. After a
//	    crash it is removed at opening.
//	C2  Up to the cursor, and but for touched places, the new file holds what
//	    store.db holds. A place is touched after the transaction that wrote it
//	    has committed, and before the next one begins.
//	C3  Bucket meta is written last, when checkpoints are stopped and nothing is
//	    touched: a new file that has it says and holds what store.db does. That
//	    may be between two pieces of a checkpoint, which goes on in the new file:
//	    it has what they wrote, the position as it was, and metaNext.
//	C4  The new file is on disk as a whole, by a sync after its last write,
//	    before it is renamed. Both its meta pages lead to all of it.
//	C5  The rename is on disk before a checkpoint writes to the new file, hence
//	    before journal goes that the old one would need. If that sync fails,
//	    nothing is written any more (D5): the journal has what either file lacks.
//	C6  A read ends on the base that it began on, which stays open until then.
//	    At the exchange both hold the same.
//	C7  The new file has the room that is kept back (D8) before it is renamed.
//	    None is begun unless the disk has room for it and a margin; it gives up,
//	    and gives its room back, when the disk is or becomes nearly full.
//	C8  A step's memory is its bytes and one record; what is touched is bounded
//	    by CheckpointBytes and by mostTouched, or the compaction gives up. Close waits for a step
//	    at most, and for reads.
//
// Each step trusts nothing of store.db that it can check: the order of keys,
// and each record's head. Damage ends compactions until the next opening.
type compaction struct {
	d       *DB
	disk    disk
	pace    pace
	temp    string
	to      *base // the new file
	touched *touched
	// The range that is copied ends at cursor in copied[bucket]; nil: nothing of
	// that bucket yet.
	bucket int
	cursor []byte

	batch    batch // what a step copies
	unsynced int   // bytes that were written to the new file since its last sync
}

// pace is how a compaction spares the disk and the processor.
type pace struct {
	stepBytes int
	syncBytes int // are synced at once; a step at least
	rest      int // how many times as long as a step
}

// usualPace asks for a quarter of a disk's time at most, and takes about a
// millisecond of a processor at a time. (With steps of a MiB Get's p99 was three
// to five of them.)
var usualPace = pace{stepBytes: 128 << 10, syncBytes: 1 << 20, rest: 3}

// fill is how full a copied page is. Emptier ones were tried: under random new
// keys they split as soon, and until then the file is longer.
const fill = 0.9

// What ends a compaction beside faults.
var (
	errStopped  = errors.New("the store is being closed, or broken")
	errNoRoom   = errors.New("the disk is nearly full")
	errOutpaced = errors.New("more is written than copied")
)

// compact runs one compaction. After an error that has not broken the DB
// store.db is as it was.
func (d *DB) compact(p pace) error {
	d.compactor.running.Lock()
	defer d.compactor.running.Unlock()
	c := &compaction{d: d, disk: d.compactor.disk, pace: p, temp: d.base.path + tempSuffix, touched: newTouched()}
	old, err := c.run()
	if err != nil {
		c.abandon()
		return err
	}
	d.compactor.ended.Add(1)
	d.learn()
	failpoint.Pass("l3bolt-compacted")
	// What it says of a file that has no name any more concerns nobody.
	_ = old.close()
	return nil
}

// run gives the base whose place the new one took.
func (c *compaction) run() (old *base, err error) {
	if err := c.begin(); err != nil {
		return nil, err
	}
	for c.bucket < len(copied) {
		begun := time.Now() // a duration, not a time of day
		if err := c.step(); err != nil {
			return nil, err
		}
		if rest := time.Duration(c.pace.rest) * time.Since(begun); rest > 0 && !c.d.pause(rest) {
			return nil, errStopped
		}
	}
	if err := c.keepRoom(); err != nil {
		return nil, err
	}
	return c.finish()
}

func (c *compaction) begin() error {
	if err := c.goesOn(); err != nil {
		return err
	}
	if free, known := c.disk.Free(c.d.dir); known && free < c.d.dense()+c.d.margin() {
		return errNoRoom
	}
	if err := c.disk.Remove(c.temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return cannot("remove", c.temp, err)
	}
	var err error
	if c.to, err = openMapped(c.temp, c.disk.Open); err != nil {
		return err
	}
	// The compaction syncs by itself, see C4.
	c.to.bolt.NoSync, c.to.bolt.NoGrowSync = true, true
	err = c.to.update(func(tx *bolt.Tx, _ *guard) error {
		for _, name := range [...][]byte{bucketRecords, bucketExpiry} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return cannot("write", c.temp, err)
	}
	c.d.checkMu.Lock()
	defer c.d.checkMu.Unlock()
	c.d.base.watch(c.touched)
	return nil
}

// abandon removes what was written.
func (c *compaction) abandon() {
	c.d.checkMu.Lock()
	c.d.base.watch(nil)
	c.d.checkMu.Unlock()
	if c.to != nil {
		_ = c.to.close()
	}
	_ = c.disk.Remove(c.temp) // else the next opening does
}

// goesOn says why the compaction has to end, if it has to (C7, C8).
func (c *compaction) goesOn() error {
	d := c.d
	select {
	case <-d.stop:
		return errStopped
	default:
	}
	if d.status.broken() != nil {
		return errStopped
	}
	if c.touched.held() > max(min(d.opts.CheckpointBytes, mostTouched), leastTouched) {
		return errOutpaced
	}
	if free, known := c.disk.Free(d.dir); known && free < d.margin()/2 || d.status.full() != nil || d.short.Load() {
		return errNoRoom
	}
	return nil
}

// What may be touched whatever CheckpointBytes is, and what may not.
const leastTouched, mostTouched = 1 << 20, 64 << 20

// step copies the next range, then what was touched meanwhile.
func (c *compaction) step() error {
	if err := c.goesOn(); err != nil {
		return err
	}
	b, last, err := c.next()
	if err != nil {
		return err
	}
	if err := c.write(b, fill); err != nil {
		return err
	}
	if n := len(b.changes); n > 0 {
		c.cursor = bytes.Clone(b.changes[n-1].key)
	}
	if last {
		c.bucket, c.cursor = c.bucket+1, nil
	}
	failpoint.Pass("l3bolt-compact")
	return c.catchUp()
}

// next reads the range behind the cursor; last if there is nothing behind it.
func (c *compaction) next() (b *batch, last bool, err error) {
	b = &c.batch
	b.reset()
	err = c.d.base.view(func(tx *bolt.Tx) error {
		bucket := tx.Bucket(copied[c.bucket])
		if bucket == nil {
			last = true
			return nil // no dictionary yet
		}
		cursor := bucket.Cursor()
		k, v := cursor.Seek(c.cursor)
		if k != nil && bytes.Equal(k, c.cursor) {
			k, v = cursor.Next()
		}
		for before := c.cursor; k != nil; k, v = cursor.Next() {
			if len(b.data) >= c.pace.stepBytes {
				return nil
			}
			if bytes.Compare(k, before) <= 0 {
				return fmt.Errorf("%w: keys out of order", tier.ErrCorrupt)
			}
			if err := soundPair(c.bucket, k, v); err != nil {
				return err
			}
			b.put(c.bucket, k, v)
			before = k
		}
		last = true
		return nil
	})
	return b, last, c.d.damage(err)
}

// soundPair checks what a copy would make look whole.
func soundPair(bucket int, k, v []byte) error {
	switch {
	case v == nil, bytes.Equal(copied[bucket], bucketExpiry) && (len(k) < 8 || len(k) > 8+maxKeyBytes || len(v) != 0):
		return fmt.Errorf("%w: entry of unknown form", tier.ErrCorrupt)
	case bytes.Equal(copied[bucket], bucketExpiry):
		return nil
	case bytes.Equal(copied[bucket], bucketDict):
		if _, ok := parseDictionary(k, v); !ok {
			return fmt.Errorf("%w: damaged dictionary", tier.ErrCorrupt)
		}
		return nil
	}
	record, err := parseValue(v)
	if err != nil {
		return err
	}
	_, err = codec.Head(string(k[1:]), record.frame)
	return err
}

// catchUp copies again what was touched, as far as it was copied (C2).
func (c *compaction) catchUp() error {
	places := c.touched.take()
	for len(places) > 0 {
		b, n, err := c.again(places)
		if err != nil {
			return err
		}
		places = places[n:]
		if len(b.changes) == 0 {
			continue
		}
		if err := c.write(b, bolt.DefaultFillPercent); err != nil {
			return err
		}
		if err := c.goesOn(); err != nil {
			return err
		}
	}
	return nil
}

// behind reports whether p is still to be copied.
func (c *compaction) behind(p place) bool {
	return p.bucket > c.bucket || p.bucket == c.bucket && p.key > string(c.cursor)
}

// again reads what store.db has at the first places, and says how many they are.
func (c *compaction) again(places []place) (b *batch, n int, err error) {
	b = &c.batch
	b.reset()
	err = c.d.base.view(func(tx *bolt.Tx) error {
		for ; n < len(places) && len(b.data) < c.pace.stepBytes; n++ {
			p := places[n]
			if c.behind(p) {
				continue
			}
			key := []byte(p.key)
			var v []byte
			if bucket := tx.Bucket(copied[p.bucket]); bucket != nil {
				v = bucket.Get(key)
			}
			if v == nil {
				b.remove(p.bucket, key)
				continue
			}
			if err := soundPair(p.bucket, key, v); err != nil {
				return err
			}
			b.put(p.bucket, key, v)
		}
		return nil
	})
	return b, n, c.d.damage(err)
}

// write writes b into the new file, and syncs that if much was written. Others
// may have the processor between reading, filling and committing.
func (c *compaction) write(b *batch, fill float64) error {
	runtime.Gosched()
	err := c.to.update(func(tx *bolt.Tx, _ *guard) error {
		defer runtime.Gosched()
		return b.write(tx, fill)
	})
	if err != nil {
		return cannot("write", c.temp, err)
	}
	if c.unsynced += len(b.data); c.unsynced < c.pace.syncBytes {
		return nil
	}
	return c.sync()
}

func (c *compaction) sync() error {
	c.unsynced = 0
	if err := c.disk.Sync(c.to.file); err != nil {
		return cannot("sync", c.temp, err)
	}
	return nil
}

// keepRoom gives the new file the room that is kept back (C7).
func (c *compaction) keepRoom() error {
	if half := c.d.opts.SpareBytes / 2; half > 0 {
		if err := c.to.extend(half); err != nil {
			return cannot("keep room in", c.temp, err)
		}
	}
	return c.sync()
}
