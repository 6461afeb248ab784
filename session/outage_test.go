package session_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/tiered"
)

// failing makes the named calls of the store fail.
func (e *env) failing(op string) {
	e.store.breakWith(func(got string) error {
		if got == op {
			return errBroken
		}
		return nil
	})
}

// Invariant 9: the load's error sticks, nothing is saved, the cookie stays.
func TestOutageOfReads(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	cookie := b.cookie
	e.failing("get")
	e.store.count()
	res := b.do(func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		_, found, err := s.Get("k")
		_, errUser := s.User()
		_, errKeys := s.Keys()
		_, errHandle := s.Handle()
		_, errFlashes := s.Flashes("f")
		for name, err := range map[string]error{
			"Get": err, "User": errUser, "Keys": errKeys, "Handle": errHandle, "Flashes": errFlashes, "Load": s.Load(r.Context()), "Err": s.Err(),
		} {
			wantErr(t, name, err, errBroken)
		}
		if found || s.Reason() != "" {
			t.Errorf("got found %v, reason %q, want neither", found, s.Reason())
		}
		io.WriteString(w, "a page without a session")
	})
	wantStatus(t, "a handler that bears it", res, http.StatusOK)
	e.wantCalls("one try", 1, 0)
	if len(res.Cookies()) != 0 || b.cookie != cookie {
		t.Error("the outage touched the cookie")
	}
	e.store.breakWith(nil)
	b.want("after the outage", "k", "v")
}

// A change that was refused because of the load must not look done.
func TestOutageOfReadsWithAChange(t *testing.T) {
	for name, f := range map[string]func(s *session.Session) error{
		"Set": set("k", 2), "Destroy": func(s *session.Session) error { return s.Destroy("logout") },
		"BindUser": func(s *session.Session) error { return s.BindUser("alice") }, "Renew": (*session.Session).Renew,
	} {
		e := newEnv(t, session.Options{})
		b := e.returned()
		cookie := b.cookie
		e.failing("get")
		res := b.do(func(w http.ResponseWriter, r *http.Request) {
			wantErr(t, name, f(session.From(r.Context())), errBroken)
			io.WriteString(w, "done!") // a handler that looks at no error
		})
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != http.StatusServiceUnavailable || strings.Contains(string(body), "done") || b.cookie != cookie {
			t.Errorf("%s: got %d %q, want 503 and the cookie as it was", name, res.StatusCode, body)
		}
		e.wantCalls(name, 2, 2) // the two requests before, and one try
		e.store.breakWith(nil)
		b.want("after the outage", "k", "v")
	}
}

func TestRequire(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	ran := false
	handler := e.m.Wrap(e.m.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ran = true
		if v, _, err := session.From(r.Context()).Get("k"); v != "v" || err != nil {
			t.Errorf("got %v %v", v, err)
		}
	})))
	do := func() *http.Response {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, b.request())
		return w.Result()
	}
	wantStatus(t, "all is well", do(), http.StatusOK)
	if !ran {
		t.Error("the handler did not run")
	}
	e.failing("get")
	ran = false
	res := do()
	wantStatus(t, "outage", res, http.StatusServiceUnavailable)
	if ran || len(res.Cookies()) != 0 {
		t.Errorf("outage: ran %v, cookies %v", ran, res.Cookies())
	}
	if log := e.log.String(); !strings.Contains(log, "level=ERROR") || strings.Contains(log, b.cookie) {
		t.Errorf("got log %q, want an error, without the id", log)
	}
}

// Invariant 4: the handler's answer gives way to the error handler's, with the
// headers that were there before the handler.
func TestOutageOfWrites(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	cookie := b.cookie
	e.failing("write")
	w := httptest.NewRecorder()
	w.Header().Set("X-Outer", "stays")
	e.m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := session.From(r.Context()).Set("k", "lost"); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "7")
		w.Header().Set("X-Outer", "changed")
		w.Header().Add("Set-Cookie", "other=1")
		w.WriteHeader(http.StatusCreated)
		n, err := w.Write([]byte(`"saved"`))
		if n != 0 || err == nil {
			t.Errorf("Write after the answer was replaced: got %d %v, want an error", n, err)
		}
		if _, err := io.WriteString(w, "x"); err == nil {
			t.Error("WriteString: got no error")
		}
		if _, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("x")); err == nil {
			t.Error("ReadFrom: got no error")
		}
		if err := http.NewResponseController(w).Flush(); err == nil {
			t.Error("Flush: got no error")
		}
	})).ServeHTTP(w, b.request())
	res := w.Result()
	b.keep(res)
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusServiceUnavailable || string(body) != "Service Unavailable\n" || res.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("got %d %q with %v", res.StatusCode, body, res.Header)
	}
	if res.Header.Get("X-Outer") != "stays" || len(res.Cookies()) != 0 || b.cookie != cookie || res.ContentLength == 7 {
		t.Errorf("got headers %v", res.Header)
	}
	e.store.breakWith(nil)
	b.want("after the outage", "k", "v")
}

// At the end of a handler that wrote nothing it is the same.
func TestOutageOfWritesAtTheEnd(t *testing.T) {
	for name, f := range map[string]func(s *session.Session) error{
		"Set": set("k", 2), "Destroy": func(s *session.Session) error { return s.Destroy("logout") },
		"BindUser": func(s *session.Session) error { return s.BindUser("alice") }, "Renew": (*session.Session).Renew,
		"Flash": func(s *session.Session) error { return s.Flash("f", 1) },
	} {
		e := newEnv(t, session.Options{})
		b := e.returned()
		e.failing("write")
		res := b.with(f)
		wantStatus(t, name, res, http.StatusServiceUnavailable)
		if len(res.Cookies()) != 0 {
			t.Errorf("%s: got cookies %v", name, res.Cookies())
		}
		e.store.breakWith(nil)
		b.want(name+": after the outage", "k", "v")
	}
}

// Traces of use are not worth an error page: reads go on while the disk is full.
func TestOutageOfWritesSparesReads(t *testing.T) {
	e := newEnv(t, session.Options{Touch: -1})
	b := e.browser()
	b.set("k", "v")
	b.flash("f", "message")
	e.failing("write")
	res := b.with(func(s *session.Session) error {
		_, err := s.Flashes("f")
		return err
	})
	wantStatus(t, "touch, confirmation, flash", res, http.StatusOK)
	if log := e.log.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, "level=WARN") {
		t.Errorf("got log %q, want one warning", log)
	}
	e.store.breakWith(nil)
	b.wantFlashes("after the outage", "f", "message")
}

// full gives a session of alice in a store that has no room for another.
func full(t *testing.T) (e *env, b *browser) {
	t.Helper()
	e = newEnv(t, session.Options{})
	store, err := tiered.OpenMemory(&tiered.Options{Clock: e.clock, MaxBytes: 128 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	e.store.Records, e.store.whole = store, store
	b = e.browser()
	b.login("alice")
	for {
		s := e.load("")
		if err := s.Set("k", []byte(strings.Repeat("x", 5000))); err != nil {
			t.Fatal(err)
		}
		if _, err := e.commit(s); errors.Is(err, tiered.ErrFull) {
			return e, b
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// A full store refuses new sessions, and lets users out.
func TestFullStoreLetsUsersOut(t *testing.T) {
	_, b := full(t)
	b.wantUser("in a full store", "alice")
	b.with(func(s *session.Session) error { return s.Destroy("logout") })
	b.wantUser("after the logout", "")
}

// What a logout leaves for the next page does not undo it.
func TestFullStoreLetsUsersOutWhateverFollows(t *testing.T) {
	large := make([]byte, 20_000)
	rand.NewChaCha8([32]byte{}).Read(large) // zstd finds nothing in it
	for _, test := range []struct {
		name  string
		after func(*session.Session) error
		code  int
	}{
		{"flash", func(s *session.Session) error { return s.Flash("note", large) }, http.StatusOK},
		{"value", func(s *session.Session) error { return s.Set("k", large) }, http.StatusServiceUnavailable},
		{"login", func(s *session.Session) error {
			return errors.Join(s.Flash("note", large), s.BindUser("bob"))
		}, http.StatusServiceUnavailable},
	} {
		_, b := full(t)
		res := b.with(func(s *session.Session) error {
			return errors.Join(s.Destroy("logout"), test.after(s))
		})
		wantStatus(t, test.name, res, test.code)
		b.wantUser("after the logout, with a "+test.name, "")
	}
}

func TestErrorHandler(t *testing.T) {
	var got []error
	var silent bool
	e := newEnv(t, session.Options{ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
		got = append(got, err)
		if silent {
			return
		}
		w.Header().Set("Retry-After", "5")
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, "sorry")
	}})
	b := e.returned()
	e.failing("write")
	res := b.with(set("k", 2))
	wantStatus(t, "its own code", res, http.StatusTeapot)
	if body, _ := io.ReadAll(res.Body); string(body) != "sorry" || res.Header.Get("Retry-After") != "5" {
		t.Errorf("got %q with %v", body, res.Header)
	}
	silent = true
	wantStatus(t, "a handler that writes nothing", b.with(set("k", 2)), http.StatusServiceUnavailable)
	if len(got) != 2 || !errors.Is(got[0], errBroken) {
		t.Errorf("got %v", got)
	}
}

// After the headers its answer is dropped.
func TestErrorHandlerAfterTheHeaders(t *testing.T) {
	called := 0
	e := newEnv(t, session.Options{ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
		called++
		w.Header().Set("X-Late", "1")
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, "late")
	}})
	b := e.returned()
	e.failing("get")
	res := b.do(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "early")
		e.m.Require(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			t.Error("the handler ran without a session")
		})).ServeHTTP(w, r)
	})
	body, _ := io.ReadAll(res.Body)
	if called != 1 || res.StatusCode != http.StatusOK || string(body) != "early" || res.Header.Get("X-Late") != "" {
		t.Errorf("called %d times; got %d %q", called, res.StatusCode, body)
	}
}

func TestConflictAndRevocationAre409(t *testing.T) {
	e := newEnv(t, session.Options{Mode: session.Strict})
	b := e.returned()
	during := func(other, f func(s *session.Session) error) *http.Response {
		return b.with(func(s *session.Session) error {
			if err := s.Load(t.Context()); err != nil {
				return err
			}
			b.tab().with(other)
			return f(s)
		})
	}
	wantStatus(t, "conflict", during(set("k", "A"), set("k", "B")), http.StatusConflict)
	res := during(func(s *session.Session) error { return s.Destroy("logout") }, set("k", "B"))
	wantStatus(t, "revoked", res, http.StatusConflict)
	if len(res.Cookies()) != 0 {
		t.Errorf("revoked: got cookies %v (10)", res.Cookies())
	}
}

// A read-only request beside a logout is answered as if it had come before.
func TestReadBesideALogout(t *testing.T) {
	e := newEnv(t, session.Options{Touch: -1})
	b := e.returned()
	e.pass(minute)
	res := b.with(func(s *session.Session) error {
		_, _, err := s.Get("k")
		b.tab().with(func(s *session.Session) error { return s.Destroy("logout") })
		return err
	})
	wantStatus(t, "read", res, http.StatusOK)
	if len(res.Cookies()) != 0 || len(e.store.keys(t)) != 0 || e.log.String() != "" {
		t.Errorf("got cookies %v, %d records, log %q", res.Cookies(), len(e.store.keys(t)), e.log)
	}
}

// The write of a logout does not end with the client's patience.
func TestLogoutOutlivesTheClient(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	ctx, cancel := context.WithCancel(t.Context())
	e.m.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := session.From(r.Context()).Destroy("logout"); err != nil {
			t.Error(err)
		}
		cancel() // the client is gone
	})).ServeHTTP(httptest.NewRecorder(), b.request().WithContext(ctx))
	if n := len(e.store.keys(t)); n != 0 {
		t.Errorf("the session is still there")
	}
}

// Options.Timeout bounds a write that does not end.
func TestTimeoutOfWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, session.Options{Timeout: 3 * time.Second})
		b := e.returned()
		stuck := &stuckWrites{e.store}
		m, err := session.NewOver(stuck, &session.Options{Timeout: 3 * time.Second, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		b.m = m
		start := time.Now()
		res := b.with(set("k", 2))
		wantStatus(t, "stuck", res, http.StatusServiceUnavailable)
		if got := time.Since(start); got != 3*time.Second {
			t.Errorf("answered after %v, want 3 s", got)
		}
	})
}

type stuckWrites struct{ session.Records }

func (s *stuckWrites) Write(ctx context.Context, _ *tiered.Batch) error {
	<-ctx.Done()
	return ctx.Err()
}

// A write whose fate is unknown is an error, and no cookie goes out.
func TestUnknownOutcomeIsAnError(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	e.store.breakWith(func(op string) error {
		if op == "write" {
			return tiered.ErrUnknownOutcome
		}
		return nil
	})
	res := b.with(func(s *session.Session) error { return s.BindUser("alice") })
	wantStatus(t, "unknown outcome", res, http.StatusServiceUnavailable)
	if len(res.Cookies()) != 0 {
		t.Errorf("got cookies %v", res.Cookies())
	}
}

// If it did make a new id, the client gets that: the old one is gone.
func TestUnknownOutcomeThatWasOneIsNoLogout(t *testing.T) {
	for name, f := range map[string]func(s *session.Session) error{
		"renewal": (*session.Session).Renew,
		"login":   func(s *session.Session) error { return s.BindUser("alice") },
		"both": func(s *session.Session) error {
			return errors.Join(s.Destroy("logout"), s.BindUser("alice"), s.Set("k", "v"))
		},
	} {
		e := newEnv(t, session.Options{})
		b := e.returned()
		e.store.Records = doubtful{e.store.Records}
		wantStatus(t, name, b.with(f), http.StatusOK)
		b.want(name, "k", "v")
		wantStatus(t, "a change under the same id", b.with(set("k", 2)), http.StatusServiceUnavailable)
	}
}

// doubtful does not know what became of its writes.
type doubtful struct{ session.Records }

func (d doubtful) Write(ctx context.Context, b *tiered.Batch) error {
	if err := d.Records.Write(ctx, b); err != nil {
		return err
	}
	return tiered.ErrUnknownOutcome
}
