package session_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/tiered"
)

// Invariant 1.
func TestStoreCallsOfARequest(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	step := func(name string, reads, writes int, f func(s *session.Session) error) {
		t.Helper()
		b.with(f)
		e.wantCalls(name, reads, writes)
	}
	untouched := func(*session.Session) error { return nil }
	read := func(s *session.Session) error { _, _, err := s.Get("k"); return err }
	step("untouched, no cookie", 0, 0, untouched)
	step("read, no cookie", 0, 0, read)
	step("deleted from nothing", 0, 0, func(s *session.Session) error { return s.Delete("k") })
	step("settings of nothing", 0, 0, func(s *session.Session) error { return errors.Join(s.SetIdle(minute), s.Renew(), s.Clear()) })
	if b.cookie != "" {
		t.Fatal("a session was begun without need")
	}
	step("created", 0, 1, func(s *session.Session) error { return errors.Join(s.Set("k", 1), s.Set("l", 1), s.Flash("m", 1)) })
	step("untouched", 0, 0, untouched)
	step("come back", 1, 1, read)
	step("read", 1, 0, read)
	step("read five times", 1, 0, func(s *session.Session) error {
		return errors.Join(read(s), read(s), read(s), read(s), s.Load(t.Context()))
	})
	step("changed", 1, 1, func(s *session.Session) error { return errors.Join(s.Set("k", 2), s.Delete("l"), s.SetIdle(minute)) })
	step("set to what it is", 1, 0, func(s *session.Session) error { return errors.Join(s.Set("k", 2), s.Delete("l"), s.SetIdle(minute)) })
	step("changed and changed back", 1, 0, func(s *session.Session) error { return errors.Join(s.Set("k", 3), s.Set("k", 2)) })
	step("flash shown", 1, 1, func(s *session.Session) error { _, err := s.Flashes("m"); return err })
	step("renewed", 1, 1, (*session.Session).Renew)
	step("login", 1, 1, func(s *session.Session) error { return s.BindUser("alice") })
	step("login of another", 1, 1, func(s *session.Session) error { return s.BindUser("bob") })
	step("renewed with grace", 1, 1, func(s *session.Session) error { return s.RenewGrace(minute) })
	step("logout and a message", 1, 1, func(s *session.Session) error { return errors.Join(s.Destroy("logout"), s.Flash("m", 1)) })
	step("destroyed", 1, 1, func(s *session.Session) error { return s.Destroy("logout") })
	b.cookie = session.NewID()
	step("unknown id", 1, 0, read)
	b.cookie = "malformed"
	step("malformed id", 0, 0, read)
}

func TestValuesOfManyTypes(t *testing.T) {
	e := newEnv(t, session.Options{})
	values := map[string]any{
		"nil": nil, "true": true, "int": int64(-1 << 62), "float": 1.5, "text": "zoë", "": "empty key", "bytes": []byte{0, 255},
		"list": []any{int64(1), "a"}, "map": map[string]any{"a": nil},
	}
	b := e.browser()
	b.with(func(s *session.Session) error {
		var errs []error
		for k, v := range values {
			errs = append(errs, s.Set(k, v))
		}
		return errors.Join(errs...)
	})
	b.with(func(s *session.Session) error {
		for k, want := range values {
			if got, found, err := s.Get(k); !reflect.DeepEqual(got, want) || !found || err != nil {
				t.Errorf("%s: got %#v %v %v, want %#v", k, got, found, err, want)
			}
		}
		keys, err := s.Keys()
		if want := []string{"", "bytes", "float", "int", "list", "map", "nil", "text", "true"}; !slices.Equal(keys, want) {
			t.Errorf("got keys %q, want %q", keys, want)
		}
		return err
	})
}

// A request sees its own changes, before they are saved and after.
func TestOwnChangesAreSeen(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	b.with(func(s *session.Session) error { return errors.Join(s.Set("a", "old"), s.Set("b", "old")) })
	b.do(func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if err := errors.Join(s.Set("a", "new"), s.Delete("b"), s.Set("c", "new")); err != nil {
			t.Error(err)
		}
		for _, when := range []string{"before", "after"} {
			a, _, _ := s.Get("a")
			_, b, _ := s.Get("b")
			keys, err := s.Keys()
			if a != "new" || b || !slices.Equal(keys, []string{"a", "c"}) || err != nil {
				t.Errorf("%s the first byte: got a=%v, b found %v, keys %q, %v", when, a, b, keys, err)
			}
			w.WriteHeader(http.StatusNoContent)
		}
	})
}

func TestClearLeavesUserAndFlashes(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	b.with(func(s *session.Session) error {
		return errors.Join(s.BindUser("alice"), s.Set("a", 1), s.Set("b", 2), s.Flash("f", 3))
	})
	b.with(func(s *session.Session) error { return errors.Join(s.Set("c", 1), s.Clear(), s.Set("d", 1)) })
	b.with(func(s *session.Session) error {
		keys, err := s.Keys()
		flashes, err2 := s.Flashes("f")
		if !slices.Equal(keys, []string{"d"}) || len(flashes) != 1 {
			t.Errorf("got keys %q and %d flashes, want d and 1", keys, len(flashes))
		}
		return errors.Join(err, err2)
	})
	b.wantUser("after Clear", "alice")
}

type cart struct {
	Items []string
	Total int
}

func TestTypedKeys(t *testing.T) {
	e := newEnv(t, session.Options{})
	key := session.NewKey[cart]("cart")
	b := e.browser()
	want := cart{Items: []string{"a"}, Total: 3}
	b.do(func(_ http.ResponseWriter, r *http.Request) {
		if got, found, err := key.Get(r.Context()); found || err != nil || got.Total != 0 {
			t.Errorf("absent: got %v %v %v", got, found, err)
		}
		if err := key.Set(r.Context(), want); err != nil {
			t.Error(err)
		}
		if err := errors.Join(key.Flash(r.Context(), want), key.Flash(r.Context(), cart{})); err != nil {
			t.Error(err)
		}
	})
	b.do(func(_ http.ResponseWriter, r *http.Request) {
		if got, found, err := key.Get(r.Context()); !reflect.DeepEqual(got, want) || !found || err != nil {
			t.Errorf("got %v %v %v, want %v", got, found, err, want)
		}
		if got, err := key.Flashes(r.Context()); !reflect.DeepEqual(got, []cart{want, {}}) || err != nil {
			t.Errorf("flashes: got %v %v", got, err)
		}
		if _, _, err := session.NewKey[int]("cart").Get(r.Context()); err == nil {
			t.Error("a cart was read as a number, want an error")
		}
		if err := key.SetFor(r.Context(), cart{Total: 4}, minute); err != nil {
			t.Error(err)
		}
	})
	e.pass(minute)
	b.do(func(_ http.ResponseWriter, r *http.Request) {
		if _, found, err := key.Get(r.Context()); found || err != nil {
			t.Errorf("after its lifetime: found %v, %v", found, err)
		}
		if err := errors.Join(key.Set(r.Context(), cart{}), key.Delete(r.Context())); err != nil {
			t.Error(err)
		}
	})
	b.want("deleted", "cart", nil)
}

func TestFromWithoutWrapPanics(t *testing.T) {
	if _, found := session.Lookup(context.Background()); found {
		t.Error("Lookup found a session in an empty context")
	}
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "Manager.Wrap") {
			t.Errorf("got panic %q, want one that names Manager.Wrap", text)
		}
	}()
	session.From(context.Background())
}

func TestBadArgumentsAreRefused(t *testing.T) {
	e := newEnv(t, session.Options{})
	e.browser().do(func(_ http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		for name, err := range map[string]error{
			"Set": s.Set("\xff", 1), "SetFor": s.SetFor("\xff", 1, minute), "Flash": s.Flash("\xff", 1), "SetMode": s.SetMode(9),
			"no user": s.BindUser(""), "user": s.BindUser("\xff"), "long user": s.BindUser(strings.Repeat("a", 1025)),
		} {
			wantErr(t, name, err, session.ErrArgument)
		}
		if err := s.Set("k", make(chan int)); err == nil {
			t.Error("a channel was set, want an error")
		}
		if err := s.Flash("k", make(chan int)); err == nil {
			t.Error("a channel was left as a flash, want an error")
		}
	})
	e.wantCalls("nothing to save", 0, 0)
}

func TestWrongOptionsAreRefused(t *testing.T) {
	for name, o := range map[string]session.Options{
		"Prefix":     {Prefix: "\xff"},
		"PrefixLong": {Prefix: strings.Repeat("p", 1025)},
		"Idle":       {Idle: -1}, "IdleLong": {Idle: 1 << 62},
		"Lifetime": {Idle: 2, Lifetime: 1}, "LifetimeShort": {Idle: minute * 2, Lifetime: minute},
		"First": {FirstLifetime: 1}, "FirstLong": {Idle: minute, FirstLifetime: 2 * minute},
		"Touch": {Idle: minute, Touch: 2 * minute}, "Mode": {Mode: 2}, "MaxBytes": {MaxBytes: -1}, "Timeout": {Timeout: -1},
		"IPv4Bits": {Binding: session.Binding{IPv4Bits: 33}}, "IPv4BitsLow": {Binding: session.Binding{IPv4Bits: -1}},
		"IPv6Bits": {Binding: session.Binding{IPv6Bits: 129}}, "IPv6BitsLow": {Binding: session.Binding{IPv6Bits: -1}},
	} {
		if _, err := session.NewOver(nil, &o); !errors.Is(err, session.ErrArgument) {
			t.Errorf("%s: got %v, want ErrArgument", name, err)
		}
	}
	_, err := session.NewOver(nil, &session.Options{Mode: 7, MaxBytes: -1})
	if err == nil || !strings.Contains(err.Error(), "Mode") || !strings.Contains(err.Error(), "MaxBytes") {
		t.Errorf("got %v, want both faults", err)
	}
	if _, err := session.New(nil, nil); !errors.Is(err, session.ErrArgument) {
		t.Errorf("no store: got %v, want ErrArgument", err)
	}
}

// Two managers on one store do not see each other's sessions.
func TestPrefixSeparatesManagers(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	b.login("alice")
	b.m = e.manager(session.Options{Prefix: "admin:"})
	b.tab().wantUser("with another manager's id", "")
	if n, err := b.m.Count(t.Context(), "alice"); n != 0 || err != nil {
		t.Errorf("alice's sessions at the other manager: got %d %v, want 0", n, err)
	}
	b.tab().set("k", 1)
	for _, key := range e.store.keys(t) {
		if !strings.HasPrefix(key, "web:") && !strings.HasPrefix(key, "admin:") {
			t.Error("a key without a prefix")
		}
	}
}

func TestTooLargeSessionIsNotSaved(t *testing.T) {
	e := newEnv(t, session.Options{MaxBytes: 1000})
	b := e.returned()
	res := b.with(func(s *session.Session) error { return s.Set("k", strings.Repeat("x", 1000)) })
	wantStatus(t, "over the limit", res, http.StatusInternalServerError)
	b.want("after it", "k", "v")
	res = b.with(func(s *session.Session) error { return s.Set("k", strings.Repeat("x", 800)) })
	wantStatus(t, "within the limit", res, http.StatusOK)
}

func TestLoadAndCommitOutsideHTTP(t *testing.T) {
	e := newEnv(t, session.Options{})
	ctx := t.Context()
	load := func(token string) *session.Session {
		t.Helper()
		s, err := e.m.Load(ctx, token)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	token, expires, err := e.m.Commit(ctx, load(""))
	if token != "" || !expires.IsZero() || err != nil {
		t.Errorf("nothing set: got %d characters, %v, %v, want nothing", len(token), expires, err)
	}
	s := load("")
	if err := s.BindUser("alice"); err != nil {
		t.Fatal(err)
	}
	token, expires, err = e.m.Commit(ctx, s)
	want := e.clock.Wall().Add(30*minute + 90*1000*1000*1000)
	if !session.IsID(token) || !expires.Equal(want) || err != nil {
		t.Fatalf("login: got %d characters, %v, %v, want an id and %v", len(token), expires, err, want)
	}
	if again, _, err := e.m.Commit(ctx, s); again != token || err != nil {
		t.Errorf("committed again: got another token, %v", err)
	}
	wantErr(t, "changed after Commit", s.Set("k", 1), session.ErrFinal)
	s = load(token)
	ctx2 := session.NewContext(ctx, s)
	key := session.NewKey[int]("n")
	if err := key.Set(ctx2, 7); err != nil {
		t.Fatal(err)
	}
	if same, _, err := e.m.Commit(ctx2, s); same != token || err != nil {
		t.Errorf("a change: got another token, %v", err)
	}
	s = load(token)
	if n, _, err := s.Get("n"); n != int64(7) || err != nil {
		t.Errorf("got %v %v, want 7", n, err)
	}
	if err := s.Destroy("logout"); err != nil {
		t.Fatal(err)
	}
	if token, _, err := e.m.Commit(ctx, s); token != "" || err != nil {
		t.Errorf("destroyed: got %d characters, %v, want none", len(token), err)
	}
	if user, err := load(token).User(); user != "" || err != nil {
		t.Errorf("after it: got %q %v, want nobody", user, err)
	}
	e.store.count()
	for _, token := range []string{"", "malformed", token + "=", token[:42]} {
		if s := load(token); s.Reason() != "" && token == "" {
			t.Errorf("no token: got reason %q", s.Reason())
		}
	}
	e.wantCalls("tokens that are none", 0, 0)
	e.store.breakWith(func(string) error { return errBroken })
	if s, err := e.m.Load(ctx, token); s != nil || !errors.Is(err, errBroken) {
		t.Errorf("outage: got %v %v, want nil and the store's error", s, err)
	}
}

// A session of Wrap may be committed early, to hear of a conflict while the
// answer is open; the cookie still goes out.
func TestEarlyCommitInAHandler(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	b.do(func(_ http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if err := s.Set("k", "v"); err != nil {
			t.Error(err)
		}
		if _, _, err := e.m.Commit(r.Context(), s); err != nil {
			t.Error(err)
		}
		wantErr(t, "after it", s.Set("k", "w"), session.ErrFinal)
	})
	b.want("next request", "k", "v")
}

func TestNestedWrapIsOne(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	e.store.count()
	w := httptest.NewRecorder()
	e.m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		outer := session.From(r.Context())
		e.m.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if session.From(r.Context()) != outer {
				t.Error("the inner Wrap made a session of its own")
			}
			if err := outer.Set("k", 2); err != nil {
				t.Error(err)
			}
		})).ServeHTTP(w, r)
	})).ServeHTTP(w, b.request())
	e.wantCalls("two Wraps", 1, 1)
}

// The real store does what the tests' wrapped one does.
func TestNewOverAStore(t *testing.T) {
	store, err := tiered.OpenMemory(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	m, err := session.New(store, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.Load(t.Context(), "")
	if err != nil || s.Set("k", "v") != nil {
		t.Fatal(err)
	}
	token, _, err := m.Commit(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = m.Load(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if v, _, err := s.Get("k"); v != "v" || err != nil {
		t.Errorf("got %v %v, want v", v, err)
	}
	if err := errors.Join(m.Close(), m.Close()); err != nil {
		t.Error(err)
	}
}
