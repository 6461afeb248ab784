package fiber_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/stratakv/strata/adapter/fiber"
	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

// bench is a Storage over a memory store whose clock stands until it is moved.
type bench struct {
	*fiber.Storage
	t     *testing.T
	db    *tiered.Store
	clock *storetest.Clock
}

func open(t *testing.T, opts *fiber.Options) bench {
	t.Helper()
	clock := storetest.NewClock()
	db, err := tiered.OpenMemory(&tiered.Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return bench{fiber.New(db, opts), t, db, clock}
}

func (b bench) set(key, value string, exp time.Duration) {
	b.t.Helper()
	if err := b.Set(key, []byte(value), exp); err != nil {
		b.t.Fatalf("Set: got %v, want nil", err)
	}
}

func (b bench) want(key, value string) {
	b.t.Helper()
	got, err := b.Get(key)
	if err != nil || string(got) != value {
		b.t.Errorf("Get: got %q, %v, want %q, nil", got, err, value)
	}
}

func (b bench) wantMissing(key string) {
	b.t.Helper()
	if got, err := b.Get(key); got != nil || err != nil {
		b.t.Errorf("Get: got %#v, %v, want nil, nil", got, err)
	}
}

func TestGetMissing(t *testing.T) {
	b := open(t, nil)
	b.set("john", "doe", 0)
	b.want("john", "doe")
	b.set("john", "smith", 0)
	b.want("john", "smith")
	for _, key := range []string{"", "joh", "john ", "\x00", "fiber:john"} {
		b.wantMissing(key)
	}
}

func TestExpiry(t *testing.T) {
	b := open(t, nil)
	b.set("exact", "x", 100*time.Millisecond)
	b.set("rounded up", "x", 99*time.Millisecond+1)
	b.set("shortest", "x", 1)
	b.set("renewed", "x", time.Millisecond)
	b.set("renewed", "x", time.Minute)
	b.want("shortest", "x")
	b.clock.Advance(99 * time.Millisecond)
	b.want("exact", "x")
	b.want("rounded up", "x")
	b.wantMissing("shortest")
	b.clock.Advance(time.Millisecond)
	b.wantMissing("exact")
	b.wantMissing("rounded up")
	b.want("renewed", "x")
}

func TestNoExpiry(t *testing.T) {
	b := open(t, nil)
	for _, exp := range []time.Duration{0, -1, math.MinInt64, tiered.KeepTTL, math.MaxInt64} {
		b.set("short before", "x", time.Second)
		b.set("short before", "x", exp)
		b.clock.Advance(200 * 365 * 24 * time.Hour)
		b.want("short before", "x")
	}
}

func TestEmpty(t *testing.T) {
	b := open(t, nil)
	b.set("", "value", 0)
	b.wantMissing("")
	if err := b.Delete(""); err != nil {
		t.Errorf("Delete of the empty key: got %v, want nil", err)
	}
	b.set("key", "stays", 0)
	b.set("key", "", 0)
	if err := b.Set("key", nil, 0); err != nil {
		t.Errorf("Set of nil: got %v, want nil", err)
	}
	b.want("key", "stays")
	if keys, err := b.Keys(); len(keys) != 1 || err != nil {
		t.Errorf("Keys: got %d, %v, want 1, nil", len(keys), err)
	}
}

// fiber's strings are views of buffers that the next request overwrites.
func TestPrivateBytes(t *testing.T) {
	b := open(t, nil)
	buffer := []byte("key-1")
	key := unsafe.String(&buffer[0], len(buffer))
	value := []byte("value")
	if err := b.Set(key, value, 0); err != nil {
		t.Fatal(err)
	}
	b.want(key, "value") // fills the caches, under a key of theirs
	copy(buffer, "XXXXX")
	copy(value, "XXXXX")
	b.want("key-1", "value")
	got, _ := b.Get("key-1")
	got[0] = 'Y'
	b.want("key-1", "value")
	keys, err := b.Keys()
	if len(keys) != 1 || string(keys[0]) != "key-1" || err != nil {
		t.Errorf("Keys: got %q, %v, want key-1, nil", keys, err)
	}
}

func TestContexts(t *testing.T) {
	b := open(t, nil)
	b.set("key", "value", 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	calls := map[string]func(key string) error{
		"GetWithContext":    func(key string) error { _, err := b.GetWithContext(ctx, key); return err },
		"SetWithContext":    func(key string) error { return b.SetWithContext(ctx, key, []byte("late"), 0) },
		"DeleteWithContext": func(key string) error { return b.DeleteWithContext(ctx, key) },
		"ResetWithContext":  func(string) error { return b.ResetWithContext(ctx) },
	}
	for name, call := range calls {
		for _, key := range []string{"key", ""} {
			if err := call(key); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: got %v, want context.Canceled", name, err)
			}
		}
	}
	b.want("key", "value")

	live := t.Context()
	if err := b.SetWithContext(live, "key", []byte("other"), time.Hour); err != nil {
		t.Errorf("SetWithContext: got %v, want nil", err)
	}
	if got, err := b.GetWithContext(live, "key"); string(got) != "other" || err != nil {
		t.Errorf("GetWithContext: got %q, %v, want other, nil", got, err)
	}
	if err := b.DeleteWithContext(live, "key"); err != nil {
		t.Errorf("DeleteWithContext: got %v, want nil", err)
	}
	b.wantMissing("key")
	b.set("key", "value", 0)
	if err := b.ResetWithContext(live); err != nil {
		t.Errorf("ResetWithContext: got %v, want nil", err)
	}
	b.wantMissing("key")
}

func TestDelete(t *testing.T) {
	b := open(t, nil)
	b.set("key", "value", 0)
	b.set("other", "stays", 0)
	for range 2 {
		if err := b.Delete("key"); err != nil {
			t.Errorf("Delete: got %v, want nil", err)
		}
		b.wantMissing("key")
	}
	b.want("other", "stays")
}

func TestSetAfterDelete(t *testing.T) {
	b := open(t, nil)
	b.set("key", "value", 0)
	if err := b.Delete("key"); err != nil {
		t.Fatal(err)
	}
	b.set("key", "again", 0)
	b.want("key", "again")
}

func TestReset(t *testing.T) {
	b := open(t, nil)
	other := fiber.New(b.db, &fiber.Options{Prefix: "limiter:"})
	if err := other.Set("key", []byte("stays"), 0); err != nil {
		t.Fatal(err)
	}
	for i := range 2000 { // more than a chunk
		b.set(fmt.Sprint(i), "x", 0)
	}
	if err := b.Reset(); err != nil {
		t.Errorf("Reset: got %v, want nil", err)
	}
	if keys, err := b.Keys(); keys != nil || err != nil {
		t.Errorf("Keys after Reset: got %d, %v, want nil, nil", len(keys), err)
	}
	if got, err := other.Get("key"); string(got) != "stays" || err != nil {
		t.Errorf("Get under another prefix: got %q, %v, want stays, nil", got, err)
	}
	b.set("key", "after", 0)
	b.want("key", "after")
}

func TestKeys(t *testing.T) {
	b := open(t, nil)
	if keys, err := b.Keys(); keys != nil || err != nil {
		t.Errorf("Keys of none: got %q, %v, want nil, nil", keys, err)
	}
	b.set("b", "x", 0)
	b.set("a", "x", time.Hour)
	b.set("expired", "x", time.Minute)
	if err := b.db.Set(t.Context(), "not fiber's", []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(time.Minute)
	keys, err := b.Keys()
	if want := [][]byte{[]byte("a"), []byte("b")}; err != nil || !slices.EqualFunc(keys, want, bytes.Equal) {
		t.Errorf("Keys: got %q, %v, want %q, nil", keys, err, want)
	}
}

func TestConn(t *testing.T) {
	b := open(t, nil)
	b.set("key", "value", 0)
	if got, err := b.Conn().Get(t.Context(), "fiber:key"); string(got) != "value" || err != nil {
		t.Errorf("Conn().Get: got %q, %v, want value, nil", got, err)
	}
}

// calls are all methods that use the store.
func calls(s *fiber.Storage) map[string]error {
	_, get := s.Get("key")
	_, keys := s.Keys()
	return map[string]error{
		"Get": get, "Keys": keys, "Set": s.Set("key", []byte("value"), 0),
		"Delete": s.Delete("key"), "Reset": s.Reset(), "Get of the empty key": s.Set("", nil, 0),
	}
}

func TestClose(t *testing.T) {
	b := open(t, nil)
	b.set("key", "value", 0)
	for range 2 {
		if err := b.Close(); err != nil {
			t.Errorf("Close: got %v, want nil", err)
		}
	}
	for name, err := range calls(b.Storage) {
		if !errors.Is(err, tiered.ErrClosed) {
			t.Errorf("%s after Close: got %v, want ErrClosed", name, err)
		}
	}
	again := fiber.New(b.db, nil)
	if got, err := again.Get("key"); string(got) != "value" || err != nil {
		t.Errorf("Get of another Storage: got %q, %v, want value, nil", got, err)
	}
	b.db.Close()
	for name, err := range calls(again) {
		if !errors.Is(err, tiered.ErrClosed) && name != "Get of the empty key" {
			t.Errorf("%s after the store's Close: got %v, want ErrClosed", name, err)
		}
	}
}

func TestCloseBesideCalls(t *testing.T) {
	b := open(t, nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for err := error(nil); err == nil; {
				if err = b.Set("key", []byte("value"), 0); err != nil && !errors.Is(err, tiered.ErrClosed) {
					t.Errorf("Set: got %v, want ErrClosed at last", err)
				}
			}
		})
	}
	wg.Go(func() { b.Close() })
	wg.Go(func() { b.db.Close() })
	wg.Wait()
}

func TestErrorsTellNothing(t *testing.T) {
	b := open(t, nil)
	secret := strings.Repeat("secret", tiered.MaxKeyBytes)
	_, get := b.Get(secret)
	for name, err := range map[string]error{"Get": get, "Set": b.Set(secret, []byte("x"), 0)} {
		if !errors.Is(err, tiered.ErrTooLarge) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s of an overlong key: got %.80q, want ErrTooLarge without the key", name, err)
		}
	}
	db, err := tiered.OpenMemory(&tiered.Options{MaxTTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := fiber.New(db, nil).Set("key", []byte("x"), 0); !errors.Is(err, tiered.ErrTTL) {
		t.Errorf("Set without expiry under MaxTTL: got %v, want ErrTTL", err)
	}
}
