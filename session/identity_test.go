package session_test

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stratakv/strata/session"
)

// Invariant 3: an id that a client brings along is never used.
func TestUnknownIDIsNotAdopted(t *testing.T) {
	e := newEnv(t, session.Options{})
	for _, token := range []string{session.NewID(), "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef", "0", someID + "\n", strings.Repeat("a", 1<<16)} {
		b := e.browser()
		b.cookie = token
		var reason string
		res := b.with(func(s *session.Session) error {
			_, found, err := s.Get("k")
			if found {
				t.Error("a value was found under an id that was made up")
			}
			reason = s.Reason()
			return err
		})
		wantStatus(t, "an unknown id", res, http.StatusOK)
		if len(res.Cookies()) != 0 {
			t.Error("a read with an unknown id set or cleared a cookie (10)")
		}
		if session.IsID(token) && reason != session.ReasonUnknown {
			t.Errorf("got reason %q, want %q", reason, session.ReasonUnknown)
		}
		b.login("victim")
		if b.cookie == token || !session.IsID(b.cookie) {
			t.Error("the login kept the id that the client came with")
		}
		thief := e.browser()
		thief.cookie = token
		thief.wantUser("with the injected id", "")
	}
}

func TestRenewKeepsDataAndKillsTheOldID(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	b.with(func(s *session.Session) error { return errors.Join(s.Flash("f", 1), s.SetFor("code", 1, minute)) })
	old := b.tab()
	b.with((*session.Session).Renew)
	if b.cookie == old.cookie {
		t.Fatal("the id is the same")
	}
	old.want("with the old id", "k", nil)
	b.want("with the new id", "k", "v")
	b.want("with the new id", "code", int64(1))
	b.wantFlashes("with the new id", "f", int64(1))
	e.pass(minute)
	b.want("after its own lifetime", "code", nil)
}

// Renewal moves neither the absolute end nor the index handle.
func TestRenewDoesNotProlong(t *testing.T) {
	e := newEnv(t, session.Options{Idle: time.Hour, Lifetime: time.Hour})
	b := e.browser()
	b.login("alice")
	e.pass(30 * minute)
	b.with((*session.Session).Renew)
	e.pass(30*minute - time.Millisecond)
	b.wantUser("before its end", "alice")
	e.pass(time.Millisecond)
	b.wantUser("at its end", "")
}

// The grace of an old id: requests that are under way read and write the
// session; after it the id is dead, and the client is never told to forget.
func TestRenewGrace(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	b.with(func(s *session.Session) error { return s.SetPersistent(true) })
	old := b.tab()
	b.with(func(s *session.Session) error { return s.RenewGrace(10 * time.Second) })
	res := old.with(func(s *session.Session) error { return s.Set("from old", 1) })
	if len(res.Cookies()) != 0 {
		t.Error("a request with the old id was given a cookie")
	}
	b.want("with the new id", "from old", int64(1))
	e.pass(10*time.Second - time.Millisecond)
	old.want("before the grace's end", "k", "v")
	e.pass(time.Millisecond)
	old.want("at the grace's end", "k", nil)
	b.want("with the new id", "k", "v")
}

// The moved record says itself until when it stands.
func TestGraceEndsWhateverTheStoreSays(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	old := b.tab()
	b.with(func(s *session.Session) error { return s.RenewGrace(10 * time.Second) })
	for it, err := range e.store.whole.Scan(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		it.Expires = time.Time{}
		if _, err := e.store.whole.SetItem(t.Context(), it); err != nil {
			t.Fatal(err)
		}
	}
	e.pass(10 * time.Second)
	old.want("at the grace's end", "k", nil)
	e.pass(time.Hour)
	b.want("past the session's end", "k", nil)
}

// Renew and BindUser in the same request take the grace away, in any order.
func TestGraceIsTakenAway(t *testing.T) {
	for name, f := range map[string]func(s *session.Session) error{
		"grace, then Renew": func(s *session.Session) error { return errors.Join(s.RenewGrace(minute), s.Renew()) },
		"Renew, then grace": func(s *session.Session) error { return errors.Join(s.Renew(), s.RenewGrace(minute)) },
		"grace, then login": func(s *session.Session) error { return errors.Join(s.RenewGrace(minute), s.BindUser("alice")) },
		"login, then grace": func(s *session.Session) error { return errors.Join(s.BindUser("alice"), s.RenewGrace(minute)) },
	} {
		e := newEnv(t, session.Options{})
		b := e.returned()
		old := b.tab()
		b.with(f)
		old.want(name, "k", nil)
		b.want(name, "k", "v")
	}
}

// Renew without grace by a request whose id is in its grace kills that id too.
func TestRenewWithAnIDInItsGrace(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	old := b.tab()
	b.with(func(s *session.Session) error { return s.RenewGrace(minute) })
	first := b.tab()
	again := old.tab()
	again.with((*session.Session).Renew)
	old.want("the first id", "k", nil)
	first.want("the second id", "k", nil)
	again.want("the third id", "k", "v")
}

// A renewal with grace by a client that has not yet got the id of the last one
// leaves it be: the old id leads where it did.
func TestGraceIsNoChain(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	second, third := b.tab(), b.tab()
	renew := func(s *session.Session) error { return s.RenewGrace(minute) }
	b.with(renew)
	if res := second.with(renew); len(res.Cookies()) != 0 {
		t.Error("the second renewal gave an id of its own")
	}
	third.want("the first id, within its grace", "k", "v")
	b.want("the second id", "k", "v")
	b.with(renew)
	third.want("the first id, after a renewal of the second", "k", nil)
	b.want("the third id", "k", "v")
}

// A second renewal with grace leaves the first one be: one id goes out, not two.
func TestTwoRenewalsAtOnceAreOne(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	tab := b.tab()
	renew := func(s *session.Session) error { return s.RenewGrace(minute) }
	res := tab.with(func(s *session.Session) error {
		if err := s.Set("late", 1); err != nil {
			return err
		}
		b.with(renew)
		return renew(s)
	})
	if len(res.Cookies()) != 0 {
		t.Error("the second renewal gave an id of its own")
	}
	b.want("with the id of the first", "late", int64(1))
}

// Invariant 12.
func TestLoginRenews(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	before := b.tab()
	b.login("alice")
	before.want("the id before login", "k", nil)
	b.want("after login", "k", "v")
	alice := b.tab()
	b.login("bob")
	alice.wantUser("the id of alice", "")
	b.wantUser("after the second login", "bob")
	bob := b.tab()
	b.login("bob")
	bob.wantUser("bob's id before he proved himself again", "")
}

// What one user chose for a session is not the next one's.
func TestLoginOfAnotherUserForgetsLifetimes(t *testing.T) {
	for next, stays := range map[string]bool{"alice": true, "bob": false} {
		e := newEnv(t, session.Options{})
		b := e.returned()
		b.with(func(s *session.Session) error {
			return errors.Join(s.BindUser("alice"), s.SetPersistent(true), s.SetIdle(2*time.Hour), s.SetLifetime(48*time.Hour))
		})
		res := b.with(func(s *session.Session) error { return s.BindUser(next) })
		if c := res.Cookies(); len(c) != 1 || (c[0].MaxAge > 0) != stays {
			t.Errorf("%s: got cookies %v, want Max-Age: %v", next, c, stays)
		}
		e.pass(time.Hour)
		b.wantUser("an hour later", map[bool]string{true: next}[stays])
	}
}

// A new proof of identity begins the lifetime anew; mere use does not.
func TestReauthenticationResetsBothTimers(t *testing.T) {
	e := newEnv(t, session.Options{Idle: 40 * minute, Lifetime: time.Hour})
	b := e.browser()
	b.login("alice")
	e.pass(30 * minute)
	b.login("alice")
	e.pass(39 * minute)
	b.wantUser("past the first login's lifetime", "alice")
	e.pass(21*minute - time.Millisecond)
	b.wantUser("before the second login's end", "alice")
	e.pass(time.Millisecond)
	b.wantUser("at the second login's end", "")
}

func TestDestroy(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	b.login("alice")
	tab := b.tab()
	var reason string
	res := b.with(func(s *session.Session) error {
		err := s.Destroy("logout")
		_, found, err2 := s.Get("k")
		if found {
			t.Error("a value was found after Destroy")
		}
		reason = s.Reason()
		return errors.Join(err, err2)
	})
	if reason != "logout" {
		t.Errorf("got reason %q, want logout", reason)
	}
	if c := res.Cookies(); len(c) != 1 || c[0].MaxAge >= 0 || c[0].Value != "" {
		t.Errorf("got cookies %v, want the session's cleared", c)
	}
	if keys := e.store.keys(t); len(keys) != 0 {
		t.Errorf("the store still has %d records", len(keys))
	}
	tab.wantUser("with the old id", "")
	b.with(func(s *session.Session) error {
		if got := s.Reason(); got != "" {
			t.Errorf("next request: got reason %q, want none", got)
		}
		return nil
	})
}

// What is set after Destroy begins another session, with none of the old data.
func TestDestroyAndBeginAnew(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	b.login("alice")
	tab := b.tab()
	b.with(func(s *session.Session) error { return errors.Join(s.Destroy("logout"), s.Set("new", 1)) })
	if !session.IsID(b.cookie) || b.cookie == tab.cookie {
		t.Error("no new id was sent")
	}
	b.want("new session", "new", int64(1))
	b.want("new session", "k", nil)
	b.wantUser("new session", "")
	tab.want("old session", "new", nil)
}

func TestDestroyWithoutASession(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	b.cookie = session.NewID()
	b.with(func(s *session.Session) error { return s.Destroy("logout") })
	if b.cookie != "" {
		t.Error("the cookie was not cleared")
	}
	e.wantCalls("an unknown id destroyed", 1, 0)
}

// A session whose id is in its grace is ended under all its ids.
func TestDestroyWithAnIDInItsGrace(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	b.login("alice")
	old := b.tab()
	b.with(func(s *session.Session) error { return s.RenewGrace(minute) })
	late := old.tab()
	old.with(func(s *session.Session) error { return s.Destroy("logout") })
	b.wantUser("with the new id", "")
	late.wantUser("with the old id", "")
	if n, err := e.m.Count(t.Context()); n != 0 || err != nil {
		t.Errorf("got %d sessions, %v, want none", n, err)
	}
}

// A session without a user that is renewed with grace, or changed, while it is
// ended is ended all the same.
func TestDestroyBesideAnAnonymousRenewal(t *testing.T) {
	for name, f := range map[string]func(*session.Session) error{
		"renewed": func(s *session.Session) error { return s.RenewGrace(minute) }, "changed": set("k", 2),
	} {
		e := newEnv(t, session.Options{})
		b := e.returned()
		tab := b.tab()
		res := b.with(func(s *session.Session) error {
			err := s.Destroy("logout")
			tab.with(f)
			return err
		})
		if c := res.Cookies(); len(c) != 1 || c[0].MaxAge >= 0 {
			t.Errorf("%s: got cookies %v, want it cleared", name, c)
		}
		tab.want(name, "k", nil)
		if n, err := e.m.Count(t.Context()); n != 0 || err != nil {
			t.Errorf("%s: got %d sessions, %v, want none", name, n, err)
		}
	}
}

// A panic saves nothing but a Destroy.
func TestPanicSavesOnlyADestroy(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	panicking := func(f func(s *session.Session) error) {
		defer func() {
			if got := recover(); got != "oops" {
				t.Errorf("got panic %v, want the handler's", got)
			}
		}()
		b.with(func(s *session.Session) error {
			if err := f(s); err != nil {
				t.Error(err)
			}
			panic("oops")
		})
	}
	var late *session.Session
	panicking(func(s *session.Session) error { late = s; return s.Set("k", "changed") })
	wantErr(t, "a change after the panic", late.Set("k", 1), session.ErrFinal)
	b.want("after a change and a panic", "k", "v")
	panicking(func(s *session.Session) error { return errors.Join(s.Destroy("logout"), s.Set("new", 1)) })
	b.want("after Destroy and a panic", "k", nil)
	if keys := e.store.keys(t); len(keys) != 0 {
		t.Errorf("the store still has %d records", len(keys))
	}
}

func TestBinding(t *testing.T) {
	type visit struct{ agent, address, reason string }
	tests := []struct {
		name    string
		binding session.Binding
		begin   visit
		visits  []visit
	}{
		{"off", session.Binding{}, visit{"a", "192.0.2.7:1", ""}, []visit{{"b", "198.51.100.1:1", ""}}},
		{"agent", session.Binding{Agent: true}, visit{"a", "192.0.2.7:1", ""}, []visit{
			{"a", "198.51.100.1:1", ""}, {"b", "192.0.2.7:1", session.ReasonAgent}, {"", "192.0.2.7:1", session.ReasonAgent}}},
		{"no agent at the beginning", session.Binding{Agent: true}, visit{"", "192.0.2.7:1", ""}, []visit{{"b", "192.0.2.7:1", ""}}},
		{"IPv4", session.Binding{IPv4Bits: 24}, visit{"a", "192.0.2.7:1", ""}, []visit{
			{"b", "192.0.2.255:9", ""}, {"a", "[::ffff:192.0.2.9]:1", ""}, {"a", "192.0.3.7:1", session.ReasonAddress},
			{"a", "[2001:db8::1]:1", session.ReasonAddress}, {"a", "@", session.ReasonAddress}}},
		{"IPv6", session.Binding{IPv6Bits: 64}, visit{"a", "[2001:db8::1%eth0]:1", ""}, []visit{
			{"a", "[2001:db8::ffff]:1", ""}, {"a", "[2001:db8:0:1::1]:1", session.ReasonAddress}}},
		{"IPv6 alone leaves IPv4 free", session.Binding{IPv6Bits: 64}, visit{"a", "192.0.2.7:1", ""}, []visit{{"a", "198.51.100.1:1", ""}}},
		{"unknown at the beginning", session.Binding{IPv4Bits: 24}, visit{"a", "@", ""}, []visit{{"a", "198.51.100.1:1", ""}}},
	}
	for _, tt := range tests {
		e := newEnv(t, session.Options{Binding: tt.binding})
		b := e.browser()
		b.agent, b.address = tt.begin.agent, tt.begin.address
		b.set("k", "v")
		for _, v := range tt.visits {
			c := b.tab()
			c.agent, c.address = v.agent, v.address
			var reason string
			var found bool
			res := c.with(func(s *session.Session) (err error) {
				_, found, err = s.Get("k")
				reason = s.Reason()
				return err
			})
			if found != (v.reason == "") || reason != v.reason || len(res.Cookies()) != 0 {
				t.Errorf("%s: %v: got found %v, reason %q, cookies %v", tt.name, v, found, reason, res.Cookies())
			}
			b.want(tt.name+": the session itself", "k", "v")
		}
	}
}

// Turning a check on ends no session that has nothing recorded: the ancestors'
// did.
func TestBindingTurnedOnEndsNoSession(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	b.m = e.manager(session.Options{Binding: session.Binding{Agent: true, IPv4Bits: 32}})
	b.agent, b.address = "other", "198.51.100.1:1"
	b.want("with checks turned on", "k", "v")
	b.login("alice")
	stolen := b.tab()
	stolen.address = "203.0.113.1:1"
	stolen.wantUser("bound at login", "")
}

// Behind a proxy the address is what Binding.Address says.
func TestBindingToAnAddressFromAProxy(t *testing.T) {
	e := newEnv(t, session.Options{Binding: session.Binding{IPv4Bits: 24, Address: func(r *http.Request) netip.Addr {
		addr, _ := netip.ParseAddr(r.UserAgent()) // in place of a header of the proxy's
		return addr
	}}})
	b := e.browser()
	b.agent = "203.0.113.5"
	b.set("k", "v")
	b.address = "198.51.100.1:1" // another proxy
	b.want("the same client", "k", "v")
	b.agent = "203.0.112.5"
	b.want("another client", "k", nil)
}

// Outside net/http nothing is known of the client, and nothing is checked.
func TestBindingIsNotCheckedOutsideHTTP(t *testing.T) {
	e := newEnv(t, session.Options{Binding: session.Binding{Agent: true, IPv4Bits: 32}})
	b := e.returned()
	if v, found, err := e.load(b.cookie).Get("k"); v != "v" || !found || err != nil {
		t.Errorf("got %v %v %v, want v", v, found, err)
	}
}
