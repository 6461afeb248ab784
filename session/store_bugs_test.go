package session_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/tiered"
)

// The ancestors' bugs, each as what must not happen again.

// A store that gives an empty map for what is missing makes any id a session.
func TestStoreBugMissingIsEmptyMap(t *testing.T) {
	eachStore(t, nil, func(t *testing.T, e *storeEnv) {
		e.wantAbsent("nothing was stored", "session:deadbeef", "expires:deadbeef", "flash:deadbeef", "user:deadbeef")
		e.put("session:deadbeef", map[string]any{})
		e.want("an empty map was", "session:deadbeef", map[string]any{})
		e.wantAbsent("beside it", "expires:deadbeef", "flash:deadbeef")
	})
}

// What is false, zero, empty or nil reads as missing.
func TestStoreBugZeroIsMissing(t *testing.T) {
	eachStore(t, nil, func(t *testing.T, e *storeEnv) {
		for i, v := range []any{nil, 0, int64(0), 0.0, "", "0", false, []byte{}, []any{}, []any(nil), map[string]any(nil)} {
			for _, prefix := range []string{"session", "flash", "user"} {
				key := fmt.Sprintf("%s:%d", prefix, i)
				e.put(key, v)
				e.want("stored", key, v)
			}
		}
	})
}

// A map stored as an expiry became its address in memory, 94e12 s ahead.
func TestStoreBugExpiresIsAnAddress(t *testing.T) {
	e := openMemoryStore(t, nil)
	if err := e.Put(t.Context(), "expires:id", map[string]any{}); !errors.Is(err, session.ErrArgument) {
		t.Errorf("got %v, want ErrArgument", err)
	}
	e.wantAbsent("refused", "expires:id")
}

// An expiry could only be moved later: 10 s were 7200 s in the next request.
func TestStoreBugExpiresCannotShorten(t *testing.T) {
	eachStore(t, nil, func(t *testing.T, e *storeEnv) {
		e.put("expires:id", e.in(7200))
		e.put("session:id", "value")
		e.put("expires:id", e.in(10))
		e.put("session:id", "changed")
		e.want("shortened", "expires:id", e.in(10))
		e.clock.Advance(10 * time.Second)
		e.wantAbsent("10 s later", "expires:id", "session:id")
	})
}

// Eviction took one of session:ID and expires:ID and left the other: the id was
// reused, or the session deleted as expired.
func TestStoreBugEvictionSplits(t *testing.T) {
	t.Run("caches", func(t *testing.T) { // which forget, where the truth does not
		e := openStore(t, "all tiers", t.TempDir(), nil)
		splits(t, e, 0)
	})
	t.Run("a memory store that evicts", func(t *testing.T) {
		e := openStore(t, inMemory, "", nil)
		e.tiered.Close()
		e.open(evictsInMemory, "", tiered.Options{Clock: e.clock, Evict: true, MaxBytes: 256 << 10}, nil)
		splits(t, e, 100)
	})
}

// splits stores 300 sessions of 2 KB and checks that each is there whole or not
// at all; at least some must be gone.
func splits(t *testing.T, e *storeEnv, gone int) {
	const n = 300
	value, random := make([]byte, 2000), rand.NewChaCha8([32]byte{1}) // that cannot be compressed
	for i := range n {
		_, _ = random.Read(value)
		e.put(fmt.Sprint("expires:", i), e.in(1000))
		e.put(fmt.Sprint("session:", i), value)
		e.put(fmt.Sprint("flash:", i), i)
	}
	missing := 0
	for i := range n {
		found := map[bool]int{}
		for _, prefix := range []string{"session", "expires", "flash"} {
			_, there, err := e.Get(t.Context(), fmt.Sprint(prefix, ":", i))
			if err != nil {
				t.Fatal(err)
			}
			found[there]++
		}
		if len(found) != 1 {
			t.Errorf("session %d: got %d parts of 3", i, found[true])
		}
		missing += found[false] / 3
	}
	if missing < gone || gone == 0 && missing > 0 {
		t.Errorf("got %d evicted sessions", missing)
	}
}

// Cleaning split keys at the colon and deleted user:ID with session ID; or what
// under another prefix looked like a time in the past.
func TestStoreBugCleaningDeletesUsers(t *testing.T) {
	eachStore(t, nil, func(t *testing.T, e *storeEnv) {
		for i := range 20 {
			e.put(fmt.Sprint("expires:", i), e.in(1))
			e.put(fmt.Sprint("session:", i), i)
			e.put(fmt.Sprint("user:", i), e.in(-100))
		}
		e.put("expires:live", e.in(1000))
		e.put("session:live", "value")
		e.clock.Advance(time.Second)
		if _, err := e.DeleteExpired(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			e.wantAbsent("cleaned", fmt.Sprint("session:", i), fmt.Sprint("expires:", i))
			e.want("cleaned", fmt.Sprint("user:", i), e.in(-101))
		}
		e.want("cleaned", "session:live", "value")
		if n := e.tiered.Stats().L3.Records; n != 21 {
			t.Errorf("got %d records, want 21", n)
		}
	})
}

// Without an id the plugin wrote a key "expires:", shared by all.
func TestStoreBugKeyWithoutID(t *testing.T) {
	e := openMemoryStore(t, nil)
	if err := e.Put(t.Context(), "expires:", e.in(10)); !errors.Is(err, session.ErrArgument) {
		t.Errorf("got %v, want ErrArgument", err)
	}
	e.wantAbsent("refused", "expires:")
}

// The id "0" was no id; and ids that differ by a newline or in case were one to
// some of the checks.
func TestStoreBugStrangeIDs(t *testing.T) {
	e := openMemoryStore(t, nil)
	ids := []string{"0", "00", "abc", "ABC", "abc\n", "abc ", "\u0660\u0661", "a:b", "a"}
	for _, id := range ids {
		e.put("session:"+id, id)
	}
	for _, id := range ids {
		e.want("its own", "session:"+id, id)
	}
}

// Clearing flash erased the session: they were one value.
func TestStoreBugClearingFlashErasesSession(t *testing.T) {
	eachStore(t, nil, func(t *testing.T, e *storeEnv) {
		e.put("expires:id", e.in(10))
		e.put("session:id", map[string]any{"user": "alice"})
		e.put("flash:id", map[string]any{"text": "saved"})
		e.delete("flash:id")
		e.delete("flash:id")
		e.want("cleared", "session:id", map[string]any{"user": "alice"})
		e.want("cleared", "expires:id", e.in(10))
	})
}

// A value larger than a page could not be stored, and threw at the end of the
// request; a set that failed evicted others first, or destroyed the old value.
func TestStoreBugLargeValues(t *testing.T) {
	e := openStore(t, "all tiers", t.TempDir(), nil)
	large := make([]byte, 1<<20) // a page of L2 has 256 KiB
	for i := range large {
		large[i] = byte(i * i >> 7)
	}
	e.put("session:other", "stays")
	e.put("session:id", "old")
	e.put("session:id", large)
	for range 2 {
		e.want("a large value", "session:id", large)
		e.want("beside it", "session:other", "stays")
	}
	if err := e.Put(t.Context(), "session:id", make([]byte, 65<<20)); !errors.Is(err, tiered.ErrTooLarge) {
		t.Errorf("a value over the limit: got %v, want ErrTooLarge", err)
	}
	e.want("the old value", "session:id", large)
	e.want("beside it", "session:other", "stays")
}

// A logout and a request that ends after it: what that stores late is no session
// to whoever looks for expires:ID, and does not stay.
func TestStoreBugLateRequestRevives(t *testing.T) {
	eachStore(t, nil, func(t *testing.T, e *storeEnv) {
		e.put("expires:id", e.in(100))
		e.put("session:id", "value")
		for _, prefix := range []string{"session:", "expires:", "flash:"} {
			e.delete(prefix + "id")
		}
		e.put("session:id", "late")
		e.wantAbsent("after the logout", "expires:id")
		e.clock.Advance(3 * time.Hour)
		e.wantAbsent("hours later", "session:id")
	})
}
