//go:build !wasm

package l3bolt

import (
	"errors"
	"sync/atomic"

	"github.com/stratakv/strata/tiered/tier"
	bolt "go.etcd.io/bbolt"
)

// bases is store.db as the DB uses it: one base, until a compaction puts
// another in its place, which holds the same. A read that has begun keeps the
// one that it began on; which of the two a read begins on makes no difference,
// because nothing is written between the moment at which both are the same and
// the end of the exchange. Whoever writes, or asks for more than a read, holds
// checkMu, as the exchange does.
type bases struct {
	path    string
	current atomic.Pointer[base] // written by open and exchange
	wrote   func()               // called after each update that committed
	died    chan struct{}        // closed when a read's beginning panicked: writers may hang in bbolt for ever
}

// open makes b the current base. onDeath is told why none can be read any more.
func (s *bases) open(path string, b *base, wrote func(), onDeath func(error)) {
	s.path, s.wrote, s.died = path, wrote, make(chan struct{})
	b.onDeath = func(err error) {
		close(s.died)
		onDeath(err)
	}
	s.current.Store(b)
}

func (s *bases) opened() bool { return s.current.Load() != nil }

// view is a read transaction and the base that it belongs to.
type view struct {
	base *base
	tx   *bolt.Tx
}

// end runs fn and ends the transaction.
func (v view) end(fn func(*bolt.Tx) error) error { return v.base.endView(v.tx, fn) }

// begin begins a read transaction on the current base.
func (s *bases) begin() (view, error) {
	for {
		b := s.current.Load()
		tx, err := b.beginView()
		if !errors.Is(err, errRetired) {
			return view{b, tx}, err
		}
	}
}

// view runs fn in a read transaction. Nothing that fn sees may leave it.
func (s *bases) view(fn func(*bolt.Tx) error) error {
	v, err := s.begin()
	if err != nil {
		return err
	}
	return v.end(fn)
}

// record gives a copy of what bbolt has of key.
func (s *bases) record(key string) (rec tier.Record, found bool, err error) {
	if shared := s.current.Load().enterShared(); shared != nil {
		return shared.load(key)
	}
	err = s.view(func(tx *bolt.Tx) error {
		v, ok, err := storedValue(tx, key)
		if ok && err == nil {
			rec, err = copyRecord(key, v)
			found = err == nil
		}
		return err
	})
	return rec, found, err
}

// The others are those of the current base, for whoever holds checkMu.

func (s *bases) update(fn func(*bolt.Tx, *guard) error) error {
	err := s.current.Load().update(fn)
	if err == nil {
		s.wrote()
	}
	return err
}

func (s *bases) extend(bytes int64) error { return s.current.Load().extend(bytes) }
func (s *bases) room() int64              { return s.current.Load().room() }
func (s *bases) size() int64              { return s.current.Load().size() }
func (s *bases) taken() int64             { return s.current.Load().taken() }
func (s *bases) sync() error              { return s.current.Load().sync() }
func (s *bases) close() error             { return s.current.Load().close() }
