//go:build !wasm

package l2mmap

import (
	"errors"
	"iter"
	"runtime/debug"

	"github.com/stratakv/strata/tiered/tier"
)

// The operations of this file are those of a cache that stands alone, where the
// page's own sequence is what tells of change.

// noSequence is odd, and therefore no page's between changes.
const noSequence = 1

// snapshot reads key, and the sequence at which the page was as read;
// noSequence if writers did not let it.
func (c *Cache) snapshot(key string, hash uint64, now int64) (value []byte, sequence uint64, found bool) {
	sequence = noSequence
	if c.usable() != nil {
		return nil, sequence, false
	}
	defer c.caught(debug.SetPanicOnFault(true))
	n := c.geo.pageOf(BucketOf(hash))
	p := c.page(n)
	for range readTries {
		before := p.m.load(atSequence)
		buf, e, v := p.read(nil, key, hash)
		if v == damaged {
			c.suspect(n, key, hash)
		}
		if v != hit && v != missed || p.m.load(atSequence) != before {
			p.pause()
			continue
		}
		if v == hit && !e.expired(now) {
			c.count(n).hits.Add(1)
			return buf, before, true
		}
		c.count(n).misses.Add(1)
		return nil, before, false
	}
	c.count(n).misses.Add(1)
	return nil, sequence, false
}

// alter runs fn in hash's page. The page's sequence moves whatever fn does.
func (c *Cache) alter(hash uint64, fn func(p *page) error) error {
	return c.alterPage(c.geo.pageOf(BucketOf(hash)), fn)
}

func (c *Cache) alterPage(n int, fn func(p *page) error) error {
	return c.locked(n, wait{aloneLimit, true}, func(p *page) error {
		if !c.bound() {
			return ErrDetached
		}
		p.begin()
		return fn(p)
	})
}

// alterAll runs fn in every page, and returns the errors of all.
func (c *Cache) alterAll(fn func(p *page) error) error {
	var errs []error
	for n := range c.geo.pages {
		errs = append(errs, c.alterPage(n, fn))
	}
	return errors.Join(errs...)
}

// bump moves the sequence of hash's page and returns the new one.
func (c *Cache) bump(hash uint64) (sequence uint64, err error) {
	err = c.alter(hash, func(p *page) error {
		sequence = p.m.load(atSequence) + 1 // what end will make it
		return nil
	})
	return sequence, err
}

// drop removes the entry of hash, and moves the sequence if there is none, too.
func (c *Cache) drop(hash uint64) error {
	return c.alter(hash, func(p *page) error {
		_, err := p.removeLocked(hash)
		return err
	})
}

// at runs fn in hash's page if its sequence is still the given one; else it is
// ErrRefused.
func (c *Cache) at(sequence, hash uint64, fn func(p *page) error) error {
	return c.locked(c.geo.pageOf(BucketOf(hash)), wait{aloneLimit, false}, func(p *page) error {
		if !c.bound() {
			return ErrDetached
		}
		if p.m.load(atSequence) != sequence {
			return ErrRefused
		}
		p.begin()
		return fn(p)
	})
}

// putIf stores an item if the page has not changed since sequence.
func (c *Cache) putIf(key string, hash uint64, value []byte, deadline, now int64, sequence uint64) error {
	if !c.fits(key, value) {
		return tier.ErrTooLarge
	}
	stored := false
	err := c.at(sequence, hash, func(p *page) error {
		err := p.putLocked(key, hash, value, deadline, now)
		stored = err == nil
		return err
	})
	if err == nil && !stored {
		return ErrRefused // the page was damaged, and is empty now
	}
	return err
}

// dropIf removes the entry of hash if the page has not changed since sequence.
func (c *Cache) dropIf(hash, sequence uint64) error {
	return c.at(sequence, hash, func(p *page) error {
		_, err := p.removeLocked(hash)
		return err
	})
}

// All yields the keys and values that have not expired, as the pages are when
// it comes to them: each page as of one moment. Values are copies. The body may
// call the cache.
func (a *Alone) All() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for n := range a.pages.geo.pages {
			p, err := a.pages.copyPage(n)
			if err != nil {
				continue
			}
			if !p.each(a.now(), yield) {
				return
			}
		}
	}
}

// copyPage gives a private copy of page n, as it was at one moment.
func (c *Cache) copyPage(n int) (private page, err error) {
	m := newMemory(c.geo.pageBytes)
	err = c.locked(n, wait{aloneLimit, false}, func(p *page) error {
		if !c.bound() {
			return ErrDetached
		}
		p.m.copyOut(m, 0)
		return nil
	})
	return page{m: m, g: c.geo, salt: mix(c.salt, uint64(n))}, err
}

// each yields the entries of a private copy from the oldest to the newest; it
// leaves out what is damaged. False: yield said so.
func (p *page) each(now int64, yield func(string, []byte) bool) bool {
	_, id := p.pair(atEnds)
	for steps := 0; id != 0 && steps < p.g.blocks; steps++ {
		e, ok := p.entry(id)
		if !ok {
			return true
		}
		id, _ = p.pair(p.block(id) + atQueue)
		data := make([]byte, e.size())
		if e.expired(now) || !p.copyOut(data, &e) {
			continue
		}
		value, key := data[:e.frameLen:e.frameLen], string(data[e.frameLen:])
		if dataCRC(value, key) == e.crc && !yield(key, value) {
			return false
		}
	}
	return true
}
