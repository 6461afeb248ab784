package httpcache_test

import (
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stratakv/strata/adapter/httpcache"
	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

// bench is a Cache over a memory store whose clock stands until it is moved. It
// collects the faults.
type bench struct {
	*httpcache.Cache
	t      *testing.T
	db     *tiered.Store
	clock  *storetest.Clock
	faults []error
}

func open(t *testing.T, store tiered.Options, opts httpcache.Options) *bench {
	t.Helper()
	b := &bench{t: t, clock: storetest.NewClock()}
	store.Clock = b.clock
	db, err := tiered.OpenMemory(&store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	opts.OnError = func(err error) { b.faults = append(b.faults, err) }
	b.db, b.Cache = db, httpcache.New(db, &opts)
	return b
}

func (b *bench) want(key, response string) {
	b.t.Helper()
	if got, ok := b.Get(key); !ok || string(got) != response {
		b.t.Errorf("Get: got %.80q, %v, want %.80q, true", got, ok, response)
	}
}

func (b *bench) wantMiss(key string) {
	b.t.Helper()
	if got, ok := b.Get(key); ok || len(got) != 0 {
		b.t.Errorf("Get: got %.80q, %v, want nothing, false", got, ok)
	}
}

// wantFaults wants n calls of OnError since the last time, all of kind.
func (b *bench) wantFaults(n int, kind error) {
	b.t.Helper()
	if len(b.faults) != n {
		b.t.Errorf("OnError: got %d calls, want %d", len(b.faults), n)
	}
	for _, err := range b.faults {
		if !errors.Is(err, kind) || strings.Contains(err.Error(), "secret") {
			b.t.Errorf("OnError: got %.80q, want %v without the key", err, kind)
		}
	}
	b.faults = nil
}

func TestCache(t *testing.T) {
	b := open(t, tiered.Options{}, httpcache.Options{})
	b.wantMiss("http://example.org/")
	b.Set("http://example.org/", []byte("response"))
	b.want("http://example.org/", "response")
	b.Set("http://example.org/", []byte("newer"))
	b.want("http://example.org/", "newer")
	b.wantMiss("HEAD http://example.org/")
	for range 2 {
		b.Delete("http://example.org/")
		b.wantMiss("http://example.org/")
	}
	b.wantFaults(0, nil)
}

func TestEmpty(t *testing.T) {
	b := open(t, tiered.Options{}, httpcache.Options{})
	b.Set("key", []byte("response"))
	b.Set("key", nil)
	b.wantMiss("key")
	b.Set("", []byte("of the empty key"))
	b.want("", "of the empty key")
	b.wantFaults(0, nil)
}

func TestTTL(t *testing.T) {
	for name, c := range map[string]struct{ ttl, lives time.Duration }{
		"default": {0, 24 * time.Hour},
		"set":     {time.Minute, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, tiered.Options{}, httpcache.Options{TTL: c.ttl})
			b.Set("key", []byte("response"))
			b.clock.Advance(c.lives - time.Millisecond)
			b.want("key", "response")
			b.clock.Advance(time.Millisecond)
			b.wantMiss("key")
			b.wantFaults(0, nil)
		})
	}
	t.Run("none", func(t *testing.T) {
		b := open(t, tiered.Options{}, httpcache.Options{TTL: -1})
		b.Set("key", []byte("response"))
		b.clock.Advance(100 * 365 * 24 * time.Hour)
		b.want("key", "response")
	})
}

func TestFaultsAreMisses(t *testing.T) {
	b := open(t, tiered.Options{}, httpcache.Options{})
	b.Set("secret", []byte("response"))
	b.db.Close()
	b.wantMiss("secret")
	b.wantFaults(1, tiered.ErrClosed)
	b.Delete("secret")
	b.wantFaults(1, tiered.ErrClosed)
	b.Set("secret", []byte("response"))
	b.wantFaults(2, tiered.ErrClosed)
}

func TestNobodyIsTold(t *testing.T) {
	b := open(t, tiered.Options{}, httpcache.Options{})
	b.db.Close()
	silent := httpcache.New(b.db, nil)
	silent.Set("key", []byte("response"))
	silent.Delete("key")
	if got, ok := silent.Get("key"); ok || got != nil {
		t.Errorf("Get: got %q, %v, want nil, false", got, ok)
	}
}

func TestFailedSet(t *testing.T) {
	noise := make([]byte, 100<<10) // that no codec makes smaller
	rand.Read(noise)
	for name, c := range map[string]struct {
		store    tiered.Options
		response string
		want     error
	}{
		"too large": {tiered.Options{Limits: tiered.Limits{ValueBytes: 1000}}, string(noise[:2000]), tiered.ErrTooLarge},
		"full":      {tiered.Options{MaxBytes: 64 << 10}, string(noise), tiered.ErrFull},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, c.store, httpcache.Options{})
			b.Set("secret", []byte("older"))
			b.wantFaults(0, nil)
			b.Set("secret", []byte(c.response))
			b.wantFaults(1, c.want)
			b.wantMiss("secret")
		})
	}
	b := open(t, tiered.Options{}, httpcache.Options{})
	key := strings.Repeat("secret", tiered.MaxKeyBytes)
	b.Set(key, []byte("response"))
	b.wantMiss(key)
	b.wantFaults(3, tiered.ErrTooLarge)
}

func TestPrefix(t *testing.T) {
	b := open(t, tiered.Options{}, httpcache.Options{})
	other := httpcache.New(b.db, &httpcache.Options{Prefix: "other:"})
	b.Set("key", []byte("response"))
	if _, ok := other.Get("key"); ok {
		t.Error("Get under another prefix: got a hit, want a miss")
	}
	other.Delete("key")
	b.want("key", "response")
	if _, err := b.db.Get(t.Context(), "httpcache:key"); err != nil {
		t.Errorf("Get of the store: got %v, want nil", err)
	}
}

func TestPrivateBytes(t *testing.T) {
	b := open(t, tiered.Options{}, httpcache.Options{})
	response := []byte("response")
	b.Set("key", response)
	response[0] = 'X'
	got, _ := b.Get("key")
	got[1] = 'X'
	b.want("key", "response")
}

func TestConcurrentUse(t *testing.T) {
	b := open(t, tiered.Options{}, httpcache.Options{})
	whole := map[string]bool{strings.Repeat("a", 5000): true, strings.Repeat("b", 5000): true}
	var wg sync.WaitGroup
	for response := range whole {
		wg.Go(func() {
			for range 200 {
				b.Set("key", []byte(response))
				if got, ok := b.Get("key"); ok && !whole[string(got)] {
					t.Errorf("Get: got %d bytes that no Set gave", len(got))
				}
				b.Delete("key")
			}
		})
	}
	wg.Wait()
}
