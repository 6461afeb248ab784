package session_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

// env is a manager over a store in memory, whose clock is moved by hand and
// whose calls are counted and can be made to fail.
type env struct {
	t     testing.TB
	clock *storetest.Clock
	store *spy
	m     *session.Manager
	log   *lines
}

func newEnv(t testing.TB, opts session.Options) *env {
	t.Helper()
	e := &env{t: t, clock: storetest.NewClock(), log: new(lines)}
	store, err := tiered.OpenMemory(&tiered.Options{Clock: e.clock, MaxBytes: 2 << 20})
	if err != nil {
		t.Fatal(err)
	}
	e.store = &spy{Records: store, whole: store}
	t.Cleanup(func() { store.Close() })
	e.m = e.manager(opts)
	return e
}

// manager makes another manager over the same store.
func (e *env) manager(opts session.Options) *session.Manager {
	e.t.Helper()
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.NewTextHandler(e.log, nil))
	}
	if opts.WatchEvery == 0 {
		opts.WatchEvery = -1 // tests look by hand
	}
	m, err := session.NewOver(e.store, &opts)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() {
		if err := m.Close(); err != nil {
			e.t.Error(err)
		}
	})
	return m
}

// lines keeps what was logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

var errBroken = errors.New("the disk is on fire")

// spy counts calls, and fails or waits where it is told to.
type spy struct {
	session.Records
	whole *tiered.Store

	mu            sync.Mutex
	reads, writes int
	broken        func(op string) error // asked before each call
	after         func(op string)       // called after each that succeeded
}

func (s *spy) call(op string) error {
	s.mu.Lock()
	if op == "write" {
		s.writes++
	} else {
		s.reads++
	}
	broken := s.broken
	s.mu.Unlock()
	if broken == nil {
		return nil
	}
	return broken(op)
}

func (s *spy) did(op string, err error) {
	s.mu.Lock()
	after := s.after
	s.mu.Unlock()
	if after != nil && err == nil {
		after(op)
	}
}

func (s *spy) breakWith(broken func(op string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = broken
}

// count gives the calls since the last count.
func (s *spy) count() (reads, writes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	reads, writes = s.reads, s.writes
	s.reads, s.writes = 0, 0
	return reads, writes
}

func (s *spy) GetItem(ctx context.Context, key string) (tiered.Item, error) {
	if err := s.call("get"); err != nil {
		return tiered.Item{}, err
	}
	it, err := s.Records.GetItem(ctx, key)
	s.did("get", err)
	return it, err
}

func (s *spy) GetMany(ctx context.Context, keys []string) (map[string]tiered.Item, error) {
	if err := s.call("get many"); err != nil {
		return nil, err
	}
	items, err := s.Records.GetMany(ctx, keys)
	s.did("get many", err)
	return items, err
}

func (s *spy) Scan(ctx context.Context, prefix string) iter.Seq2[tiered.Item, error] {
	if err := s.call("scan"); err != nil {
		return func(yield func(tiered.Item, error) bool) { yield(tiered.Item{}, err) }
	}
	return s.Records.Scan(ctx, prefix)
}

func (s *spy) Write(ctx context.Context, b *tiered.Batch) error {
	if err := s.call("write"); err != nil {
		return err
	}
	err := s.Records.Write(ctx, b)
	s.did("write", err)
	return err
}

// keys gives what the store holds.
func (s *spy) keys(t testing.TB) []string {
	t.Helper()
	var keys []string
	for it, err := range s.whole.Scan(context.Background(), "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, it.Key)
	}
	return keys
}

// browser sends requests, and keeps the cookie that it is given.
type browser struct {
	e       *env
	m       *session.Manager
	cookie  string
	agent   string
	address string
}

func (e *env) browser() *browser {
	return &browser{e: e, m: e.m, agent: "browser/1", address: "192.0.2.7:1234"}
}

// tab is another window of the same browser: it has the cookie of now.
func (b *browser) tab() *browser {
	c := *b
	return &c
}

const cookieName = "__Host-session"

// request makes a request with the browser's cookie.
func (b *browser) request() *http.Request {
	r := httptest.NewRequest("GET", "https://example.test/", nil)
	r.RemoteAddr = b.address
	r.Header.Set("User-Agent", b.agent)
	if b.cookie != "" {
		r.Header.Set("Cookie", cookieName+"="+b.cookie)
	}
	return r
}

// do lets f answer a request; without an answer it is 200.
func (b *browser) do(f func(w http.ResponseWriter, r *http.Request)) *http.Response {
	b.e.t.Helper()
	w := httptest.NewRecorder()
	b.m.Wrap(http.HandlerFunc(f)).ServeHTTP(w, b.request())
	res := w.Result()
	b.keep(res)
	return res
}

// with is do for what needs only the session; an error fails the test.
func (b *browser) with(f func(s *session.Session) error) *http.Response {
	b.e.t.Helper()
	var err error
	res := b.do(func(_ http.ResponseWriter, r *http.Request) { err = f(session.From(r.Context())) })
	if err != nil {
		b.e.t.Errorf("in the handler: %v", err)
	}
	return res
}

func (b *browser) keep(res *http.Response) {
	for _, c := range res.Cookies() {
		if c.Name == cookieName {
			b.cookie = c.Value
			if c.MaxAge < 0 {
				b.cookie = ""
			}
		}
	}
}

// set puts value under key in a request of its own.
func (b *browser) set(key string, value any) {
	b.e.t.Helper()
	b.with(func(s *session.Session) error { return s.Set(key, value) })
}

// want checks a value in a request of its own; nil: absent.
func (b *browser) want(when, key string, want any) {
	b.e.t.Helper()
	var got any
	var found bool
	b.with(func(s *session.Session) (err error) {
		got, found, err = s.Get(key)
		return err
	})
	if got != want || found != (want != nil) {
		b.e.t.Errorf("%s: %s: got %v %v, want %v", when, key, got, found, want)
	}
}

// login binds user in a request of its own.
func (b *browser) login(user string) {
	b.e.t.Helper()
	b.with(func(s *session.Session) error { return s.BindUser(user) })
}

// wantUser checks who is logged in, "": nobody.
func (b *browser) wantUser(when, want string) {
	b.e.t.Helper()
	var got string
	b.with(func(s *session.Session) (err error) {
		got, err = s.User()
		return err
	})
	if got != want {
		b.e.t.Errorf("%s: got user %q, want %q", when, got, want)
	}
}

func wantStatus(t testing.TB, when string, res *http.Response, want int) {
	t.Helper()
	if res.StatusCode != want {
		t.Errorf("%s: got status %d, want %d", when, res.StatusCode, want)
	}
}

func wantErr(t testing.TB, when string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got %v, want %v", when, got, want)
	}
}

func (e *env) wantCalls(when string, reads, writes int) {
	e.t.Helper()
	r, w := e.store.count()
	if r != reads || w != writes {
		e.t.Errorf("%s: got %d reads and %d writes, want %d and %d", when, r, w, reads, writes)
	}
}

// pass lets d pass.
func (e *env) pass(d time.Duration) { e.clock.Advance(d) }
