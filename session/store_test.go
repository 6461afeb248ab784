package session_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

// storeEnv is a session.Store over a tiered store whose clock is moved by hand.
type storeEnv struct {
	*session.Store
	t      *testing.T
	clock  *storetest.Clock
	tiered *tiered.Store
}

// storeConfigs are the tiers that a Store is tested over. Under WebAssembly all
// are in memory.
var storeConfigs = map[string]tiered.Options{
	"all tiers":    {L1Bytes: 1 << 20, L2Bytes: 4 << 20},
	"without L1":   {L1Bytes: -1, L2Bytes: 4 << 20},
	"without L2":   {L1Bytes: 1 << 20, L2Bytes: -1},
	"L3 alone":     {L1Bytes: -1, L2Bytes: -1},
	inMemory:       {},
	evictsInMemory: {Evict: true, MaxBytes: 16 << 20},
}

const (
	inMemory       = "memory"
	evictsInMemory = "memory that evicts"
)

// eachStore runs f over each of the configurations.
func eachStore(t *testing.T, opts *session.StoreOptions, f func(t *testing.T, e *storeEnv)) {
	for name := range storeConfigs {
		t.Run(name, func(t *testing.T) { f(t, openStore(t, name, t.TempDir(), opts)) })
	}
}

// openMemoryStore is a Store in memory.
func openMemoryStore(t *testing.T, opts *session.StoreOptions) *storeEnv {
	t.Helper()
	return openStore(t, inMemory, "", opts)
}

// openStore opens dir with the configuration of that name.
func openStore(t *testing.T, config, dir string, opts *session.StoreOptions) *storeEnv {
	t.Helper()
	o := storeConfigs[config]
	e := &storeEnv{t: t, clock: storetest.NewClock()}
	o.Clock, o.SweepEvery, o.SharedDir = e.clock, time.Hour, dir
	return e.open(config, dir, o, opts)
}

func (e *storeEnv) open(config, dir string, o tiered.Options, opts *session.StoreOptions) *storeEnv {
	e.t.Helper()
	var err error
	if config == inMemory || config == evictsInMemory {
		o.SharedDir = ""
		e.tiered, err = tiered.OpenMemory(&o)
	} else {
		e.tiered, err = tiered.Open(dir, &o)
	}
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { e.tiered.Close() })
	e.Store = session.NewStore(e.tiered, opts)
	return e
}

func (e *storeEnv) put(key string, value any) {
	e.t.Helper()
	if err := e.Put(e.t.Context(), key, value); err != nil {
		e.t.Fatalf("Put %s: %v", key, err)
	}
}

func (e *storeEnv) delete(key string) {
	e.t.Helper()
	if err := e.Delete(e.t.Context(), key); err != nil {
		e.t.Fatalf("Delete %s: %v", key, err)
	}
}

// want checks what is under key.
func (e *storeEnv) want(when, key string, want any) {
	e.t.Helper()
	got, found, err := e.Get(e.t.Context(), key)
	if err != nil || !found || !reflect.DeepEqual(got, want) {
		e.t.Errorf("%s: %s: got %#v, %v, %v, want %#v", when, key, got, found, err, want)
	}
}

func (e *storeEnv) wantAbsent(when string, keys ...string) {
	e.t.Helper()
	for _, key := range keys {
		got, found, err := e.Get(e.t.Context(), key)
		if err != nil || found || got != nil {
			e.t.Errorf("%s: %s: got %#v, %v, %v, want nothing", when, key, got, found, err)
		}
	}
}

// in is the store's time in so many seconds, as an expires.
func (e *storeEnv) in(seconds int64) int64 { return e.tiered.Now().Unix() + seconds }

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
		if err != nil || n != 1 && e.tiered.Stats().Durable {
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
	if !e.tiered.Stats().Durable && e.tiered.Stats().L3.JournalBytes == 0 {
		t.Skip("no journal to look at")
	}
	e.put("expires:new", e.in(60))
	if got := e.tiered.Stats().L3.RawBytes; got != 2 {
		t.Errorf("without a record: got %d bytes of values, want 2", got)
	}
	value := make([]byte, 256<<10)
	for i := range value {
		value[i] = byte(i * i >> 3)
	}
	e.put("session:id", value)
	before := e.tiered.Stats().L3
	e.put("expires:id", e.in(60))
	after := e.tiered.Stats().L3
	if after.Ops != before.Ops+1 || after.RawBytes != before.RawBytes {
		t.Errorf("got %d ops and %d bytes more, want 1 and 0", after.Ops-before.Ops, after.RawBytes-before.RawBytes)
	}
	if grown := after.JournalBytes - before.JournalBytes; grown <= 0 || grown > 4096 {
		t.Errorf("got a journal longer by %d bytes, want that of a deadline", grown)
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
				e.delete(key)
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

func TestStoreGetAndSet(t *testing.T) {
	eachStore(t, nil, func(t *testing.T, e *storeEnv) {
		ctx := t.Context()
		mine := errors.New("mine")
		for key, v := range map[string][2]any{"session:id": {"a", "b"}, "flash:id": {"a", nil}, "user:id": {nil, 1}, "expires:id": {e.in(60), e.in(61)}} {
			set := func(wantOld any, wantFound bool, to any, order error) (any, error) {
				return e.GetAndSet(ctx, key, func(old any, found bool) (any, error) {
					if !reflect.DeepEqual(old, wantOld) || found != wantFound {
						t.Errorf("%s: got %v, %v, want %v, %v", key, old, found, wantOld, wantFound)
					}
					return to, order
				})
			}
			wantResult := func(when string, got any, err error, want any, wantErr error) {
				if !reflect.DeepEqual(got, want) || !errors.Is(err, wantErr) {
					t.Errorf("%s: %s: got %v, %v, want %v, %v", key, when, got, err, want, wantErr)
				}
			}
			got, err := set(nil, false, nil, tiered.Keep)
			wantResult("keep nothing", got, err, nil, nil)
			got, err = set(nil, false, nil, tiered.Remove)
			wantResult("remove nothing", got, err, nil, nil)
			e.wantAbsent("kept and removed", key)
			got, err = set(nil, false, v[0], nil)
			wantResult("first", got, err, v[0], nil)
			e.want("first", key, v[0])
			got, err = set(v[0], true, v[1], nil)
			wantResult("second", got, err, v[1], nil)
			e.want("second", key, v[1])
			got, err = set(v[1], true, 1, mine)
			wantResult("an error", got, err, nil, mine)
			got, err = set(v[1], true, 1, tiered.Keep)
			wantResult("keep", got, err, v[1], nil)
			if key != "expires:id" {
				got, err = set(v[1], true, make(chan int), nil)
				wantResult("what cannot be stored", got, err, nil, session.ErrArgument)
			}
			e.want("kept", key, v[1])
			got, err = set(v[1], true, 1, tiered.Remove)
			wantResult("remove", got, err, nil, nil)
			e.wantAbsent("removed", key)
		}
	})
}

// Writers of one session's three keys, of which none may lose another's.
func TestStoreGetAndSetIsAtomic(t *testing.T) {
	eachStore(t, nil, func(t *testing.T, e *storeEnv) {
		const writers, rounds = 4, 25
		start := e.in(1000)
		e.put("expires:id", start)
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for range rounds {
					for _, key := range []string{"session:id", "flash:id", "user:id", "expires:id"} {
						_, err := e.GetAndSet(t.Context(), key, func(old any, _ bool) (any, error) {
							n, _ := old.(int64)
							return n + 1, nil
						})
						if err != nil {
							t.Error(err)
						}
					}
					if w == 0 {
						e.put("other:id", "beside")
					}
				}
			})
		}
		wg.Wait()
		for _, key := range []string{"session:id", "flash:id", "user:id"} {
			e.want("after all", key, int64(writers*rounds))
		}
		e.want("after all", "expires:id", start+writers*rounds)
	})
}

// Put of one key beside those of the others of the same id.
func TestStorePutsBesideEachOther(t *testing.T) {
	eachStore(t, nil, func(t *testing.T, e *storeEnv) {
		var wg sync.WaitGroup
		for _, key := range []string{"session:id", "flash:id", "expires:id"} {
			wg.Go(func() {
				for i := range int64(30) {
					v := e.in(1000 + i)
					e.put(key, v)
					e.want("its only writer", key, v)
				}
			})
		}
		wg.Wait()
	})
}

func TestStoreGetInto(t *testing.T) {
	type cart struct {
		Items []string
		Total int32
	}
	e := openMemoryStore(t, nil)
	ctx := t.Context()
	got := cart{Total: 1}
	if found, err := e.GetInto(ctx, "session:id", &got); found || err != nil || got.Total != 1 {
		t.Errorf("absent: got %+v, %v, %v", got, found, err)
	}
	want := cart{Items: []string{"a"}, Total: -5}
	for _, key := range []string{"session:id", "flash:id", "cart:id"} {
		e.put(key, want)
		if found, err := e.GetInto(ctx, key, &got); !found || err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v, %v, want %+v", key, got, found, err, want)
		}
		e.want("what it consists of", key, map[string]any{"Items": []any{"a"}, "Total": -5})
		var text string
		if found, err := e.GetInto(ctx, key, &text); found || !errors.Is(err, session.ErrArgument) {
			t.Errorf("%s: into a string: got %v, %v, want ErrArgument", key, found, err)
		}
	}
	e.put("session:id", map[string]any{"Items": []string{"b"}, "Total": uint8(3)})
	if found, err := e.GetInto(ctx, "session:id", &got); !found || err != nil || !reflect.DeepEqual(got, cart{[]string{"b"}, 3}) {
		t.Errorf("a map: got %+v, %v, %v", got, found, err)
	}
}

func TestStoreValuesArePrivate(t *testing.T) {
	eachStore(t, nil, func(t *testing.T, e *storeEnv) {
		in := map[string]any{"bytes": []byte("abc"), "list": []any{1}}
		e.put("session:id", in)
		in["bytes"].([]byte)[0], in["list"].([]any)[0] = 'x', 2
		want := map[string]any{"bytes": []byte("abc"), "list": []any{1}}
		for range 2 {
			got, _, err := e.Get(t.Context(), "session:id")
			if err != nil || !reflect.DeepEqual(got, any(want)) {
				t.Fatalf("got %v, %v, want %v", got, err, want)
			}
			m := got.(map[string]any)
			m["bytes"].([]byte)[0], m["list"].([]any)[0] = 'y', 3
		}
	})
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
