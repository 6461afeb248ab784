package session_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratakv/strata/session"
)

func isClosed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func (e *env) wantDone(when string, done <-chan struct{}, want bool) {
	e.t.Helper()
	if got := isClosed(done); got != want {
		e.t.Errorf("%s: Done is closed: got %v, want %v", when, got, want)
	}
}

// What this process ends is known at once.
func TestDoneAtOnce(t *testing.T) {
	tests := []struct {
		name   string
		end    func(e *env, b *browser)
		want   bool
		reason string
	}{
		{"destroyed", func(_ *env, b *browser) {
			b.with(func(s *session.Session) error { return s.Destroy("logout") })
		}, true, "logout"},
		{"destroyed after a renewal", func(_ *env, b *browser) {
			b.with((*session.Session).Renew)
			b.with(func(s *session.Session) error { return s.Destroy("logout") })
		}, true, "logout"},
		{"revoked", func(e *env, b *browser) {
			if err := e.m.Revoke(e.t.Context(), "alice"); err != nil {
				e.t.Error(err)
			}
		}, true, session.ReasonRevoked},
		{"revoked alone", func(e *env, b *browser) {
			if err := e.m.RevokeOne(e.t.Context(), b.handle()); err != nil {
				e.t.Error(err)
			}
		}, true, session.ReasonRevoked},
		{"another user logs in", func(_ *env, b *browser) { b.login("bob") }, true, session.ReasonLogin},
		{"lifetime cut", func(e *env, b *browser) {
			e.pass(minute)
			b.with(func(s *session.Session) error { return s.SetLifetime(time.Second) })
		}, true, session.ReasonExpired},
		{"manager closed", func(e *env, _ *browser) {
			if err := e.m.Close(); err != nil {
				e.t.Error(err)
			}
		}, true, session.ReasonClosed},
		{"changed", func(_ *env, b *browser) { b.set("k", 2) }, false, ""},
		{"renewed", func(_ *env, b *browser) { b.with((*session.Session).Renew) }, false, ""},
		{"the same user logs in", func(_ *env, b *browser) { b.login("alice") }, false, ""},
		{"another of his sessions is ended", func(e *env, _ *browser) {
			other := e.browser()
			other.login("alice")
			other.with(func(s *session.Session) error { return s.Destroy("logout") })
		}, false, ""},
	}
	for _, tt := range tests {
		e := newEnv(t, session.Options{})
		b := e.browser()
		b.login("alice")
		b.with(func(s *session.Session) error {
			done := s.Done()
			if done != s.Done() {
				t.Errorf("%s: two calls gave two channels", tt.name)
			}
			tt.end(e, b.tab())
			e.wantDone(tt.name, done, tt.want)
			if got := s.Reason(); got != tt.reason {
				t.Errorf("%s: got reason %q, want %q", tt.name, got, tt.reason)
			}
			return nil
		})
		if n := e.m.Watched(); n != 0 {
			t.Errorf("%s: %d watches are left after the request", tt.name, n)
		}
	}
}

// What another process did, and expiry, is known at the next look.
func TestDoneAtTheNextLook(t *testing.T) {
	tests := []struct {
		name string
		user string
		end  func(e *env, other *browser)
		want bool
	}{
		{"destroyed", "", func(_ *env, o *browser) {
			o.with(func(s *session.Session) error { return s.Destroy("logout") })
		}, true},
		{"revoked", "alice", func(e *env, o *browser) {
			if err := o.m.Revoke(e.t.Context(), "alice"); err != nil {
				e.t.Error(err)
			}
		}, true},
		{"expired", "", func(e *env, _ *browser) { e.pass(24 * time.Hour) }, true},
		{"renewed with a user", "alice", func(_ *env, o *browser) { o.with((*session.Session).Renew) }, false},
		{"renewed with grace", "", func(_ *env, o *browser) {
			o.with(func(s *session.Session) error { return s.RenewGrace(minute) })
		}, false},
		{"renewed without a user", "", func(_ *env, o *browser) { o.with((*session.Session).Renew) }, true},
		{"changed", "", func(_ *env, o *browser) { o.set("k", 2) }, false},
		{"renewed with grace, which is over", "", func(e *env, o *browser) {
			o.with(func(s *session.Session) error { return s.RenewGrace(minute) })
			e.m.Look()
			e.pass(minute)
		}, false},
		{"renewed, and the store is half down", "alice", func(e *env, o *browser) {
			o.with((*session.Session).Renew)
			e.failing("get")
		}, false},
		{"the store is down", "", func(e *env, _ *browser) {
			e.store.breakWith(func(string) error { return errBroken })
		}, false},
	}
	for _, tt := range tests {
		e := newEnv(t, session.Options{})
		b := e.returned()
		if tt.user != "" {
			b.login(tt.user)
		}
		b.with(func(s *session.Session) error {
			done := s.Done()
			other := b.tab()
			other.m = e.manager(session.Options{}) // another process
			e.m.Look()
			e.wantDone(tt.name+", before", done, false)
			tt.end(e, other)
			e.wantDone(tt.name+", before the look", done, false)
			e.m.Look()
			e.m.Look()
			e.wantDone(tt.name+", after the look", done, tt.want)
			e.store.breakWith(nil)
			return nil
		})
	}
}

// A session that ends between its load and Done is seen.
func TestDoneAfterTheEnd(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	b.with(func(s *session.Session) error {
		if err := s.Load(t.Context()); err != nil {
			return err
		}
		b.tab().with(func(s *session.Session) error { return s.Destroy("logout") })
		e.wantDone("called after the end", s.Done(), true)
		return nil
	})
	s := e.load("")
	if err := errors.Join(s.Set("k", 1), s.Destroy("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := e.commit(s); err != nil {
		t.Fatal(err)
	}
	e.wantDone("destroyed by itself", s.Done(), true)
}

// Done of a session that this request begins works from its commit on.
func TestDoneOfANewSession(t *testing.T) {
	for _, early := range []bool{true, false} {
		e := newEnv(t, session.Options{})
		s := e.load("")
		var done <-chan struct{}
		if early {
			done = s.Done()
		}
		if err := s.Set("k", 1); err != nil {
			t.Fatal(err)
		}
		token, err := e.commit(s)
		if err != nil {
			t.Fatal(err)
		}
		if now := s.Done(); early && now != done {
			t.Error("another channel after the commit")
		} else {
			done = now
		}
		e.m.Look()
		e.wantDone("alive", done, false)
		b := e.browser()
		b.cookie, b.m = token, e.manager(session.Options{})
		b.with(func(s *session.Session) error { return s.Destroy("logout") })
		e.m.Look()
		e.wantDone("destroyed", done, true)
	}
}

// An outage closes nothing, and neither does a request without a session.
func TestDoneWithoutASession(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	e.store.breakWith(func(string) error { return errBroken })
	b.do(func(_ http.ResponseWriter, r *http.Request) {
		done := session.From(r.Context()).Done()
		e.m.Look()
		e.wantDone("load failed", done, false)
	})
	e.store.breakWith(nil)
	e.browser().do(func(_ http.ResponseWriter, r *http.Request) {
		done := session.From(r.Context()).Done()
		e.m.Look()
		e.wantDone("no session", done, false)
		if err := e.m.Close(); err != nil {
			t.Error(err)
		}
		e.wantDone("manager closed", done, true)
	})
	e.browser().do(func(_ http.ResponseWriter, r *http.Request) {
		e.wantDone("after Close", session.From(r.Context()).Done(), true)
	})
}

// A renewal of this process that is under way is no end, whatever a look sees.
func TestLookDuringARenewal(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	watching := b.tab()
	watching.with(func(s *session.Session) error {
		done := s.Done()
		e.store.mu.Lock()
		e.store.after = func(op string) {
			if op == "write" {
				e.m.Look() // the old record is gone, nobody has been told of the new one
			}
		}
		e.store.mu.Unlock()
		b.with((*session.Session).Renew)
		e.m.Look()
		e.wantDone("renewed", done, false)
		b.with(func(s *session.Session) error { return s.Destroy("logout") })
		e.wantDone("destroyed", done, true)
		return nil
	})
}

// A look that has begun when the session is renewed takes it for no end either.
func TestRenewalDuringALook(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	watching := b.tab()
	watching.with(func(s *session.Session) error {
		done := s.Done()
		e.store.breakWith(func(op string) error {
			if op == "get many" {
				e.store.breakWith(nil)
				b.with((*session.Session).Renew)
			}
			return nil
		})
		e.m.Look()
		e.m.Look()
		e.wantDone("renewed", done, false)
		b.with(func(s *session.Session) error { return s.Destroy("logout") })
		e.wantDone("destroyed", done, true)
		return nil
	})
}

// The goroutine that looks is there only while somebody waits, and Close ends
// it: synctest fails on one that is left.
func TestDoneLooksByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, session.Options{WatchEvery: 3 * time.Second})
		b := e.returned()
		b.with(func(s *session.Session) error {
			done := s.Done()
			other := b.tab()
			other.m = e.manager(session.Options{})
			other.with(func(s *session.Session) error { return s.Destroy("logout") })
			start := time.Now()
			<-done
			if got := time.Since(start); got != 3*time.Second {
				t.Errorf("known after %v, want 3 s", got)
			}
			return nil
		})
		e.store.count()
		synctest.Wait()
		time.Sleep(minute) // of the bubble
		e.wantCalls("nobody waits", 0, 0)
	})
}

// A hijacked connection's Done works on after its handler has returned.
func TestDoneOfAHijackedConnection(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	var done <-chan struct{}
	w := &hijackable{ResponseRecorder: httptest.NewRecorder()}
	e.m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		done = session.From(r.Context()).Done()
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	})).ServeHTTP(w, b.request())
	e.wantDone("after the handler", done, false)
	b.with(func(s *session.Session) error { return s.Destroy("logout") })
	e.wantDone("after the logout", done, true)
}

// Load's context lets Done go.
func TestDoneOfLoadIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, session.Options{})
		token := e.begin("")
		ctx, cancel := context.WithCancel(t.Context())
		s, err := e.m.Load(ctx, token)
		if err != nil {
			t.Fatal(err)
		}
		done := s.Done()
		cancel()
		synctest.Wait()
		if n := e.m.Watched(); n != 0 {
			t.Errorf("%d watches are left", n)
		}
		e.wantDone("let go", done, false)
	})
}

// A damaged record keeps a look from no other.
func TestLookBesideADamagedRecord(t *testing.T) {
	e := newEnv(t, session.Options{})
	sound, damaged := e.load(e.begin("alice")).Done(), e.load(e.begin("bob")).Done()
	if err := e.manager(session.Options{}).Revoke(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	for _, key := range e.store.keys(t) {
		if !isIndex(key) {
			e.store.Records = corrupt{e.store.Records, key}
		}
	}
	e.m.Look()
	e.wantDone("revoked", sound, true)
	e.wantDone("damaged", damaged, false)
}

// Over files and many sessions: looks are in batches.
func TestLookAtManySessions(t *testing.T) {
	e := newEnv(t, session.Options{})
	var all []<-chan struct{}
	var tokens []string
	for range 600 {
		token := e.begin("")
		s := e.load(token)
		all, tokens = append(all, s.Done()), append(tokens, token)
	}
	other := e.manager(session.Options{})
	for i, token := range tokens {
		if i%2 == 0 {
			continue
		}
		s, err := other.Load(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Destroy("logout"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := other.Commit(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	e.m.Look()
	for i, done := range all {
		if isClosed(done) != (i%2 == 1) {
			t.Fatalf("session %d: Done is closed: %v", i, isClosed(done))
		}
	}
}

// What has no session leaves no watch behind, whoever holds the connection.
func TestDoneWithoutASessionIsLetGo(t *testing.T) {
	e := newEnv(t, session.Options{})
	e.m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session.From(r.Context()).Done()
		if _, _, err := http.NewResponseController(w).Hijack(); err != nil {
			t.Error(err)
		}
	})).ServeHTTP(&hijackable{ResponseRecorder: httptest.NewRecorder()}, e.browser().request())
	if n := e.m.Watched(); n != 0 {
		t.Errorf("hijacked: got %d watches, want 0", n)
	}
	s, err := e.m.Load(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	if done, n := s.Done(), e.m.Watched(); done != nil || n != 0 {
		t.Errorf("a context without an end: got a channel %v, %d watches, want neither", done != nil, n)
	}
	if err := s.Set("k", "v"); err != nil {
		t.Fatal(err)
	}
	token, _, err := e.m.Commit(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	done := s.Done()
	e.wantDone("stored", done, false)
	b := e.browser()
	b.cookie = token
	b.with(func(s *session.Session) error { return s.Destroy("logout") })
	e.wantDone("after a logout", done, true)
}

// Done of a request that is over watches nothing, but for a hijacked one's
// session.
func TestDoneAfterTheRequest(t *testing.T) {
	e := newEnv(t, session.Options{})
	var s *session.Session
	keep := func(_ http.ResponseWriter, r *http.Request) { s = session.From(r.Context()) }
	for name, b := range map[string]*browser{"none": e.browser(), "a session": e.returned()} {
		b.do(keep)
		e.wantDone(name, s.Done(), false)
		if n := e.m.Watched(); n != 0 {
			t.Errorf("%s: got %d watches, want 0", name, n)
		}
	}
	b := e.returned()
	e.m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keep(w, r)
		if _, _, err := http.NewResponseController(w).Hijack(); err != nil {
			t.Error(err)
		}
	})).ServeHTTP(&hijackable{ResponseRecorder: httptest.NewRecorder()}, b.request())
	done := s.Done()
	b.with(func(s *session.Session) error { return s.Destroy("logout") })
	e.wantDone("hijacked, after a logout", done, true)
}
