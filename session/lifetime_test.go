package session_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stratakv/strata/session"
)

const minute = time.Minute

// returned gives a browser with a session that it has come back with.
func (e *env) returned() *browser {
	e.t.Helper()
	b := e.browser()
	b.set("k", "v")
	b.want("second request", "k", "v")
	return b
}

func TestIdleTimeout(t *testing.T) {
	e := newEnv(t, session.Options{Idle: 20 * minute, Touch: -1})
	b := e.returned()
	for range 5 {
		e.pass(20*minute - time.Millisecond)
		b.want("used within the timeout", "k", "v")
	}
	e.pass(20 * minute)
	b.want("after the timeout", "k", nil)
}

func TestAbsoluteLifetime(t *testing.T) {
	e := newEnv(t, session.Options{Idle: 20 * minute, Lifetime: time.Hour})
	b := e.returned()
	for range 5 {
		e.pass(10 * minute)
		b.want("used within the lifetime", "k", "v")
	}
	e.pass(10*minute - time.Millisecond)
	b.want("1 ms before its end", "k", "v")
	e.pass(time.Millisecond)
	b.want("at its end", "k", nil)
}

// Invariant 8: whenever a session was used, idle is left to it, although few
// uses are written; and it ends at most the threshold later.
func TestTouchThresholdNeverCutsShort(t *testing.T) {
	const idle, touch = 20 * minute, 2 * minute
	for _, used := range []time.Duration{0, time.Second, touch - time.Millisecond, touch, touch + 1, 3 * minute} {
		e := newEnv(t, session.Options{Idle: idle, Touch: touch})
		b := e.returned()
		e.pass(used)
		b.want("use", "k", "v")
		e.pass(idle - time.Millisecond)
		b.tab().want("idle after the use of "+used.String(), "k", "v")

		e = newEnv(t, session.Options{Idle: idle, Touch: touch})
		b = e.returned()
		e.pass(used)
		b.want("use", "k", "v")
		e.pass(idle + touch)
		b.tab().want("idle and the threshold after the use of "+used.String(), "k", nil)
	}
}

func TestTouchIsWrittenOncePerThreshold(t *testing.T) {
	e := newEnv(t, session.Options{Idle: 20 * minute, Touch: minute})
	b := e.returned()
	e.store.count()
	for range 60 {
		e.pass(2 * time.Second)
		b.want("use", "k", "v")
	}
	e.wantCalls("60 uses in two minutes", 60, 2)
}

func TestTouchDefaultIsATwentiethOfIdle(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	e.store.count()
	e.pass(90*time.Second - time.Millisecond)
	b.want("before", "k", "v")
	e.wantCalls("before the threshold", 1, 0)
	e.pass(time.Millisecond)
	b.want("at", "k", "v")
	e.wantCalls("at the threshold", 1, 1)
}

// Invariant 13: what a client never comes back with is gone after FirstLifetime,
// and its data with it.
func TestBotsDoNotFillTheStore(t *testing.T) {
	for _, tt := range []struct {
		name  string
		opts  session.Options
		first time.Duration
	}{
		{"default", session.Options{}, 10 * minute},
		{"default with a short idle timeout", session.Options{Idle: 5 * minute}, 5 * minute},
		{"set", session.Options{FirstLifetime: minute}, minute},
		{"off", session.Options{FirstLifetime: -1}, 30 * minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEnv(t, tt.opts)
			for range 100 {
				e.browser().set("cart", strings.Repeat("x", 100))
			}
			human := e.returned()
			user := e.browser()
			user.login("alice")
			e.pass(tt.first - time.Millisecond)
			if n, err := e.m.Count(t.Context()); n != 102 || err != nil {
				t.Errorf("before FirstLifetime: got %d sessions, %v, want 102", n, err)
			}
			e.pass(time.Millisecond)
			if n, err := e.m.Count(t.Context()); n != 2 || err != nil {
				t.Errorf("after it: got %d sessions, %v, want the 2 of people", n, err)
			}
			human.want("who came back", "k", "v")
			user.wantUser("who logged in", "alice")
			if _, err := e.store.whole.DeleteExpired(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := len(e.store.keys(t)); got != 3 {
				t.Errorf("got %d records in the store, want 3: two sessions and an index entry", got)
			}
		})
	}
}

// A first visitor who comes back just in time has the whole idle timeout.
func TestReturningConfirms(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	b.set("k", "v")
	e.pass(10*minute - time.Millisecond)
	b.want("just in time", "k", "v")
	e.pass(30*minute - time.Millisecond)
	b.want("idle after it", "k", "v")

	late := e.browser()
	late.set("k", "v")
	e.pass(10 * minute)
	late.want("too late", "k", nil)
}

func TestOwnIdleTimeout(t *testing.T) {
	for _, idle := range []time.Duration{10 * time.Second, 10 * time.Hour} {
		e := newEnv(t, session.Options{Touch: -1})
		b := e.returned()
		b.with(func(s *session.Session) error { return s.SetIdle(idle) })
		e.pass(idle - time.Millisecond)
		b.want("before", "k", "v")
		b.with(func(s *session.Session) error { return s.Renew() })
		e.pass(idle - time.Millisecond)
		b.want("before, renewed", "k", "v")
		e.pass(idle)
		b.want("after", "k", nil)
	}
}

// A short idle timeout of its own is not lengthened by the manager's threshold,
// but in proportion.
func TestOwnIdleTimeoutHasThresholdInProportion(t *testing.T) {
	e := newEnv(t, session.Options{Idle: 100 * minute, Touch: 10 * minute})
	b := e.returned()
	b.with(func(s *session.Session) error { return s.SetIdle(10 * time.Second) })
	e.pass(11*time.Second - time.Millisecond)
	b.tab().want("before", "k", "v")
	e.pass(11 * time.Second)
	b.want("after", "k", nil)
}

func TestOwnIdleTimeoutCanBeTakenBack(t *testing.T) {
	e := newEnv(t, session.Options{Idle: 20 * minute, Touch: -1})
	b := e.returned()
	b.with(func(s *session.Session) error { return s.SetIdle(minute) })
	b.with(func(s *session.Session) error { return s.SetIdle(0) })
	e.pass(20*minute - time.Millisecond)
	b.want("before", "k", "v")
}

func TestOwnLifetime(t *testing.T) {
	for _, life := range []time.Duration{10 * minute, 48 * time.Hour} {
		e := newEnv(t, session.Options{Idle: 30 * minute, Lifetime: time.Hour})
		b := e.returned()
		b.login("alice")
		b.with(func(s *session.Session) error { return s.SetLifetime(life) })
		b.with(func(s *session.Session) error { return s.Renew() })
		for e.pass(5 * minute); life > 5*minute; life -= 5 * minute {
			b.wantUser("before its end", "alice")
			e.pass(5 * minute)
		}
		b.wantUser("at its end", "")
	}
}

// A lifetime that is over already ends the session at commit.
func TestLifetimeInThePastEndsTheSession(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	b.login("alice")
	e.pass(10 * minute)
	tab := b.tab()
	b.with(func(s *session.Session) error { return s.SetLifetime(5 * minute) })
	if b.cookie != "" {
		t.Error("the cookie was not cleared")
	}
	tab.wantUser("after it", "")
	if keys := e.store.keys(t); len(keys) != 0 {
		t.Errorf("the store still has %d records", len(keys))
	}
}

// Stricter options of a restarted service hold for what is there already.
func TestStricterOptionsHoldAtOnce(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	e.pass(6 * minute)
	b.m = e.manager(session.Options{Idle: 5 * minute})
	b.tab().want("with a shorter idle timeout", "k", nil)
	b.m = e.manager(session.Options{Idle: 5 * minute, Lifetime: 5 * minute})
	b.tab().want("with a shorter lifetime", "k", nil)
	b.m = e.m
	b.want("with the old options", "k", "v")
}

// Options that give more hold from the next use on; the index entry stays as
// long as the session (7).
func TestLongerOptionsHoldFromTheNextUse(t *testing.T) {
	e := newEnv(t, session.Options{Idle: 10 * minute, Lifetime: 10 * minute})
	b := e.browser()
	b.login("alice")
	b.m = e.manager(session.Options{Idle: time.Hour, Lifetime: 3 * time.Hour})
	b.wantUser("with longer options", "alice")
	e.pass(59 * minute)
	b.wantUser("an hour later", "alice")
	if n, err := b.m.Count(t.Context(), "alice"); n != 1 || err != nil {
		t.Errorf("in the index: got %d, %v, want 1", n, err)
	}
}

func TestPersistentCookie(t *testing.T) {
	e := newEnv(t, session.Options{Idle: 20 * minute, Touch: 2 * minute})
	b := e.returned()
	maxAge := func(res *http.Response) int {
		for _, c := range res.Cookies() {
			return c.MaxAge
		}
		return -1 // no cookie
	}
	res := b.with(func(s *session.Session) error { return s.SetPersistent(true) })
	if got, want := maxAge(res), 22*60; got != want {
		t.Errorf("when it is made persistent: got Max-Age %d, want %d", got, want)
	}
	e.pass(minute)
	if got := maxAge(b.with(func(s *session.Session) error { return s.Load(t.Context()) })); got != -1 {
		t.Errorf("a use that is not written: got Max-Age %d, want no cookie", got)
	}
	e.pass(minute)
	if got, want := maxAge(b.with(func(s *session.Session) error { return s.Load(t.Context()) })), 22*60; got != want {
		t.Errorf("a use that is written: got Max-Age %d, want %d", got, want)
	}
	if got, want := maxAge(b.with(func(s *session.Session) error { return s.Renew() })), 22*60; got != want {
		t.Errorf("renewed: got Max-Age %d, want %d", got, want)
	}
	if got := maxAge(b.with(func(s *session.Session) error { return s.SetPersistent(false) })); got != 0 {
		t.Errorf("no longer persistent: got Max-Age %d, want none", got)
	}
}

func TestKeyWithItsOwnLifetime(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	b.with(func(s *session.Session) error { return s.SetFor("code", 123456, 5*minute) })
	e.pass(5*minute - time.Millisecond)
	b.want("before", "code", int64(123456))
	b.with(func(s *session.Session) error { return s.Set("other", 1) })
	e.pass(time.Millisecond)
	b.with(func(s *session.Session) error {
		keys, err := s.Keys()
		if len(keys) != 2 {
			t.Errorf("got keys %q, want k and other", keys)
		}
		return err
	})
	b.want("at its deadline", "code", nil)
	b.with(func(s *session.Session) error { return s.SetFor("code", 1, minute) })
	b.with(func(s *session.Session) error { return s.Set("code", 2) })
	e.pass(20 * minute)
	b.want("set again without a lifetime", "code", int64(2))
}

func TestWrongLifetimesAreRefused(t *testing.T) {
	e := newEnv(t, session.Options{})
	code := session.NewKey[int]("code")
	e.browser().do(func(_ http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		for name, err := range map[string]error{
			"SetIdle below 0": s.SetIdle(-1), "SetLifetime below 0": s.SetLifetime(-1),
			"SetIdle for ever": s.SetIdle(1 << 62), "SetLifetime for ever": s.SetLifetime(1 << 62),
			"SetFor 0": s.SetFor("k", 1, 0), "SetFor below 0": s.SetFor("k", 1, -1), "SetFor for ever": s.SetFor("k", 1, 1<<62),
			"Key.SetFor 0": code.SetFor(r.Context(), 1, 0),
			"grace 0":      s.RenewGrace(0), "grace below 0": s.RenewGrace(-1), "grace of an hour": s.RenewGrace(time.Hour),
		} {
			wantErr(t, name, err, session.ErrArgument)
		}
	})
}

// A session over MaxBytes, from before that was lowered, lives on as it is.
func TestLoweredMaxBytesSparesReads(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	large := strings.Repeat("x", 5000)
	b.set("k", large)
	b.m = e.manager(session.Options{MaxBytes: 1000})
	for range 4 {
		b.want("used every 20 min", "k", large)
		e.pass(20 * minute)
		wantStatus(t, "a read", b.with(func(s *session.Session) error { return s.Load(t.Context()) }), http.StatusOK)
	}
	if log := e.log.String(); log != "" {
		t.Errorf("got log %q of reads, want none", log)
	}
	wantStatus(t, "a change", b.with(set("j", 1)), http.StatusInternalServerError)
	b.with(func(s *session.Session) error { return s.Destroy("logout") })
	if n := len(e.store.keys(t)); n != 0 || strings.Count(e.log.String(), "too large\"\n") != 1 {
		t.Errorf("after a logout: got %d records, log %q", n, e.log)
	}
}
