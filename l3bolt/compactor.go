//go:build !wasm

package l3bolt

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stratakv/strata/tiered/tier"
)

// compactor is what belongs to compactions for the DB's life. Its goroutine
// looks, after store.db was written, whether one is worth its while:
//
//  1. store.db is longer than twice what keys and frames amount to, and by a
//     third than the new file would be, and by CompactBytes;
//  2. bbolt has written four times that since the last one: a load under which
//     the file grows again at once pays a quarter more writing at most. The
//     first one after the opening need not wait.
type compactor struct {
	disk disk
	look chan struct{} // store.db was written
	done chan struct{} // closed when the goroutine has ended

	running sync.Mutex // held while one runs
	ended   atomic.Uint64
	off     atomic.Pointer[string] // why there is none, nil while there may be

	// What was there after the last write; by whoever writes.
	used, free, written atomic.Int64

	density float64 // guarded by running: the last new file's length to its estimate, 0: not known
}

// Why store.db is not compacted.
const (
	offByOption = "switched off"
	offByFiles  = "a file that is open cannot be replaced on this system"
)

func (c *compactor) init(o Options) {
	c.disk, c.look, c.done = realDisk(), make(chan struct{}, 1), make(chan struct{})
	switch {
	case !renamesOverOpen:
		c.turnOff(offByFiles)
	case o.CompactBytes < 0:
		c.turnOff(offByOption)
	}
}

func (c *compactor) turnOff(why string) { c.off.Store(&why) }

// why is "" while store.db may be compacted.
func (c *compactor) why() string {
	if why := c.off.Load(); why != nil {
		return *why
	}
	return ""
}

// wrote takes note of what a write, or an exchange, made of store.db. checkMu
// is held.
func (d *DB) wrote() {
	c, b := &d.compactor, d.base.current.Load()
	if used, free, err := b.use(); err == nil {
		c.used.Store(used)
		c.free.Store(free)
	}
	c.written.Store(b.written)
	select {
	case c.look <- struct{}{}:
	default:
	}
}

// A compaction that found no room, or was outpaced, is tried again after a
// while, twice as long each time.
const (
	firstRetry = 10 * time.Second
	lastRetry  = 10 * time.Minute
)

// compactions is the goroutine. It ends with what would end the next one, too.
func (d *DB) compactions() {
	c := &d.compactor
	defer close(c.done)
	retry := firstRetry
	for c.why() == "" {
		select {
		case <-d.stop:
			return
		case <-c.look:
		}
		if !d.worthCompacting() {
			continue
		}
		switch err := d.compact(usualPace); {
		case err == nil:
			retry = firstRetry
		case errors.Is(err, errStopped):
			return
		case errors.Is(err, errNoRoom), errors.Is(err, errOutpaced), errors.Is(err, tier.ErrFull):
			if !d.pause(retry) {
				return
			}
			retry = min(2*retry, lastRetry)
		default:
			c.turnOff(err.Error())
		}
	}
}

func (d *DB) worthCompacting() bool {
	c := &d.compactor
	c.running.Lock()
	defer c.running.Unlock()
	used, dense := c.used.Load(), d.dense()
	if used < 2*d.content() || used < dense+dense/3 || used < dense+d.opts.CompactBytes {
		return false
	}
	return c.ended.Load() == 0 || c.written.Load() >= 4*dense
}

// content is what the published keys and frames amount to.
func (d *DB) content() int64 {
	u := d.usage()
	return u.StoredBytes + u.LiveBytes - u.RawBytes
}

// dense is about how long a new file would be. running is held.
func (d *DB) dense() int64 {
	u := d.usage()
	if u.Records == 0 {
		return 0
	}
	const prefixes = 8 // of keys and values
	key := (u.LiveBytes - u.RawBytes) / u.Records
	each := leafShare(key + u.StoredBytes/u.Records + prefixes)
	if d.Timed() {
		each += leafShare(key + prefixes)
	}
	size := each * u.Records
	if d.compactor.density > 0 {
		size = int64(float64(size) * d.compactor.density)
	}
	return size
}

// leafShare is what one of many equal elements takes of the leaves that a
// compaction fills.
func leafShare(bytes int64) int64 {
	page, element := int64(os.Getpagesize()), bytes+pageElement
	n := max(2, int64(fill*float64(page)-boltPageHeader)/element) // bbolt's least
	pages := (boltPageHeader + n*element + page - 1) / page
	return pages * page / n
}

func (d *DB) usage() tier.Usage {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.published.usage
}

// margin is what a compaction leaves to others: to the journal and to
// checkpoints.
func (d *DB) margin() int64 { return d.opts.CheckpointBytes + max(d.opts.SpareBytes, 0) }

// learn compares the new file with what it was thought to be. running is held.
func (d *DB) learn() {
	c := &d.compactor
	c.density = 0
	if dense := d.dense(); dense > 0 {
		c.density = min(max(float64(c.used.Load())/float64(dense), 0.5), 2)
	}
}
