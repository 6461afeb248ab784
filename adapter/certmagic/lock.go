package certmagic

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stratakv/strata/tiered"
)

// ErrNotHeld: this Storage does not have the lock, or has lost it: it went stale
// while the process stalled.
var ErrNotHeld = errors.New("lock is not held")

// lock is a name that one goroutine of this Storage has, or waits for.
//
//  1. Within a Storage, one at a time is in locks under a name, from before it
//     asks the store until after it has released it, lost or not. So Unlock means
//     its caller's lock.
//  2. The store has at most one live record of a name, made on condition that
//     there is none: that is the exclusion.
//  3. Prolonging and releasing are on condition of the record's version, and
//     only a record that holds owner is taken for one's own.
type lock struct {
	key   string        // the store's
	owner []byte        // random, the record's value
	freed chan struct{} // closed when it leaves locks
	held  bool          // whether Unlock may have it; guarded by Storage.mu

	stop    context.CancelFunc // ends the keeper
	stopped chan struct{}      // closed by the keeper

	mu      sync.Mutex // guards what follows; held over calls of the store
	version uint64     // of the record; 0: not held
	until   time.Time  // by the store's clock: RenewLockLease asked for it
}

// Lock waits until it has the lock of that name.
func (s *Storage) Lock(ctx context.Context, name string) error {
	l, err := s.enter(ctx, name)
	if err != nil {
		return err
	}
	for {
		wait, err := s.take(ctx, l)
		if err != nil {
			s.leave(name, l)
			return err
		}
		if wait == 0 {
			return s.keep(name, l)
		}
		if err := s.pause(ctx, wait); err != nil {
			s.leave(name, l)
			return err
		}
	}
}

// TryLock takes the lock if it is free or stale, and says whether it was.
func (s *Storage) TryLock(ctx context.Context, name string) (bool, error) {
	l, _, err := s.tryEnter(name)
	if l == nil || err != nil {
		return false, err
	}
	wait, err := s.take(ctx, l)
	if wait != 0 || err != nil {
		s.leave(name, l)
		return false, err
	}
	err = s.keep(name, l)
	return err == nil, err
}

// Unlock releases the lock. ErrNotHeld: it was lost, and may be another's by now.
// After any other error it becomes stale by itself.
func (s *Storage) Unlock(ctx context.Context, name string) error {
	s.mu.Lock()
	l := s.locks[name]
	if l == nil || !l.held {
		s.mu.Unlock()
		return fmt.Errorf("certmagic: unlock: %w", ErrNotHeld)
	}
	l.held = false
	s.mu.Unlock()
	l.stop()
	<-l.stopped
	defer s.leave(name, l)
	return s.release(context.WithoutCancel(ctx), l)
}

// RenewLockLease keeps the lock for d from now on, or for a lease if that is
// longer, whatever becomes of this process.
func (s *Storage) RenewLockLease(ctx context.Context, name string, d time.Duration) error {
	s.mu.Lock()
	l := s.locks[name]
	held := l != nil && l.held
	s.mu.Unlock()
	if !held {
		return fmt.Errorf("certmagic: renew lock: %w", ErrNotHeld)
	}
	return s.prolong(ctx, l, d)
}

// Close ends the goroutines that keep this Storage's locks from becoming stale,
// and lets nobody wait for one. It releases none, since what they guard may be
// under way: Unlock still does. Other methods go on. Close is idempotent.
func (s *Storage) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.keepers.Wait()
	return nil
}

func errClosed() error { return fmt.Errorf("certmagic: lock: %w", tiered.ErrClosed) }

// tryEnter puts a new lock into locks, or gives the one that is there.
func (s *Storage) tryEnter(name string) (l, other *lock, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, errClosed()
	}
	if other := s.locks[name]; other != nil {
		return nil, other, nil
	}
	l = &lock{key: s.prefix + "lock:" + name, owner: make([]byte, 16), freed: make(chan struct{})}
	rand.Read(l.owner) // never fails
	s.locks[name] = l
	return l, nil, nil
}

// enter is tryEnter that waits for its turn.
func (s *Storage) enter(ctx context.Context, name string) (*lock, error) {
	for {
		l, other, err := s.tryEnter(name)
		if l != nil || err != nil {
			return l, err
		}
		select {
		case <-other.freed:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-s.ctx.Done():
			return nil, errClosed()
		}
	}
}

// leave is the end of l.
func (s *Storage) leave(name string, l *lock) {
	s.mu.Lock()
	delete(s.locks, name)
	s.mu.Unlock()
	close(l.freed)
}

// take tries once to make the record. If another's is there it returns how long
// to wait. ctx does not end it: what it leaves behind would have to become stale.
func (s *Storage) take(ctx context.Context, l *lock) (wait time.Duration, err error) {
	now, err := s.store.CompareAndSet(context.WithoutCancel(ctx), l.key, 0, l.owner, s.lease)
	if errors.Is(err, tiered.ErrVersion) {
		left := now.Expires.Sub(s.store.Now())
		return max(min(s.poll, left), time.Millisecond), nil
	}
	l.version = now.Version
	return 0, err
}

// pause waits for d.
func (s *Storage) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ctx.Done():
		return errClosed()
	}
}

// keep makes l, which has its record, held, and starts its keeper.
func (s *Storage) keep(name string, l *lock) error {
	ctx, stop := context.WithCancel(s.ctx)
	l.stop, l.stopped = stop, make(chan struct{})
	s.mu.Lock()
	closed := s.closed
	if !closed {
		l.held = true
		s.keepers.Go(func() { s.keeper(ctx, l) })
	}
	s.mu.Unlock()
	if !closed {
		return nil
	}
	stop()
	defer s.leave(name, l)
	return errors.Join(errClosed(), s.release(context.Background(), l))
}

// keeper prolongs l until ctx ends, it is lost, or the store is closed. After
// other errors it tries again.
func (s *Storage) keeper(ctx context.Context, l *lock) {
	defer close(l.stopped)
	t := time.NewTicker(s.lease / 3)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		err := s.prolong(ctx, l, 0)
		if errors.Is(err, ErrNotHeld) || errors.Is(err, tiered.ErrClosed) {
			return
		}
	}
}

// prolong gives l's record a lease from now on, or what was asked for if that is
// longer, on condition that it is still l's.
func (s *Storage) prolong(ctx context.Context, l *lock, d time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := s.store.Now()
	if until := now.Add(d); until.After(l.until) {
		l.until = until
	}
	for l.version != 0 {
		item, err := s.store.CompareAndSet(ctx, l.key, l.version, l.owner, max(s.lease, l.until.Sub(now)))
		if !errors.Is(err, tiered.ErrVersion) {
			if err == nil {
				l.version = item.Version
			}
			return err
		}
		l.adopt(item)
	}
	return fmt.Errorf("certmagic: renew lock: %w", ErrNotHeld)
}

// release deletes l's record, on condition that it is still l's.
func (s *Storage) release(ctx context.Context, l *lock) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.version != 0 {
		err := s.store.CompareAndDelete(ctx, l.key, l.version)
		if !errors.Is(err, tiered.ErrVersion) {
			return err
		}
		item, err := s.store.GetItem(ctx, l.key)
		if err != nil && !errors.Is(err, tiered.ErrNotFound) {
			return err
		}
		l.adopt(item)
	}
	return fmt.Errorf("certmagic: unlock: %w", ErrNotHeld)
}

// adopt takes over the version of the record as it is: a write of one's own whose
// outcome was unknown may have happened. Another's record, or none, means that
// the lock is lost.
func (l *lock) adopt(now tiered.Item) {
	l.version = 0
	if bytes.Equal(now.Value, l.owner) {
		l.version = now.Version
	}
}
