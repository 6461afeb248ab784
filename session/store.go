package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stratakv/strata/session/internal/exact"
	"github.com/stratakv/strata/tiered"
)

// Store keeps the contract of the ancestors' session stores: values of any
// shape under keys `prefix:id`. The package documentation, "The store contract",
// gives it. Its methods are safe for concurrent use.
//
// Invariants:
//
//  1. One record: what is under session:ID, flash:ID and expires:ID is one
//     record of the tiered store. expires:ID is its deadline, the other two are
//     parts of its value, so that they expire, and are evicted, together.
//  2. Whole seconds: a deadline on a whole second is a stored expires:ID; any
//     other is the store's own (StoreOptions.TTL).
//  3. Nothing is lost between: a write that reads first holds only if the record
//     still has the version that was read; else it reads again. So a part that
//     is stored leaves the other part and the deadline as they are.
//  4. A new expires:ID alone writes a deadline and no value.
//  5. Ids stay with clients: SHA-256 of an id is in the record's key, the id
//     nowhere.
type Store struct {
	store  backing
	codec  *exact.Codec
	prefix string
	ttl    time.Duration // < 0: none
}

// backing is what a Store needs of a tiered.Store; each method is as there.
type backing interface {
	View(ctx context.Context, key string, fn func(value []byte) error) error
	GetItem(ctx context.Context, key string) (tiered.Item, error)
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	Delete(ctx context.Context, key string) error
	Update(ctx context.Context, key string, fn tiered.UpdateFunc) (tiered.Item, error)
	Write(ctx context.Context, b *tiered.Batch) error
	DeleteExpired(ctx context.Context) (int, error)
	Now() time.Time
}

// StoreOptions are the settings of a Store. A nil *StoreOptions and the zero
// value of each field are sound defaults.
type StoreOptions struct {
	// Prefix is what the Store's keys in the tiered store begin with; "":
	// "store:". Stores with one prefix on one tiered store are one; with others
	// they must differ from it and from Options.Prefix, none the beginning of
	// another.
	Prefix string
	// TTL is how long session:ID and flash:ID live while no expires:ID is stored,
	// counted from the last write under one of the three keys; 0: 2 h; negative:
	// until deleted. It keeps what is stored late, after a logout, from staying
	// for ever. It must not be above the tiered store's MaxTTL.
	TTL time.Duration
}

const (
	defaultStorePrefix = "store:"
	defaultStoreTTL    = 2 * time.Hour
)

// NewStore makes a Store over store, which stays the caller's to close.
func NewStore(store *tiered.Store, opts *StoreOptions) *Store { return newStore(store, opts) }

func newStore(store backing, opts *StoreOptions) *Store {
	var o StoreOptions
	if opts != nil {
		o = *opts
	}
	if o.Prefix == "" {
		o.Prefix = defaultStorePrefix
	}
	if o.TTL == 0 {
		o.TTL = defaultStoreTTL
	}
	return &Store{store: store, codec: exact.New(), prefix: o.Prefix, ttl: o.TTL}
}

// Get returns what was stored under key, deeply equal to it; found is false if
// there is nothing, and for a malformed key. Of a type that is not exact it
// returns what that consists of: see GetInto. tiered.ErrCorrupt: the record is
// damaged.
func (s *Store) Get(ctx context.Context, key string) (value any, found bool, err error) {
	found, err = s.read(ctx, "get", key, func(data []byte) (err error) {
		value, err = s.codec.Decode(data)
		return err
	})
	return value, found, err
}

// GetInto is Get into what the pointer into points to: the way back for structs
// and named types. found=false and errors leave that as it was. ErrArgument:
// what is stored does not fit it.
func (s *Store) GetInto(ctx context.Context, key string, into any) (found bool, err error) {
	return s.read(ctx, "get into", key, func(data []byte) error {
		return s.codec.DecodeInto(data, into)
	})
}

// read calls use with what is stored under key in its encoded form, lent.
func (s *Store) read(ctx context.Context, op, key string, use func(data []byte) error) (found bool, err error) {
	at, ok := s.locate(key)
	if !ok {
		return false, nil
	}
	if at.part == partExpires {
		err = s.readExpires(ctx, at.key, use)
	} else {
		err = s.store.View(ctx, at.key, func(value []byte) error {
			data := value
			if at.part != partOther {
				r, err := parseStoreRecord(value)
				if err != nil {
					return err
				}
				if data = *r.part(at.part); data == nil {
					return tiered.ErrNotFound
				}
			}
			return use(data)
		})
	}
	if absent(err) {
		return false, nil
	}
	return err == nil, storeFault(op, err)
}

func (s *Store) readExpires(ctx context.Context, key string, use func(data []byte) error) error {
	it, err := s.store.GetItem(ctx, key)
	if err != nil {
		return err
	}
	seconds, stored := storedSeconds(it.Expires)
	if !stored {
		return tiered.ErrNotFound
	}
	data, err := s.codec.Encode(seconds)
	if err != nil {
		return err
	}
	return use(data)
}

// Put stores value under key; it is on stable storage when Put returns nil.
// ErrArgument: the key is malformed, the value cannot be stored, or under
// expires:ID is no integer. Errors of the tiered store leave what was there.
func (s *Store) Put(ctx context.Context, key string, value any) error {
	return storeFault("put", s.put(ctx, key, value))
}

func (s *Store) put(ctx context.Context, key string, value any) error {
	at, ok := s.locate(key)
	if !ok {
		return errKey
	}
	if at.part == partExpires {
		seconds, err := toSeconds(value)
		if err != nil {
			return err
		}
		return s.putExpires(ctx, at.key, seconds)
	}
	data, err := s.codec.Encode(value)
	switch {
	case err != nil:
		return err
	case at.part == partOther:
		return s.store.Set(ctx, at.key, data, 0)
	}
	return s.update(ctx, at.key, func(r *storeRecord) error {
		*r.part(at.part) = data
		return nil
	})
}

// Delete removes what is under key; that there is nothing is no error, nor is a
// malformed key. Without session:ID and flash:ID an expires:ID stays until it
// expires or is deleted. Where the record is damaged, and of session:ID where
// the disk has no room for the rest of it, the whole record goes.
func (s *Store) Delete(ctx context.Context, key string) error {
	at, ok := s.locate(key)
	if !ok {
		return nil
	}
	if at.part == partOther {
		return storeFault("delete", s.store.Delete(ctx, at.key))
	}
	err := s.update(ctx, at.key, func(r *storeRecord) error { return r.remove(at.part) })
	if errors.Is(err, tiered.ErrCorrupt) || at.part == partSession && errors.Is(err, tiered.ErrFull) {
		err = s.store.Delete(ctx, at.key)
	}
	return storeFault("delete", err)
}

// DeleteExpired removes the records of the whole tiered store whose deadline has
// come, and returns how many; the store does so by itself too. What is under
// other prefixes than session, expires and flash has no deadline and stays.
func (s *Store) DeleteExpired(ctx context.Context) (int, error) {
	n, err := s.store.DeleteExpired(ctx)
	return n, storeFault("delete expired", err)
}

// errKey refuses a malformed key.
var errKey = fmt.Errorf("%w: key is not prefix:id", ErrArgument)

// storeFault gives err its operation. What package exact refuses is ErrArgument.
func storeFault(op string, err error) error {
	if errors.Is(err, exact.ErrValue) && !errors.Is(err, ErrArgument) {
		err = fmt.Errorf("%w: %w", ErrArgument, err)
	}
	return outage("store: "+op, err)
}
