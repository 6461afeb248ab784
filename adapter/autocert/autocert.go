// Package autocert keeps certificates and account keys of
// golang.org/x/crypto/acme/autocert in a tiered.Store, beside the sessions of
// the same service: durable, and served from memory.
//
//	cache, err := autocert.New(db, nil) // db is a *tiered.Store
//	m := &acmeautocert.Manager{Cache: cache, Prompt: …, HostPolicy: …}
//
// # What it fixes
//
// autocert.DirCache does not sync what it writes, reads a file for each
// certificate that is not in the manager's memory, and a cancelled Put may leave
// a goroutine at work. Here a Put that returned nil is on stable storage, and one
// whose context ended says whether that is known ([tiered.ErrUnknownOutcome]).
//
// # What it cannot fix
//
// autocert has no lock between hosts: several services that share a domain but
// not a store each order a certificate. (Package certmagic of this project has
// locks.) Private keys are stored as autocert gives them, in clear.
//
// # Rules of the interface, and the tests that hold them
//
//  1. Get of a missing key is autocert.ErrCacheMiss itself, not wrapped: the
//     Manager compares with ==. TestMissIsErrCacheMissItself
//  2. Get gives what Put was given, whatever bytes, and both are private copies.
//     TestPutGet
//  3. Delete of a missing key is nil. TestDelete
//  4. Keys are any strings. TestKeys
//  5. Nothing expires and nothing is evicted: New refuses a memory store that
//     evicts, and Put fails in a store that bounds lifetimes. TestNothingExpires,
//     TestEvictingStoreIsRefused
//  6. A context that has ended does nothing. TestContextIsHonoured
//  7. Other errors are the store's; a miss is never said in their place.
//     TestOutageIsNoMiss
//
// A [Cache] is safe for concurrent use. Errors are those of package tiered; their
// texts hold no keys and no values.
package autocert

import (
	"context"
	"errors"

	"github.com/stratakv/strata/tiered"
	"golang.org/x/crypto/acme/autocert"
)

// Options are the settings of a [Cache]; nil and zero fields are sound defaults.
type Options struct {
	// Prefix begins the store's keys; "": "autocert:".
	Prefix string
}

// Cache is an autocert.Cache.
type Cache struct {
	store  *tiered.Store
	prefix string
}

var _ autocert.Cache = (*Cache)(nil)

// New makes a Cache over store, which stays the caller's to close. It refuses a
// store with Options.Evict: certificates would be ordered again and again, up to
// the issuer's limits.
func New(store *tiered.Store, opts *Options) (*Cache, error) {
	if store.Stats().Evict {
		return nil, errors.New("autocert: the store evicts records")
	}
	c := &Cache{store: store, prefix: "autocert:"}
	if opts != nil && opts.Prefix != "" {
		c.prefix = opts.Prefix
	}
	return c, nil
}

// Get returns what was put under key; autocert.ErrCacheMiss: nothing.
func (c *Cache) Get(ctx context.Context, key string) ([]byte, error) {
	data, err := c.store.Get(ctx, c.prefix+key)
	if errors.Is(err, tiered.ErrNotFound) {
		return nil, autocert.ErrCacheMiss
	}
	return data, err
}

// Put stores data under key, without expiry. It returns when data is on stable
// storage.
func (c *Cache) Put(ctx context.Context, key string, data []byte) error {
	return c.store.Set(ctx, c.prefix+key, data, 0)
}

// Delete removes key; that there is none is no error.
func (c *Cache) Delete(ctx context.Context, key string) error {
	return c.store.Delete(ctx, c.prefix+key)
}
