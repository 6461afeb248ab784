package httpcache

import (
	"context"
	"errors"
	"time"

	"github.com/stratakv/strata/tiered"
)

// defaultTTL is how long responses are kept.
const defaultTTL = 24 * time.Hour

// Options are the settings of a [Cache]; nil and zero fields are sound defaults.
// New copies them.
type Options struct {
	// Prefix begins the store's keys; "": "httpcache:".
	Prefix string
	// TTL is the lifetime of a response from each Set on; 0: 24 h, negative:
	// without end. Above the store's MaxTTL nothing is kept, and OnError hears
	// tiered.ErrTTL.
	TTL time.Duration
	// OnError is called with each fault, by the goroutine that met it; nil: no
	// one is told.
	OnError func(error)
}

// Cache is an httpcache.Cache. It is safe for concurrent use.
type Cache struct {
	store *tiered.Store
	opts  Options
}

// New makes a Cache over store, which stays the caller's to close.
func New(store *tiered.Store, opts *Options) *Cache {
	c := &Cache{store: store}
	if opts != nil {
		c.opts = *opts
	}
	if c.opts.Prefix == "" {
		c.opts.Prefix = "httpcache:"
	}
	if c.opts.TTL == 0 {
		c.opts.TTL = defaultTTL
	}
	if c.opts.OnError == nil {
		c.opts.OnError = func(error) {}
	}
	return c
}

// Get returns a copy of key's live response. A fault is a miss.
func (c *Cache) Get(key string) (response []byte, ok bool) {
	response, err := c.store.Get(context.Background(), c.opts.Prefix+key)
	if err != nil {
		if !errors.Is(err, tiered.ErrNotFound) {
			c.opts.OnError(err)
		}
		return nil, false
	}
	return response, len(response) > 0
}

// Set stores a copy of response under key for Options.TTL. If it cannot, there
// is no response under key afterwards.
func (c *Cache) Set(key string, response []byte) {
	err := c.store.Set(context.Background(), c.opts.Prefix+key, response, max(c.opts.TTL, 0))
	if err != nil {
		c.opts.OnError(err)
		c.Delete(key)
	}
}

// Delete removes key's response, if there is one.
func (c *Cache) Delete(key string) {
	if err := c.store.Delete(context.Background(), c.opts.Prefix+key); err != nil {
		c.opts.OnError(err)
	}
}
