package certmagic_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratakv/strata/adapter/certmagic"
	"github.com/stratakv/strata/tiered"
)

// contend lets workers of each Storage count under the lock, without any other
// synchronisation.
func contend(t *testing.T, storages ...*certmagic.Storage) {
	t.Helper()
	const workers, each = 4, 5
	count := 0
	var wg sync.WaitGroup
	for _, s := range storages {
		for range workers {
			wg.Go(func() {
				for range each {
					if err := s.Lock(t.Context(), "name"); err != nil {
						t.Error(err)
						return
					}
					n := count
					time.Sleep(time.Second) // of the bubble
					count = n + 1
					if err := s.Unlock(t.Context(), "name"); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	if want := len(storages) * workers * each; count != want {
		t.Errorf("got %d, want %d", count, want)
	}
}

func TestLockExcludes(t *testing.T) {
	bubble(t, func(t *testing.T, db *tiered.Store, _ *hostClock) {
		start := time.Now()
		contend(t, newStorage(t, db, nil))
		if took := time.Since(start); took != 20*time.Second {
			t.Errorf("got %v, want 20 s: a waiter is told", took)
		}
	})
}

func TestLockExcludesOverStorages(t *testing.T) {
	bubble(t, func(t *testing.T, db *tiered.Store, _ *hostClock) {
		contend(t, newStorage(t, db, nil), newStorage(t, db, nil), newStorage(t, db, nil))
	})
}

func TestReleasedElsewhereIsSeen(t *testing.T) {
	for _, every := range []time.Duration{0, 10 * time.Millisecond} {
		bubble(t, func(t *testing.T, db *tiered.Store, _ *hostClock) {
			one, two := newStorage(t, db, nil), newStorage(t, db, &certmagic.Options{Poll: every})
			mustLock(t, one)
			got := make(chan time.Time)
			go func() {
				mustLock(t, two)
				got <- time.Now()
			}()
			time.Sleep(time.Minute + time.Millisecond)
			released := time.Now()
			mustUnlock(t, one)
			want := poll
			if every != 0 {
				want = every
			}
			if late := (<-got).Sub(released); late > want || late < want/2 {
				t.Errorf("poll %v: taken %v after its release, want at most %v", every, late, want)
			}
		})
	}
}

func TestLockOutlivesItsLease(t *testing.T) {
	bubble(t, func(t *testing.T, db *tiered.Store, _ *hostClock) {
		one, two := newStorage(t, db, nil), newStorage(t, db, nil)
		mustLock(t, one)
		for range 100 {
			time.Sleep(lease / 4)
			if tryLock(t, two) {
				t.Fatal("a live owner's lock was taken")
			}
		}
		mustUnlock(t, one)
		if !tryLock(t, two) {
			t.Error("a released lock was not taken")
		}
	})
}

func TestStaleLockIsTaken(t *testing.T) {
	for _, lease := range []time.Duration{lease, time.Minute + 7*time.Millisecond} {
		bubble(t, func(t *testing.T, db *tiered.Store, _ *hostClock) {
			gone, two := newStorage(t, db, &certmagic.Options{Lease: lease}), newStorage(t, db, nil)
			mustLock(t, gone)
			gone.Close() // like a process that is gone, it prolongs nothing any more
			start := time.Now()
			mustLock(t, two)
			if got := time.Since(start); got != lease {
				t.Errorf("got the lock after %v, want %v", got, lease)
			}
		})
	}
}

func TestStaleLockIsTakenOnce(t *testing.T) {
	bubble(t, func(t *testing.T, db *tiered.Store, _ *hostClock) {
		gone := newStorage(t, db, nil)
		mustLock(t, gone)
		gone.Close()
		contend(t, newStorage(t, db, nil), newStorage(t, db, nil), newStorage(t, db, nil))
	})
}

func TestLostLockIsFenced(t *testing.T) {
	bubble(t, func(t *testing.T, db *tiered.Store, clock *hostClock) {
		one, two, three := newStorage(t, db, nil), newStorage(t, db, nil), newStorage(t, db, nil)
		mustLock(t, one)
		clock.sleep(lease) // one is stalled, and does not know
		mustLock(t, two)
		if err := one.RenewLockLease(t.Context(), "name", time.Hour); !errors.Is(err, certmagic.ErrNotHeld) {
			t.Errorf("got %v, want ErrNotHeld", err)
		}
		time.Sleep(10 * lease) // one's keeper has looked, two's prolongs
		if tryLock(t, one) {
			t.Error("who has not unlocked yet has the lock again")
		}
		if err := one.Unlock(t.Context(), "name"); !errors.Is(err, certmagic.ErrNotHeld) {
			t.Errorf("got %v, want ErrNotHeld", err)
		}
		if tryLock(t, three) || tryLock(t, one) {
			t.Error("the loser's Unlock released the new owner's lock")
		}
		mustUnlock(t, two)

		// Its Unlock is the first that it hears of it.
		mustLock(t, one)
		clock.sleep(lease)
		mustLock(t, two)
		if err := one.Unlock(t.Context(), "name"); !errors.Is(err, certmagic.ErrNotHeld) {
			t.Errorf("got %v, want ErrNotHeld", err)
		}
		if tryLock(t, three) {
			t.Error("the loser's Unlock released the new owner's lock")
		}
		mustUnlock(t, two)

		// Lost, and nobody has it.
		mustLock(t, one)
		clock.sleep(lease)
		if err := one.Unlock(t.Context(), "name"); !errors.Is(err, certmagic.ErrNotHeld) {
			t.Errorf("got %v, want ErrNotHeld", err)
		}
		mustLock(t, one)
	})
}

// A write of one's own whose outcome was unknown has made another version.
func TestOwnWriteIsKnownAgain(t *testing.T) {
	bubble(t, func(t *testing.T, db *tiered.Store, _ *hostClock) {
		one := newStorage(t, db, nil)
		const key = "certmagic:lock:name"
		rewrite := func() {
			item, err := db.GetItem(t.Context(), key)
			if err == nil {
				err = db.Set(t.Context(), key, item.Value, lease)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		mustLock(t, one)
		rewrite()
		if err := one.RenewLockLease(t.Context(), "name", lease); err != nil {
			t.Errorf("got %v, want the lock prolonged", err)
		}
		rewrite()
		mustUnlock(t, one)
		if _, err := db.Get(t.Context(), key); !errors.Is(err, tiered.ErrNotFound) {
			t.Errorf("got %v, want the record gone", err)
		}
	})
}

func TestUnlockOfNothing(t *testing.T) {
	bubble(t, func(t *testing.T, db *tiered.Store, _ *hostClock) {
		one, two := newStorage(t, db, nil), newStorage(t, db, nil)
		notHeld := func(s *certmagic.Storage, when string) {
			t.Helper()
			if err := s.Unlock(t.Context(), "name"); !errors.Is(err, certmagic.ErrNotHeld) {
				t.Errorf("%s: Unlock: got %v, want ErrNotHeld", when, err)
			}
			if err := s.RenewLockLease(t.Context(), "name", time.Hour); !errors.Is(err, certmagic.ErrNotHeld) {
				t.Errorf("%s: RenewLockLease: got %v, want ErrNotHeld", when, err)
			}
		}
		notHeld(one, "never locked")
		mustLock(t, one)
		notHeld(two, "locked by another")
		done := make(chan struct{})
		go func() {
			defer close(done)
			mustLock(t, two)
		}()
		synctest.Wait()
		notHeld(two, "only waited for")
		mustUnlock(t, one)
		notHeld(one, "unlocked before")
		<-done
		if tryLock(t, one) {
			t.Error("the waiter does not have the lock")
		}
	})
}

func TestRenewLockLease(t *testing.T) {
	bubble(t, func(t *testing.T, db *tiered.Store, _ *hostClock) {
		one, two := newStorage(t, db, nil), newStorage(t, db, nil)
		for _, d := range []time.Duration{10 * time.Minute, lease / 2, 0, -time.Hour} {
			mustLock(t, one)
			start := time.Now()
			if err := one.RenewLockLease(t.Context(), "name", d); err != nil {
				t.Fatal(err)
			}
			time.Sleep(lease/3 + time.Second) // the keeper has prolonged it, and not shortened
			one.Close()
			mustLock(t, two)
			if got, want := time.Since(start), max(d, lease/3+lease); got != want {
				t.Errorf("%v: taken after %v, want %v", d, got, want)
			}
			mustUnlock(t, two)
			one = newStorage(t, db, nil)
		}
	})
}

func TestLockWithEndedContext(t *testing.T) {
	bubble(t, func(t *testing.T, db *tiered.Store, _ *hostClock) {
		one, two := newStorage(t, db, nil), newStorage(t, db, nil)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for range 2 {
			if err := one.Lock(ended, "name"); err != nil {
				t.Fatalf("free: got %v, want the lock", err)
			}
			for _, s := range []*certmagic.Storage{one, two} {
				if err := s.Lock(ended, "name"); !errors.Is(err, context.Canceled) {
					t.Errorf("held: got %v, want context.Canceled", err)
				}
			}
			if err := one.Unlock(ended, "name"); err != nil {
				t.Errorf("got %v, want it released", err)
			}
		}
	})
}

func TestWaiterHeedsItsContext(t *testing.T) {
	bubble(t, func(t *testing.T, db *tiered.Store, _ *hostClock) {
		one, two := newStorage(t, db, nil), newStorage(t, db, nil)
		mustLock(t, one)
		for _, s := range []*certmagic.Storage{one, two} {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := s.Lock(ctx, "name"); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
				t.Errorf("got %v after %v, want DeadlineExceeded after 1 s", err, time.Since(start))
			}
			cancel()
		}
		mustUnlock(t, one) // who gave up is in nobody's way
		mustLock(t, two)
	})
}

func TestTryLock(t *testing.T) {
	bubble(t, func(t *testing.T, db *tiered.Store, _ *hostClock) {
		one, two := newStorage(t, db, nil), newStorage(t, db, nil)
		start := time.Now()
		if !tryLock(t, one) {
			t.Error("free: got false")
		}
		if tryLock(t, one) || tryLock(t, two) {
			t.Error("held: got true")
		}
		if time.Since(start) != 0 {
			t.Errorf("TryLock waited %v", time.Since(start))
		}
		time.Sleep(3 * lease)
		if tryLock(t, two) {
			t.Error("a live owner's lock was taken")
		}
		mustUnlock(t, one)
		if !tryLock(t, two) {
			t.Error("released: got false")
		}
	})
}

func TestLocksAreNoKeys(t *testing.T) {
	s := newStorage(t, openStore(t, nil), nil)
	mustLock(t, s)
	fill(t, s, "name/of/a/key")
	if err := s.Delete(t.Context(), "name"); err != nil {
		t.Fatal(err)
	}
	if got, err := s.List(t.Context(), "", true); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v; want no keys", got, err)
	}
	if tryLock(t, s) {
		t.Error("Delete of a key released the lock of that name")
	}
}

func TestClose(t *testing.T) {
	bubble(t, func(t *testing.T, db *tiered.Store, _ *hostClock) {
		one, two := newStorage(t, db, nil), newStorage(t, db, nil)
		mustLock(t, one)
		var waiters sync.WaitGroup
		for range 2 { // the first polls, the second waits for the first
			waiters.Go(func() {
				if err := two.Lock(t.Context(), "name"); !errors.Is(err, tiered.ErrClosed) {
					t.Errorf("got %v, want ErrClosed", err)
				}
			})
		}
		synctest.Wait()
		for range 2 {
			if err := two.Close(); err != nil {
				t.Error(err)
			}
		}
		waiters.Wait()
		if _, err := two.TryLock(t.Context(), "other"); !errors.Is(err, tiered.ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
		one.Close()
		mustUnlock(t, one) // still possible
		fill(t, one, "k")
	})
}

func TestUnlockTwiceAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, db *tiered.Store, _ *hostClock) {
		s := newStorage(t, db, nil)
		results := make(chan error)
		for range 500 {
			mustLock(t, s)
			for range 2 {
				go func() { results <- s.Unlock(t.Context(), "name") }()
			}
			one, two := <-results, <-results
			if (one == nil) == (two == nil) || !errors.Is(errors.Join(one, two), certmagic.ErrNotHeld) {
				t.Fatalf("got %v and %v, want nil and ErrNotHeld", one, two)
			}
		}
	})
}

// A goroutine that is left when the bubble ends fails these two: nothing closes
// their Storages.
func TestUnlockEndsTheKeeper(t *testing.T) {
	bubble(t, func(t *testing.T, db *tiered.Store, _ *hostClock) {
		s, err := certmagic.New(db, nil)
		if err != nil {
			t.Fatal(err)
		}
		mustLock(t, s)
		mustUnlock(t, s)
	})
}

func TestClosedStoreEndsTheKeeper(t *testing.T) {
	bubble(t, func(t *testing.T, db *tiered.Store, _ *hostClock) {
		s, err := certmagic.New(db, nil)
		if err != nil {
			t.Fatal(err)
		}
		mustLock(t, s)
		db.Close()
		time.Sleep(lease)
	})
}
