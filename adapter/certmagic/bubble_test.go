package certmagic_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratakv/strata/adapter/certmagic"
	"github.com/stratakv/strata/tiered"
)

// lease and poll are the defaults.
const (
	lease = 30 * time.Second
	poll  = 250 * time.Millisecond
)

// hostClock is the bubble's time, and what the host slept besides.
type hostClock struct {
	start time.Time
	mu    sync.Mutex // guards slept
	slept time.Duration
}

func (c *hostClock) Wall() time.Time { return c.start.Add(c.Boot()) }

func (c *hostClock) Boot() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Since(c.start) + c.slept
}

func (c *hostClock) BootID() string { return "bubble" }

// sleep is the host's: no timer of its processes runs meanwhile.
func (c *hostClock) sleep(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slept += d
}

// bubble runs fn with a store whose time is the bubble's.
func bubble(t *testing.T, fn func(t *testing.T, db *tiered.Store, clock *hostClock)) {
	synctest.Test(t, func(t *testing.T) {
		clock := &hostClock{start: time.Now()}
		fn(t, openStore(t, &tiered.Options{Clock: clock}), clock)
	})
}

func mustLock(t *testing.T, s *certmagic.Storage) {
	t.Helper()
	if err := s.Lock(t.Context(), "name"); err != nil {
		t.Fatal(err)
	}
}

// tryLock is TryLock that must not fail.
func tryLock(t *testing.T, s *certmagic.Storage) bool {
	t.Helper()
	ok, err := s.TryLock(t.Context(), "name")
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func mustUnlock(t *testing.T, s *certmagic.Storage) {
	t.Helper()
	if err := s.Unlock(t.Context(), "name"); err != nil {
		t.Fatal(err)
	}
}
