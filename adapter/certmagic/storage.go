package certmagic

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/stratakv/strata/tiered"
)

// Options are the settings of a [Storage]; nil and zero fields are sound
// defaults. New copies them.
type Options struct {
	// Prefix begins the store's keys; "": "certmagic:". All processes that are to
	// share certificates and locks must have the same.
	Prefix string
	// Lease is how long the lock of a process that is gone, or stalls, stays
	// locked, at least 100 ms; 0: 30 s. A live owner prolongs it every third of
	// that.
	Lease time.Duration
	// Poll is how often a waiter looks whether a lock was released elsewhere; 0:
	// 250 ms. Within a Storage it is told, and a stale lock is taken at once.
	Poll time.Duration
}

// Storage is a certmagic.Storage, a TryLocker and a LockLeaseRenewer. It is safe
// for concurrent use.
type Storage struct {
	store       *tiered.Store
	prefix      string
	lease, poll time.Duration

	ctx     context.Context // ends with Close; what waits and what prolongs locks heeds it
	end     context.CancelFunc
	keepers sync.WaitGroup // of the goroutines that prolong locks

	mu     sync.Mutex       // guards what follows, and lock.held; taken before a lock's own
	locks  map[string]*lock // by name
	closed bool
}

var (
	_ certmagic.Storage          = (*Storage)(nil)
	_ certmagic.TryLocker        = (*Storage)(nil)
	_ certmagic.LockLeaseRenewer = (*Storage)(nil)
)

// New makes a Storage over store, which stays the caller's to close, after the
// Storage. It refuses a store that evicts: certificates would be ordered again
// and again.
func New(store *tiered.Store, opts *Options) (*Storage, error) {
	o := Options{}
	if opts != nil {
		o = *opts
	}
	if o.Prefix == "" {
		o.Prefix = "certmagic:"
	}
	if o.Lease == 0 {
		o.Lease = 30 * time.Second
	}
	if o.Poll == 0 {
		o.Poll = 250 * time.Millisecond
	}
	var faults []error
	if o.Lease < 100*time.Millisecond {
		faults = append(faults, errors.New("certmagic: Options.Lease is below 100 ms"))
	}
	if o.Poll < 0 {
		faults = append(faults, errors.New("certmagic: Options.Poll is negative"))
	}
	if store.Stats().Evict {
		faults = append(faults, errors.New("certmagic: the store evicts records"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	s := &Storage{store: store, prefix: o.Prefix, lease: o.Lease, poll: o.Poll, locks: make(map[string]*lock)}
	s.ctx, s.end = context.WithCancel(context.Background())
	return s, nil
}

// String names the kind of storage, for certmagic's logs.
func (s *Storage) String() string { return "strata" }

// clean is key as a path without slashes at its ends; "" is the root.
func clean(key string) string { return path.Clean("/" + key)[1:] }

// file is the store's key of a cleaned key.
func (s *Storage) file(key string) string { return s.prefix + "file:" + key }

// below is what the store's keys of all that lies below dir begin with.
func (s *Storage) below(dir string) string {
	if dir == "" {
		return s.file("")
	}
	return s.file(dir) + "/"
}

// A record is a byte for its form, when it was stored (unix milliseconds), and
// the value.
const (
	recordForm   = 1
	recordHeader = 1 + 8
)

func (s *Storage) record(value []byte) []byte {
	b := make([]byte, 0, recordHeader+len(value))
	b = append(b, recordForm)
	b = binary.BigEndian.AppendUint64(b, uint64(s.store.Now().UnixMilli()))
	return append(b, value...)
}

// parse splits a record; value is part of it.
func parse(record []byte) (stored time.Time, value []byte, err error) {
	if len(record) < recordHeader || record[0] != recordForm {
		return time.Time{}, nil, fmt.Errorf("certmagic: %w: unknown form of record", tiered.ErrCorrupt)
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(record[1:]))), record[recordHeader:], nil
}

var errRoot = errors.New("certmagic: the key is empty")

// Store puts value at key, for ever. It returns when it is on stable storage.
func (s *Storage) Store(ctx context.Context, key string, value []byte) error {
	key = clean(key)
	if key == "" {
		return errRoot
	}
	err := s.store.Set(ctx, s.file(key), s.record(value), 0)
	if errors.Is(err, tiered.ErrTooLarge) {
		return fmt.Errorf("certmagic: a key of %d and a value of %d bytes: %w", len(key), len(value), err)
	}
	return err
}

// Load returns the value at key.
func (s *Storage) Load(ctx context.Context, key string) ([]byte, error) {
	record, err := s.store.Get(ctx, s.file(clean(key)))
	if errors.Is(err, tiered.ErrNotFound) {
		return nil, missing("load")
	}
	if err != nil {
		return nil, err
	}
	_, value, err := parse(record)
	return value, err
}

func missing(op string) error { return fmt.Errorf("certmagic: %s: %w", op, fs.ErrNotExist) }

// Delete removes key and all keys below it.
func (s *Storage) Delete(ctx context.Context, key string) error {
	key = clean(key)
	if key == "" {
		return errRoot
	}
	if err := s.store.Delete(ctx, s.file(key)); err != nil {
		return err
	}
	_, err := s.store.DeletePrefix(ctx, s.below(key))
	return err
}

// Exists says whether key is a key or a directory; false if that cannot be known.
func (s *Storage) Exists(ctx context.Context, key string) bool {
	key = clean(key)
	if key == "" || s.store.View(ctx, s.file(key), func([]byte) error { return nil }) == nil {
		return true
	}
	for _, err := range s.store.Scan(ctx, s.below(key)) {
		return err == nil
	}
	return false
}

// List returns the keys and directories below dir, sorted: all of them if
// recursive, else those directly below. It reads the values of all keys below.
func (s *Storage) List(ctx context.Context, dir string, recursive bool) ([]string, error) {
	dir = clean(dir)
	found := make(map[string]struct{})
	for item, err := range s.store.Scan(ctx, s.below(dir)) {
		if err != nil {
			return nil, err
		}
		names := strings.Split(item.Key[len(s.below(dir)):], "/")
		if !recursive {
			names = names[:1]
		}
		at := dir
		for _, name := range names {
			at = path.Join(at, name)
			found[at] = struct{}{}
		}
	}
	if len(found) == 0 {
		_, err := s.Stat(ctx, dir) // a key has nothing below
		return nil, err
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// Stat tells of a key, or else of a directory.
func (s *Storage) Stat(ctx context.Context, key string) (certmagic.KeyInfo, error) {
	key = clean(key)
	info := certmagic.KeyInfo{Key: key}
	if key != "" {
		err := s.store.View(ctx, s.file(key), func(record []byte) error {
			stored, value, err := parse(record)
			info.Modified, info.Size, info.IsTerminal = stored, int64(len(value)), true
			return err
		})
		if !errors.Is(err, tiered.ErrNotFound) {
			return info, err
		}
	}
	there := key == ""
	for item, err := range s.store.Scan(ctx, s.below(key)) {
		if err != nil {
			return certmagic.KeyInfo{}, err
		}
		stored, _, err := parse(item.Value)
		if err != nil {
			return certmagic.KeyInfo{}, err
		}
		if there = true; stored.After(info.Modified) {
			info.Modified = stored
		}
	}
	if !there {
		return certmagic.KeyInfo{}, missing("stat")
	}
	return info, nil
}
