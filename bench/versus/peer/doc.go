// Package peer makes the systems that are compared look alike: [KV].
//
// Each is set up as its own documentation advises for small records that must
// survive a power cut, with as much memory for caches as strata has, [CacheBytes];
// what was chosen stands at its Open. What a machine lacks is ErrMissing, with
// what to install.
//
// A KV is safe for concurrent use; Close is not, and is called once.
package peer

import (
	"context"
	"errors"
)

// KV is a store of values by key.
type KV interface {
	// Get returns a copy of the value; an absent one is an error.
	Get(ctx context.Context, key string) ([]byte, error)
	// Set replaces the value. It returns when the store acknowledges it.
	Set(ctx context.Context, key string, value []byte) error
	Close() error
}

// Loader is a KV that can be filled faster than by Set.
type Loader interface {
	KV
	// Load stores n records and syncs them at the end.
	Load(ctx context.Context, n int, record func(i int) (key string, value []byte)) error
}

// Walker is a KV that can read all of its records, in the order of their keys,
// without filling its caches.
type Walker interface {
	Walk(ctx context.Context) error
}

// ErrMissing: the machine does not have what the system needs.
var ErrMissing = errors.New("not installed")

// errAbsent: every record that is asked for was stored.
var errAbsent = errors.New("no such record")

// CacheBytes is the memory that each system may use to cache records: strata's
// L1 and L2 together.
const CacheBytes = 128 << 20
