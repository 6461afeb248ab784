//go:build !wasm

package l2mmap

import (
	"errors"
	"fmt"
	"time"

	"github.com/stratakv/strata/tiered/tier"
	"github.com/zeebo/xxh3"
)

// AloneOptions are the settings of a cache that stands alone. A nil
// *AloneOptions and zero fields are sound defaults.
type AloneOptions struct {
	// Pages is the geometry of a new cache. One that exists keeps its own.
	Pages PageOptions
	// Now replaces the wall clock; nil: time.Now. All processes must go by the
	// same one.
	Now func() time.Time
	// Load is asked for what is not there, and what it finds is kept; nil: a
	// miss is a miss.
	Load func(key string) (value []byte, ttl time.Duration, found bool, err error)
	// Store and Drop are told of each Set and Delete before the cache is
	// changed; what they refuse does not happen. They are not told of
	// evictions: the cache never has what they do not. nil: nobody is told.
	Store func(key string, value []byte, ttl time.Duration) error
	Drop  func(key string) error
}

const (
	// aloneLimit is how long a change waits for a page: its caller wants it.
	aloneLimit = time.Second
	// updateTries bounds how often an UpdateFunc runs again.
	updateTries = 1000
)

// Alone is a cache that all processes of a host share, without a truth below
// it: values with a lifetime, which may go at any time. Its methods are safe
// for concurrent use.
//
//  1. Load, Store, Drop and the functions of Update run under no lock, and may
//     call the cache.
//  2. What they did is put into the cache only if the key's page has not
//     changed since before they were called. Every change moves the page's
//     sequence, a Delete of what is absent too, and no eviction takes that
//     back: a value that was loaded before a Set or Delete does not come back
//     after it.
//  3. A Set with Store, or a Delete with Drop, that is cut off by the process's
//     death between the two may leave what another process loaded meanwhile,
//     until its lifetime ends.
type Alone struct {
	control *Control
	pages   *Cache
	o       AloneOptions
}

// OpenAlone opens the cache in dir, and creates both if there is none. Errors
// are those of [OpenControl] and [Open]; where memory cannot be shared it is
// ErrUnsupported. dir must not be a store's.
func OpenAlone(dir string, opts *AloneOptions) (*Alone, error) {
	var o AloneOptions
	if opts != nil {
		o = *opts
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	control, pages, err := openAlone(dir, o.Pages)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return &Alone{control: control, pages: pages, o: o}, nil
}

// Close lets go of the files; what they hold stays. It is idempotent.
func (a *Alone) Close() error { return errors.Join(a.pages.Close(), a.control.Close()) }

func (a *Alone) now() int64 { return a.o.Now().UnixMilli() }

func (a *Alone) hash(key string) uint64 { return xxh3.HashStringSeed(key, a.control.seed) }

// deadline is when a value set now with ttl ends; 0: never.
func (a *Alone) deadline(ttl time.Duration) (int64, error) {
	if ttl < 0 {
		return 0, tier.ErrTTL
	}
	if ttl == 0 {
		return 0, nil
	}
	return a.now() + int64((ttl+time.Millisecond-1)/time.Millisecond), nil
}

// Get returns a copy of the value of key; found is false if there is none, also
// after Load was asked. err is Load's.
func (a *Alone) Get(key string) (value []byte, found bool, err error) {
	hash := a.hash(key)
	if a.o.Load == nil {
		value, _, found = a.pages.Get(nil, key, hash, a.now)
		return value, found, nil
	}
	value, sequence, found := a.pages.snapshot(key, hash, a.now())
	if found {
		return value, true, nil
	}
	value, ttl, found, err := a.o.Load(key)
	if err != nil || !found {
		return nil, false, err
	}
	if deadline, err := a.deadline(ttl); err == nil {
		// What is not kept is loaded again.
		_ = a.pages.putIf(key, hash, value, deadline, a.now(), sequence)
	}
	return value, true, nil
}

// Set stores a copy of value for ttl, 0: for ever. tier.ErrTooLarge: no page
// takes it; tier.ErrTTL: ttl is negative. After an error the old value stays;
// if Store was asked there is none.
func (a *Alone) Set(key string, value []byte, ttl time.Duration) error {
	deadline, err := a.deadline(ttl)
	if err != nil {
		return err
	}
	if !a.pages.fits(key, value) {
		return tier.ErrTooLarge
	}
	hash := a.hash(key)
	if a.o.Store == nil {
		return a.pages.alter(hash, func(p *page) error {
			return p.putLocked(key, hash, value, deadline, a.now())
		})
	}
	return a.through(hash, func() error { return a.o.Store(key, value, ttl) }, func(sequence uint64) error {
		return a.pages.putIf(key, hash, value, deadline, a.now(), sequence)
	})
}

// Delete removes key; absent is nil.
func (a *Alone) Delete(key string) error {
	hash := a.hash(key)
	if a.o.Drop == nil {
		return a.pages.drop(hash)
	}
	return a.through(hash, func() error { return a.o.Drop(key) }, func(uint64) error { return a.pages.drop(hash) })
}

// through tells the backing store, and changes the cache if the page is as it
// was before. If it is not, what is in the cache may be older than what the
// backing store was told last: it goes.
func (a *Alone) through(hash uint64, tell func() error, change func(sequence uint64) error) error {
	sequence, err := a.pages.bump(hash)
	if err != nil {
		return err
	}
	told := tell()
	if told == nil {
		if err := change(sequence); err == nil {
			return nil
		}
	}
	// Also when it was refused: nobody knows what became of it there.
	return errors.Join(told, a.pages.drop(hash))
}

// Update replaces the value of key by what fn makes of it, as one step for all
// processes. fn may run again, when something else in the key's page has
// changed meanwhile. keep false removes the key. fn's error ends it, and
// nothing is changed. ErrRefused: it was disturbed too often. Load and Store
// are not asked.
func (a *Alone) Update(key string, fn func(old []byte, found bool) (value []byte, ttl time.Duration, keep bool, err error)) error {
	hash := a.hash(key)
	for range updateTries {
		old, sequence, found := a.pages.snapshot(key, hash, a.now())
		if err := a.pages.usable(); err != nil {
			return err
		}
		value, ttl, keep, err := fn(old, found)
		if err != nil {
			return err
		}
		deadline, err := a.deadline(ttl)
		if err != nil {
			return err
		}
		if keep {
			err = a.pages.putIf(key, hash, value, deadline, a.now(), sequence)
		} else {
			err = a.pages.dropIf(hash, sequence)
		}
		if !errors.Is(err, ErrRefused) {
			return err
		}
	}
	return ErrRefused
}

// GetMany is Get of each key: the values that are there, and the errors of
// Load, by key.
func (a *Alone) GetMany(keys []string) (values map[string][]byte, errs map[string]error) {
	values, errs = make(map[string][]byte, len(keys)), map[string]error{}
	for _, key := range keys {
		value, found, err := a.Get(key)
		if err != nil {
			errs[key] = err
		} else if found {
			values[key] = value
		}
	}
	return values, errs
}

// SetMany is Set of each value; it returns the errors by key, none if all are
// stored.
func (a *Alone) SetMany(values map[string][]byte, ttl time.Duration) (errs map[string]error) {
	errs = map[string]error{}
	for key, value := range values {
		if err := a.Set(key, value, ttl); err != nil {
			errs[key] = err
		}
	}
	return errs
}

// Clear removes everything, page by page. Drop is not told.
func (a *Alone) Clear() error {
	return a.pages.alterAll(func(p *page) error { p.reset(); return nil })
}

// Purge removes what has expired, page by page.
func (a *Alone) Purge() error {
	now := a.now()
	return a.pages.alterAll(func(p *page) error { return p.expireLocked(now) })
}

// Stats may be called at any time.
func (a *Alone) Stats() Stats { return a.pages.Stats() }
