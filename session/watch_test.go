package session_test

import (
	"errors"
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

// The lineage of another user's session is no handle of it.
func TestRevokeOneOfAWrongUserClosesNothing(t *testing.T) {
	e := newEnv(t, session.Options{})
	done := e.load(e.begin("alice")).Done()
	e.begin("bob")
	mixed := e.infos("bob")[0].Handle[:43] + e.infos("alice")[0].Handle[43:]
	if err := e.m.RevokeOne(t.Context(), mixed); err != nil {
		t.Error(err)
	}
	e.wantDone("alive", done, false)
	if err := e.m.Revoke(t.Context(), "alice"); err != nil {
		t.Error(err)
	}
	e.wantDone("revoked", done, true)
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
