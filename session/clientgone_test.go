package session_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stratakv/strata/session"
)

// impatient lets f answer a request of b whose client goes away when f calls
// leave.
func (b *browser) impatient(f func(s *session.Session, leave func())) *http.Response {
	b.e.t.Helper()
	ctx, cancel := context.WithCancel(b.e.t.Context())
	defer cancel()
	w := httptest.NewRecorder()
	b.m.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		f(session.From(r.Context()), cancel)
	})).ServeHTTP(w, b.request().WithContext(ctx))
	return w.Result()
}

// A logout is one whenever the client goes away: before the session is loaded,
// or after a load that this broke off.
func TestLogoutOutlivesTheClientThatNeverWaited(t *testing.T) {
	for name, first := range map[string]func(s *session.Session) error{
		"untouched": func(*session.Session) error { return context.Canceled },
		"a read":    func(s *session.Session) error { _, _, err := s.Get("k"); return err },
		"a change":  set("k", 2),
	} {
		e := newEnv(t, session.Options{})
		e.returned().impatient(func(s *session.Session, leave func()) {
			leave()
			wantErr(t, name, first(s), context.Canceled)
			if err := s.Destroy("logout"); err != nil {
				t.Errorf("%s: Destroy: %v", name, err)
			}
		})
		if n := len(e.store.keys(t)); n != 0 {
			t.Errorf("%s: the session is still there", name)
		}
	}
}

// A client that goes away is no outage: nothing is saved, and nothing logged
// that wakes somebody.
func TestClientGoneIsNoOutage(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	res := b.impatient(func(s *session.Session, leave func()) {
		leave()
		wantErr(t, "Set", s.Set("k", 2), context.Canceled)
		wantErr(t, "Err", s.Err(), nil)
	})
	if len(res.Cookies()) != 0 || e.log.String() != "" {
		t.Errorf("got cookies %v, log %q, want neither", res.Cookies(), e.log)
	}
	b.want("afterwards", "k", "v")
}

// A load that a context of the handler's own ended does not stick; a change that
// it refused does, whatever is done after it.
func TestEndedContextOfTheHandlersOwn(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	res := b.do(func(_ http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		_, _, err := session.NewKey[string]("k").Get(session.NewContext(ended, s))
		wantErr(t, "with the ended one", err, context.Canceled)
		v, _, err := s.Get("k")
		if v != "v" || err != nil {
			t.Errorf("with the request's: got %v, %v", v, err)
		}
	})
	wantStatus(t, "a read", res, http.StatusOK)
	res = b.do(func(_ http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		err := session.NewKey[string]("a").Set(session.NewContext(ended, s), "lost")
		if wantErr(t, "a change", err, context.Canceled); !errors.Is(s.Set("k", 2), nil) {
			t.Error("the change after it was refused")
		}
	})
	wantStatus(t, "half of two changes", res, http.StatusServiceUnavailable)
	b.want("half of two changes", "k", "v")
	if !strings.Contains(e.log.String(), "level=ERROR") {
		t.Errorf("got log %q, want an error", e.log)
	}
}
