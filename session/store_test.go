package session_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

func TestStorePartsShareADeadline(t *testing.T) {
	eachStore(t, nil, func(t *testing.T, e *storeEnv) {
		at := e.in(60)
		e.put("expires:id", at)
		e.put("session:id", map[string]any{"user": int64(7)})
		e.put("flash:id", []string{"hello"})
		e.put("session:other", "stays")
		e.clock.Advance(time.Unix(at, 0).Sub(e.tiered.Now()) - time.Millisecond)
		e.want("1 ms before", "expires:id", at)
		e.want("1 ms before", "session:id", map[string]any{"user": int64(7)})
		e.want("1 ms before", "flash:id", []string{"hello"})
		e.clock.Advance(time.Millisecond)
		e.wantAbsent("at its expires", "expires:id", "session:id", "flash:id")
		e.want("another session", "session:other", "stays")
		n, err := e.DeleteExpired(t.Context())
		if err != nil || n != 1 && e.files {
			t.Errorf("DeleteExpired: got %d, %v, want 1", n, err)
		}
	})
}

func TestStoreExpiresMoves(t *testing.T) {
	eachStore(t, nil, func(t *testing.T, e *storeEnv) {
		e.put("session:id", "value")
		for _, seconds := range []int64{10, 31_536_000, 5} { // a shorter one too
			e.put("expires:id", e.in(seconds))
			e.want("moved", "expires:id", e.in(seconds))
			e.want("moved", "session:id", "value")
		}
		e.put("session:id", "changed")
		e.want("a new value", "expires:id", e.in(5))
		e.clock.Advance(5 * time.Second)
		e.wantAbsent("the shorter one counts", "session:id", "expires:id")
	})
}

func TestStoreExpiresOfEveryIntegerType(t *testing.T) {
	e := openMemoryStore(t, nil)
	for _, at := range []any{
		int(2e9), int32(2e9), int64(2e9), uint(2e9), uint32(2e9), uint64(2e9), big.NewInt(2e9), int64(math.MaxInt64/1000 - 1),
	} {
		e.put("expires:id", at)
		want := int64(2e9)
		if n, ok := at.(int64); ok {
			want = n
		}
		e.want(fmt.Sprintf("%T", at), "expires:id", want)
		var into uint64
		if found, err := e.GetInto(t.Context(), "expires:id", &into); !found || err != nil || into != uint64(want) {
			t.Errorf("%T: GetInto: got %d, %v, %v, want %d", at, into, found, err, want)
		}
	}
	for _, at := range []any{
		nil, 2e9, float32(1), "2000000000", true, []byte("2"), []int{1}, map[string]any{}, time.Unix(2e9, 0), time.Hour,
		uintptr(1), (*big.Int)(nil), new(big.Int).Lsh(big.NewInt(1), 64), uint64(math.MaxUint64), int64(math.MaxInt64 / 1000),
	} {
		if err := e.Put(t.Context(), "expires:id", at); !errors.Is(err, session.ErrArgument) {
			t.Errorf("%T %v: got %v, want ErrArgument", at, at, err)
		}
		_, err := e.GetAndSet(t.Context(), "expires:id", func(any, bool) (any, error) { return at, nil })
		if !errors.Is(err, session.ErrArgument) {
			t.Errorf("GetAndSet %T %v: got %v, want ErrArgument", at, at, err)
		}
	}
	e.want("refused ones leave it", "expires:id", int64(math.MaxInt64/1000-1))
}

func TestStorePastExpiresHasExpired(t *testing.T) {
	zero := time.Time{}.Unix() // whose deadline would be "never"
	eachStore(t, nil, func(t *testing.T, e *storeEnv) {
		for _, at := range []int64{e.in(0), e.in(-1), 1, 0, -1, zero, math.MinInt64} {
			e.put("expires:new", at)
			e.wantAbsent("alone", "expires:new")
			e.put("expires:id", e.in(60))
			e.put("session:id", "value")
			e.put("flash:id", "value")
			e.put("expires:id", at)
			e.wantAbsent("stored over it", "expires:id", "session:id", "flash:id")
			e.put("session:id", "value")
			_, err := e.GetAndSet(t.Context(), "expires:id", func(any, bool) (any, error) { return at, nil })
			if err != nil {
				t.Fatal(err)
			}
			e.wantAbsent("by GetAndSet", "expires:id", "session:id")
		}
	})
}

// A stored expires:ID alone writes no value: neither over a record nor where
// there is none.
func TestStoreExpiresAloneWritesNoValue(t *testing.T) {
	e := openStore(t, "all tiers", t.TempDir(), nil)
	if !e.files {
		t.Skip("no journal to look at")
	}
	e.put("expires:new", e.in(60))
	if got := e.tiered.Stats().L3.RawBytes; got != 2 {
		t.Errorf("without a record: got %d bytes of values, want 2", got)
	}
	value := make([]byte, 256<<10)
	_, _ = rand.NewChaCha8([32]byte{}).Read(value) // which cannot be compressed
	e.put("session:id", value)
	for name, move := range map[string]func(){
		"put": func() { e.put("expires:id", e.in(60)) },
		"get and set": func() {
			if _, err := e.GetAndSet(t.Context(), "expires:id", func(any, bool) (any, error) { return e.in(70), nil }); err != nil {
				t.Fatal(err)
			}
		},
		"delete": func() { e.put("expires:id", e.in(60)); e.delete("expires:id") },
	} {
		before := e.tiered.Stats().L3
		move()
		after := e.tiered.Stats().L3
		if after.Ops == before.Ops || after.RawBytes != before.RawBytes {
			t.Errorf("%s: got %d ops and %d bytes more, want some and 0", name, after.Ops-before.Ops, after.RawBytes-before.RawBytes)
		}
		if grown := after.JournalBytes - before.JournalBytes; grown <= 0 || grown > 4096 {
			t.Errorf("%s: got a journal longer by %d bytes, want that of a deadline", name, grown)
		}
	}
	e.want("after it", "session:id", value)
}

func TestStoreOtherPrefixesLiveUntilDeleted(t *testing.T) {
	eachStore(t, nil, func(t *testing.T, e *storeEnv) {
		past := e.in(-10)
		keys := []string{"user:id", "user:1", "Session:id", "sessions:id", "x:session:id"}
		for _, key := range keys {
			e.put(key, past)
		}
		e.put("expires:id", e.in(1))
		e.put("session:id", "value")
		e.clock.Advance(100 * 365 * 24 * time.Hour)
		if _, err := e.DeleteExpired(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			e.want("100 years later", key, past)
		}
		e.delete("user:id")
		e.wantAbsent("deleted", "user:id")
		e.want("beside it", "user:1", past)
	})
}

func TestStoreMalformedKeys(t *testing.T) {
	e := openMemoryStore(t, nil)
	ctx := t.Context()
	for _, key := range []string{"", ":", "session", "session:", "expires:", ":id", strings.Repeat("p", 256) + ":id"} {
		e.wantAbsent("malformed", key)
		var into any
		if found, err := e.GetInto(ctx, key, &into); found || err != nil {
			t.Errorf("GetInto %.20q: got %v, %v", key, found, err)
		}
		if err := e.Delete(ctx, key); err != nil {
			t.Errorf("Delete %.20q: got %v", key, err)
		}
		if err := e.Put(ctx, key, 1); !errors.Is(err, session.ErrArgument) {
			t.Errorf("Put %.20q: got %v, want ErrArgument", key, err)
		}
		_, err := e.GetAndSet(ctx, key, func(any, bool) (any, error) { t.Error("called"); return 1, nil })
		if !errors.Is(err, session.ErrArgument) {
			t.Errorf("GetAndSet %.20q: got %v, want ErrArgument", key, err)
		}
	}
	if n := e.tiered.Stats().L3.Records; n != 0 {
		t.Errorf("got %d records, want none", n)
	}
	for _, key := range []string{"session:0", "session: ", "session::", "a:b:c", "x:\x00\n\xff", "session:" + strings.Repeat("i", 1<<20)} {
		e.put(key, key)
		e.want("strange, but well-formed", key, key)
	}
}

func TestStoreDeleteOfParts(t *testing.T) {
	eachStore(t, nil, func(t *testing.T, e *storeEnv) {
		keys := []string{"session:id", "flash:id", "expires:id"}
		for first := range keys {
			values := map[string]any{"session:id": "s", "flash:id": "f", "expires:id": e.in(60)}
			for key, v := range values {
				e.put(key, v)
			}
			for i := range keys {
				key := keys[(first+i)%3]
				e.delete(key)
				ops := e.tiered.Stats().L3.Ops
				e.delete(key)
				if more := e.tiered.Stats().L3.Ops - ops; more != 0 {
					t.Errorf("%s deleted twice: got %d writes more", key, more)
				}
				delete(values, key)
				e.wantAbsent("deleted", key)
				for key, v := range values {
					e.want("left", key, v)
				}
			}
		}
		if n := e.tiered.Stats().L3.Records; n != 0 {
			t.Errorf("got %d records, want none", n)
		}
	})
}

func TestStoreWithoutExpires(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		ttl, want time.Duration // want 0: for ever
	}{
		{0, 2*time.Hour + time.Millisecond}, {time.Minute, time.Minute + time.Millisecond},
		{1500 * time.Millisecond, 1500 * time.Millisecond}, {-1, 0},
	} {
		e := openMemoryStore(t, &session.StoreOptions{TTL: c.ttl}) // whose clock stands at a whole second
		begin := func() {
			e.put("session:id", "late")
			e.wantAbsent("the store's own deadline is no expires", "expires:id")
			if _, err := e.GetAndSet(ctx, "expires:id", func(old any, found bool) (any, error) {
				if found {
					t.Errorf("ttl %v: GetAndSet: got %v", c.ttl, old)
				}
				return nil, tiered.Keep
			}); err != nil {
				t.Fatal(err)
			}
		}
		begin()
		if c.want == 0 {
			e.clock.Advance(100 * 365 * 24 * time.Hour)
			e.want("ttl < 0: for ever", "session:id", "late")
			continue
		}
		e.clock.Advance(c.want - time.Millisecond)
		e.want("1 ms before", "session:id", "late")
		e.put("flash:id", "begins it anew")
		e.clock.Advance(c.want/2 + time.Millisecond)
		e.want("begun anew", "session:id", "late")
		e.clock.Advance(c.want)
		e.wantAbsent("after it", "session:id", "flash:id")
		begin()
		e.put("expires:id", e.in(1_000_000))
		e.clock.Advance(3 * c.want)
		e.want("a stored expires stands in its place", "session:id", "late")
		e.delete("expires:id")
		e.want("without it again", "session:id", "late")
		e.clock.Advance(c.want)
		e.wantAbsent("without it again", "session:id")
	}
}

// Neither the store's keys nor the errors show an id.
func TestStoreShowsNoIDs(t *testing.T) {
	e := openMemoryStore(t, nil)
	const id = "2f1c-the-id-of-a-session"
	for _, key := range []string{"session:", "flash:", "user:"} {
		e.put(key+id, "value")
	}
	for it, err := range e.tiered.Scan(t.Context(), "") {
		if err != nil || strings.Contains(it.Key, id) || !strings.HasPrefix(it.Key, "store:") {
			t.Errorf("got the key %q, %v", it.Key, err)
		}
	}
	e.tiered.Close()
	ctx := t.Context()
	for _, key := range []string{"session:" + id, "expires:" + id, "user:" + id} {
		_, _, getErr := e.Get(ctx, key)
		_, setErr := e.GetAndSet(ctx, key, func(any, bool) (any, error) { return 1, nil })
		for op, err := range map[string]error{"get": getErr, "put": e.Put(ctx, key, int64(1)), "delete": e.Delete(ctx, key), "get and set": setErr} {
			if !errors.Is(err, tiered.ErrClosed) || strings.Contains(err.Error(), id) || !strings.HasPrefix(err.Error(), "session: store: "+op) {
				t.Errorf("%s after Close: got %v, want ErrClosed without the id", op, err)
			}
		}
	}
	if _, err := e.DeleteExpired(ctx); !errors.Is(err, tiered.ErrClosed) {
		t.Errorf("delete expired after Close: got %v", err)
	}
}

func TestStorePrefixKeepsStoresApart(t *testing.T) {
	e := openMemoryStore(t, nil)
	other := session.NewStore(e.tiered, &session.StoreOptions{Prefix: "other:"})
	same := session.NewStore(e.tiered, &session.StoreOptions{Prefix: "store:"})
	e.put("session:id", "mine")
	if _, found, err := other.Get(t.Context(), "session:id"); found || err != nil {
		t.Errorf("another prefix: got %v, %v", found, err)
	}
	if v, found, err := same.Get(t.Context(), "session:id"); v != "mine" || !found || err != nil {
		t.Errorf("the default prefix by name: got %v, %v, %v", v, found, err)
	}
}

func TestStoreHonoursMaxTTL(t *testing.T) {
	clock := storetest.NewClock()
	s, err := tiered.OpenMemory(&tiered.Options{Clock: clock, MaxTTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	store, ctx := session.NewStore(s, &session.StoreOptions{TTL: time.Minute}), t.Context()
	for _, c := range []struct {
		key   string
		value any
		want  error
	}{
		{"session:id", 1, nil},
		{"expires:id", clock.Wall().Unix() + 3600, nil},
		{"expires:id", clock.Wall().Unix() + 3601, tiered.ErrTTL},
		{"expires:new", clock.Wall().Unix() + 3601, tiered.ErrTTL},
		{"user:id", 1, tiered.ErrTTL},
	} {
		if err := store.Put(ctx, c.key, c.value); !errors.Is(err, c.want) {
			t.Errorf("%s %v: got %v, want %v", c.key, c.value, err, c.want)
		}
	}
}

// In a full store session:ID can be deleted, and an expiry brought forward.
func TestStoreFull(t *testing.T) {
	e := openStore(t, inMemory, "", nil)
	e.tiered.Close()
	e.open(inMemory, "", tiered.Options{Clock: e.clock, MaxBytes: 64 << 10}, nil)
	ctx := t.Context()
	var n int
	var err error
	for n = 0; err == nil; n++ {
		id := fmt.Sprint(n)
		if err = e.Put(ctx, "session:"+id, make([]byte, 500)); err == nil {
			err = e.Put(ctx, "flash:"+id, []byte{byte(n)})
		}
	}
	if !errors.Is(err, tiered.ErrFull) {
		t.Fatal(err)
	}
	e.put("expires:0", e.in(1))
	e.want("shortened in a full store", "expires:0", e.in(1))
	for i := range n {
		key := fmt.Sprint("session:", i)
		e.delete(key)
		e.wantAbsent("deleted in a full store", key)
	}
}
