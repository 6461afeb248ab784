package session_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/stratakv/strata/session"
)

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

// Done of what the request itself has destroyed is closed when that is saved.
func TestDoneAfterDestroy(t *testing.T) {
	e := newEnv(t, session.Options{})
	for name, begin := range map[string]func(s *session.Session) error{
		"nothing": func(*session.Session) error { return nil }, "a new session": set("k", 1),
	} {
		e.returned().do(func(w http.ResponseWriter, r *http.Request) {
			s := session.From(r.Context())
			if err := errors.Join(s.Destroy("logout"), begin(s)); err != nil {
				t.Error(err)
			}
			done := s.Done()
			e.wantDone("before the answer", done, false)
			w.WriteHeader(http.StatusOK)
			e.wantDone("after it, with "+name, done, name == "nothing")
		})
	}
	if n := e.m.Watched(); n != 0 {
		t.Errorf("got %d watches, want 0", n)
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
