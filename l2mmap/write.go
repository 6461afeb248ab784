//go:build !wasm

package l2mmap

import (
	"errors"
	"runtime/debug"
	"time"

	"github.com/stratakv/strata/tiered/tier"
)

// wait says how long an operation waits for a page, and whether it runs again
// after damage made it reset the page.
type wait struct {
	limit time.Duration
	again bool
}

// Fill stores a frame that was loaded from the authority, if nothing can have
// changed it meanwhile: the bucket's word is still w, with nothing in flight,
// while the page is locked. The frame is copied.
//
//	nil             stored, or expired at now and therefore left out
//	ErrRefused      the word moved, or w has groups in flight
//	ErrLockedPage   somebody else had the page for too long
//	ErrDetached     no page file is bound
//	tier.ErrTooLarge, tier.ErrClosed
//
// After an error nothing was changed.
func (c *Cache) Fill(key string, hash uint64, frame []byte, deadline, now int64, w Word) error {
	bucket := BucketOf(hash)
	n := c.geo.pageOf(bucket)
	if w.InFlight() != 0 {
		c.count(n).refused.Add(1)
		return ErrRefused
	}
	if !c.fits(key, frame) {
		return tier.ErrTooLarge
	}
	if deadline != 0 && deadline <= now {
		return nil
	}
	err := c.locked(n, wait{fillLimit, true}, func(p *page) error {
		if err := c.mustBeBound(); err != nil {
			return err
		}
		if c.control.Load(bucket) != w {
			return ErrRefused
		}
		return p.putLocked(key, hash, frame, deadline, now)
	})
	if err == nil {
		c.count(n).fills.Add(1)
	} else {
		c.count(n).refused.Add(1)
	}
	return err
}

// fits reports whether a page takes the item.
func (c *Cache) fits(key string, frame []byte) bool {
	most := c.geo.maxItem()
	return len(frame) <= most && len(key) <= most-len(frame)
}

// Put is the committer's: after a commit, and before the end of its bracket,
// it puts the new frame in place of the old one. The frame is copied. One that
// no page takes, or whose deadline has come at now, removes the old one: after
// nil the page has this frame or nothing of key.
//
// ErrLockedPage: the page's holder has been stopped for 1 ms; the old frame may
// be there. The bucket must stay in flight until a [Cache.Remove] has
// succeeded. ErrDetached and tier.ErrClosed: nobody reads the page file any
// more, and there is nothing to do.
func (c *Cache) Put(key string, hash uint64, frame []byte, deadline, now int64) error {
	if !c.fits(key, frame) || deadline != 0 && deadline <= now {
		return c.Remove(key, hash)
	}
	return c.locked(c.geo.pageOf(BucketOf(hash)), wait{writeLimit, true}, func(p *page) error {
		if err := c.mustBeBound(); err != nil {
			return err
		}
		return p.putLocked(key, hash, frame, deadline, now)
	})
}

// Remove takes key's frame out, if there is one. Errors are those of
// [Cache.Put].
func (c *Cache) Remove(key string, hash uint64) error {
	_ = key // an entry is identified by the hash: of two keys with one hash, one is there at most
	return c.locked(c.geo.pageOf(BucketOf(hash)), wait{writeLimit, false}, func(p *page) error {
		if err := c.mustBeBound(); err != nil {
			return err
		}
		_, err := p.removeLocked(hash)
		return err
	})
}

// wipeBucket removes everything of a bucket, bound or not.
func (c *Cache) wipeBucket(bucket uint16) error {
	return c.locked(c.geo.pageOf(bucket), wait{writeLimit, false}, func(p *page) error {
		return p.wipeBucketLocked(bucket)
	})
}

// wipePage empties a page, bound or not. One that nobody has ever used is
// left to its first use: most of the time that a new file costs went into this.
func (c *Cache) wipePage(n int) error {
	if c.blank(n) {
		return nil
	}
	return c.locked(n, wait{writeLimit, false}, func(p *page) error {
		p.reset()
		return nil
	})
}

// wipe takes the page file out of step, empties all pages and returns those
// that it could not lock.
func (c *Cache) wipe() (left []int, err error) {
	c.setMark(0)
	for n := range c.geo.pages {
		switch err := c.wipePage(n); {
		case err == nil:
		case errors.Is(err, ErrLockedPage):
			left = append(left, n)
		default:
			return nil, err
		}
	}
	return left, nil
}

// blank reports whether page n was never used. Nobody holds it, and nobody finds
// anything in it: no link leads to an entry.
func (c *Cache) blank(n int) (is bool) {
	defer c.caught(debug.SetPanicOnFault(true))
	p := c.page(n)
	return p.m.zero(0, pageHeaderBytes) && p.m.zero(c.geo.headsAt, c.geo.headsAt+c.geo.heads*8)
}

// inStepWith reports whether the binding that s tells of kept the page file in
// step.
func (c *Cache) inStepWith(s ControlState) (inStep bool) {
	defer c.caught(debug.SetPanicOnFault(true))
	return s.Opening != 0 && s.Pages == int64(c.geo.pages) && s.PageBytes == c.geo.pageBytes &&
		c.mem.load(atFileMark) == c.markOf(s.Opening) &&
		(c.mem.load(atFileClosed) == c.closedMark(s) || !c.control.mayBeCopy())
}

// closeInOrder is the owner's: from here on he changes nothing in the file.
func (c *Cache) closeInOrder() {
	defer c.caught(debug.SetPanicOnFault(true))
	if c.control.owner.Load() && c.detached.Load() == nil && c.bound() {
		c.mem.store(atFileClosed, c.closedMark(c.control.State()))
	}
}

// closedMark is how a page file says that it was closed when s was the state.
func (c *Cache) closedMark(s ControlState) uint64 { return mix(c.markOf(s.Opening), s.Version) | 1 }

// setMark says that the binding of opening, 0 for none, keeps the page file in
// step.
func (c *Cache) setMark(opening uint64) {
	defer c.caught(debug.SetPanicOnFault(true))
	c.mem.store(atFileMark, c.markOf(opening))
}
