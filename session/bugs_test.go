package session_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stratakv/strata/session"
)

// Bugs of the ancestors' session plugin and of scs 2.9.0, each as what must not
// happen again. Those of their stores are in store_bugs_test.go; these have
// tests elsewhere:
//
//	an id that came from outside is adopted                 TestUnknownIDIsNotAdopted
//	a flash set again to the same value is dropped          TestFlashSetAgainToTheSameValueSurvives
//	turning a check of clients on ends the live sessions    TestBindingTurnedOnEndsNoSession
//	five and more calls of the store to read a session      TestStoreCallsOfARequest
//	logout ends with the reason lost, or no new session     TestDestroyAndBeginAnew
//	a session that is begun after the first byte is lost    TestChangeAfterTheFirstByteIsRefused

// scs: of two requests that change different keys the first one's is lost.
func TestBugChangeOfAnotherKeyIsLost(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	b.with(func(s *session.Session) error {
		err := errors.Join(s.Set("slow", 1), s.Delete("k"))
		b.tab().set("fast", 2)
		return err
	})
	b.want("the first to save", "fast", int64(2))
	b.want("the last to save", "slow", int64(1))
	b.want("what it deleted", "k", nil)
}

// scs: with an idle timeout every request writes, and one that only reads brings
// back a session that was destroyed beside it.
func TestBugReadUndoesALogout(t *testing.T) {
	for _, user := range []string{"", alice} {
		e := newEnv(t, session.Options{Touch: -1})
		b := e.returned()
		if user != "" {
			b.login(user)
		}
		thief := b.tab()
		e.pass(minute)
		b.tab().with(func(s *session.Session) error {
			_, _, err := s.Get("k")
			b.with(func(s *session.Session) error { return s.Destroy("logout") })
			return err
		})
		thief.want("after the logout", "k", nil)
		if n := len(e.store.keys(t)); n != 0 {
			t.Errorf("user %q: %d records are left", user, n)
		}
	}
}

// scs: a late write makes the id valid again that a login had replaced, and
// session fixation with it.
func TestBugLateWriteUndoesARenewal(t *testing.T) {
	for name, renew := range map[string]func(s *session.Session) error{
		"Renew":    (*session.Session).Renew,
		"BindUser": func(s *session.Session) error { return s.BindUser(alice) },
	} {
		e := newEnv(t, session.Options{})
		b := e.returned()
		thief, slow := b.tab(), b.tab() // the thief fixed the id
		var err error
		res := slow.do(func(_ http.ResponseWriter, r *http.Request) {
			err = session.From(r.Context()).Set("k", "late")
			b.with(renew)
		})
		wantStatus(t, name+": the late write", res, http.StatusConflict)
		if err != nil || len(res.Cookies()) != 0 {
			t.Errorf("%s: got %v and cookies %v, want no cookie over that of the login", name, err, res.Cookies())
		}
		thief.want(name+": with the old id", "k", nil)
		b.want(name+": with the new one", "k", "v")
	}
}

// scs: with hashed tokens "log out everywhere" deletes nothing, because what it
// finds in the store is hashed once more.
func TestBugLogoutEverywhereEndsNothing(t *testing.T) {
	for name, everywhere := range map[string]func(e *env) error{
		"Revoke": func(e *env) error { return e.m.Revoke(t.Context(), alice) },
		"one by one": func(e *env) error {
			for _, info := range e.infos(alice) {
				if err := e.m.RevokeOne(t.Context(), info.Handle); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		e := newEnv(t, session.Options{})
		devices := make([]*browser, 3)
		for i := range devices {
			devices[i] = e.browser()
			devices[i].login(alice)
		}
		other := e.browser()
		other.login(carol)
		if err := everywhere(e); err != nil {
			t.Error(err)
		}
		for _, b := range devices {
			b.wantUser(name+": after it", "")
		}
		other.wantUser(name+": somebody else", carol)
		if n := len(e.store.keys(t)); n != 2 {
			t.Errorf("%s: got %d records, want those of the other user", name, n)
		}
	}
}

// A loose pattern let a newline, digits of other scripts and ids of 1 MB pass,
// and refused "0"; what it refused was an error page.
func TestBugStrangeIDIsAnErrorPage(t *testing.T) {
	e := newEnv(t, session.Options{})
	hex := strings.Repeat("deadbeef", 5)
	for _, token := range []string{
		"0", hex, hex + "\n", someID + "\n", someID + "%0A", strings.Repeat("\u0663", 43), strings.Repeat("a", 1<<20),
		`"` + someID + `"`, "<script>", "\x00", " ",
	} {
		b := e.browser()
		b.cookie = token
		res := b.with(func(s *session.Session) error {
			_, found, err := s.Get("k")
			if found {
				t.Errorf("%.50q: a value was found", token)
			}
			return err
		})
		wantStatus(t, token[:min(len(token), 50)], res, http.StatusOK)
		if len(res.Header["Set-Cookie"]) != 0 {
			t.Errorf("%.50q: got %q", token, res.Header["Set-Cookie"])
		}
	}
	e.wantCalls("ids that are none", 0, 0)
	if log := e.log.String(); log != "" {
		t.Errorf("got log %q", log)
	}
}

// An expiry could be moved later only: 10 s were 7200 s again in the next
// request.
func TestBugExpiryCannotShorten(t *testing.T) {
	for name, shorten := range map[string]func(s *session.Session) error{
		"SetIdle":     func(s *session.Session) error { return s.SetIdle(10 * time.Second) },
		"SetLifetime": func(s *session.Session) error { return s.SetLifetime(10 * time.Second) },
	} {
		e := newEnv(t, session.Options{Idle: 2 * time.Hour, Touch: -1})
		b := e.returned()
		b.with(shorten)
		b.set("k", "changed")
		e.pass(10*time.Second - time.Millisecond)
		if n, err := e.m.Count(t.Context()); n != 1 || err != nil {
			t.Errorf("%s: before its end: got %d sessions, %v", name, n, err)
		}
		e.pass(time.Millisecond)
		b.want(name+": at its end", "k", nil)
	}
}

// A new id forgot the session's own expiry: 1000000 s were 7200 s again.
func TestBugRenewalForgetsExpiry(t *testing.T) {
	for name, renew := range map[string]func(s *session.Session) error{
		"Renew":      (*session.Session).Renew,
		"RenewGrace": func(s *session.Session) error { return s.RenewGrace(minute) },
		"BindUser":   func(s *session.Session) error { return s.BindUser(alice) },
	} {
		const long = 1_000_000 * time.Second
		e := newEnv(t, session.Options{Touch: -1})
		b := e.returned()
		b.with(func(s *session.Session) error { return errors.Join(s.SetIdle(long), s.SetLifetime(2*long)) })
		b.with(renew)
		e.pass(long - time.Millisecond)
		b.want(name+": before its end", "k", "v")
		e.pass(long)
		b.want(name+": at its end", "k", nil)
	}
}

// To change the expiry without a session wrote a record that belongs to none.
func TestBugExpiryWithoutASession(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	res := b.with(func(s *session.Session) error {
		return errors.Join(s.SetIdle(minute), s.SetLifetime(time.Hour), s.SetPersistent(true), s.Renew(), s.RenewGrace(minute))
	})
	if n := len(e.store.keys(t)); n != 0 || len(res.Cookies()) != 0 {
		t.Errorf("got %d records and cookies %v, want none", n, res.Cookies())
	}
}

// To clear the flash erased the whole session if nothing else had loaded it.
func TestBugClearingFlashErasesSession(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	b.login(alice)
	b.flash("note", "saved")
	b.wantFlashes("taken away, and nothing else used", "note", "saved")
	b.wantFlashes("gone", "note")
	b.want("after it", "k", "v")
	b.wantUser("after it", alice)
}

// A flash cost a write of its own, beside the session's.
func TestBugFlashCostsAWriteOfItsOwn(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	b.flash("note", "one")
	e.store.count()
	b.with(func(s *session.Session) error {
		_, err := s.Flashes("note")
		return errors.Join(err, s.Flash("note", "two"), s.Set("k", "w"), s.SetIdle(minute))
	})
	e.wantCalls("flash shown and left, value and expiry set", 1, 1)
}

// A session whose data was gone and whose expiry was not was begun anew under
// its old id; one whose expiry was gone lost its data. There is one record, and
// who comes without it gets another id.
func TestBugLostRecordKeepsItsID(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	b.login(alice)
	old := b.cookie
	for _, key := range e.store.keys(t) {
		if strings.HasPrefix(key, "web:s:") {
			if err := e.store.whole.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.wantUser("without the record", "")
	if infos := e.infos(alice); len(infos) != 0 {
		t.Errorf("got %d sessions of the user, want none", len(infos))
	}
	b.set("k", "anew")
	if b.cookie == old {
		t.Error("the old id was used again")
	}
	thief := b.tab()
	thief.cookie = old
	thief.want("with the old id", "k", nil)
}
