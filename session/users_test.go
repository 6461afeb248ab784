package session_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stratakv/strata/session"
)

// infos gives user's sessions.
func (e *env) infos(user string) []session.Info {
	e.t.Helper()
	var all []session.Info
	for info, err := range e.m.Sessions(e.t.Context(), user) {
		if err != nil {
			e.t.Fatal(err)
		}
		all = append(all, info)
	}
	return all
}

func (b *browser) handle() (handle string) {
	b.e.t.Helper()
	b.with(func(s *session.Session) (err error) {
		handle, err = s.Handle()
		return err
	})
	return handle
}

func TestSessionsOfAUser(t *testing.T) {
	e := newEnv(t, session.Options{Touch: minute})
	laptop, phone, other := e.browser(), e.browser(), e.browser()
	laptop.agent, phone.agent = "laptop", strings.Repeat("phone", 100)+"\xff"
	began := e.clock.Wall()
	laptop.set("k", "v")
	e.pass(minute)
	laptop.login("alice")
	phone.login("alice")
	other.login("alice2")
	e.pass(5 * minute)
	phone.wantUser("a use", "alice")
	e.pass(59 * time.Second)
	phone.wantUser("a use that is not written", "alice")

	var got []session.Info
	laptop.with(func(s *session.Session) error {
		for info, err := range e.m.Sessions(s.Context(), "alice") {
			if err != nil {
				return err
			}
			got = append(got, info)
		}
		return nil
	})
	slices.SortFunc(got, func(a, b session.Info) int { return strings.Compare(a.Agent, b.Agent) })
	want := []session.Info{
		{Handle: laptop.handle(), Created: began, LastSeen: began.Add(minute), Expires: began.Add(32 * minute), Agent: "laptop", Current: true},
		{Handle: phone.handle(), Created: began.Add(minute), LastSeen: began.Add(6 * minute), Expires: began.Add(37 * minute), Agent: strings.Repeat("phone", 32)},
	}
	if len(got) != len(want) {
		t.Fatalf("got %d sessions, want %d", len(got), len(want))
	}
	for i := range want {
		g, w := got[i], want[i]
		if g.Handle != w.Handle || !g.Created.Equal(w.Created) || !g.LastSeen.Equal(w.LastSeen) || !g.Expires.Equal(w.Expires) || g.Agent != w.Agent || g.Current != w.Current {
			t.Errorf("got  %+v\nwant %+v", g, w)
		}
	}
	if n := len(e.infos("nobody")) + len(e.infos("")); n != 0 {
		t.Errorf("nobody has %d sessions", n)
	}
}

// Anonymous sessions record nothing about the client and have no handle.
func TestAnonymousSessionRecordsNothingAboutTheClient(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	b.agent = "very special agent"
	b.set("k", "v")
	if h := b.handle(); h != "" {
		t.Error("an anonymous session has a handle")
	}
	for it, err := range e.store.whole.Scan(t.Context(), "") {
		if err != nil || strings.Contains(string(it.Value), b.agent) || strings.Contains(string(it.Value), "192.0.2") {
			t.Errorf("the record holds agent or address, %v", err)
		}
	}
}

// The handle stays over renewals and new logins of the same user; another
// user's is another.
func TestHandleStays(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	var early string
	b.with(func(s *session.Session) error {
		err := s.BindUser("alice")
		var err2 error
		early, err2 = s.Handle()
		return errors.Join(err, err2)
	})
	first := b.handle()
	b.with((*session.Session).Renew)
	second := b.handle()
	b.login("alice")
	if third := b.handle(); early != first || first != second || second != third || len(first) != 65 {
		t.Errorf("got %d characters, and the same: %v %v %v", len(first), early == first, first == second, second == third)
	}
	b.login("bob")
	if b.handle() == first {
		t.Error("another user has the same handle")
	}
	if a, bob := len(e.infos("alice")), len(e.infos("bob")); a != 0 || bob != 1 {
		t.Errorf("got %d sessions of alice and %d of bob, want 0 and 1", a, bob)
	}
}

func TestRevokeOne(t *testing.T) {
	e := newEnv(t, session.Options{})
	laptop, phone := e.browser(), e.browser()
	laptop.login("alice")
	phone.login("alice")
	handle := phone.handle()
	phone.with((*session.Session).Renew)
	if err := e.m.RevokeOne(t.Context(), handle); err != nil {
		t.Fatal(err)
	}
	phone.wantUser("the revoked session", "")
	laptop.wantUser("the other session", "alice")
	for _, h := range []string{handle, "", "x", strings.Repeat("A", 65), handle + "A", handle[:64] + "\n"} {
		if err := e.m.RevokeOne(t.Context(), h); err != nil {
			t.Errorf("a handle of nothing: got %v, want nil", err)
		}
	}
}

func TestRevokeAllButSome(t *testing.T) {
	e := newEnv(t, session.Options{})
	mine, other := e.browser(), e.browser()
	mine.login("alice")
	other.login("bob")
	var rest []*browser
	for range 150 { // more than one batch
		b := e.browser()
		b.login("alice")
		rest = append(rest, b)
	}
	if n, err := e.m.Count(t.Context(), "alice", "bob"); n != 152 || err != nil {
		t.Errorf("Count of both: got %d %v, want 152", n, err)
	}
	e.store.count()
	if err := e.m.Revoke(t.Context(), "alice", mine.handle()); err != nil {
		t.Fatal(err)
	}
	if _, writes := e.store.count(); writes > 4 {
		t.Errorf("151 sessions took %d writes", writes)
	}
	for _, b := range rest {
		b.wantUser("a revoked session", "")
	}
	mine.wantUser("the excepted one", "alice")
	other.wantUser("another user", "bob")
	if n, err := e.m.Count(t.Context(), "alice"); n != 1 || err != nil {
		t.Errorf("Count: got %d %v, want 1", n, err)
	}
	if n, err := e.m.Count(t.Context()); n != 2 || err != nil {
		t.Errorf("Count of all: got %d %v, want 2", n, err)
	}
	if err := e.m.Revoke(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	mine.wantUser("without exception", "")
	if err := errors.Join(e.m.Revoke(t.Context(), "alice"), e.m.Revoke(t.Context(), "")); err != nil {
		t.Errorf("nobody left: got %v", err)
	}
}

// Invariant 7, against what the session does before each of a revocation's calls
// of the store.
func TestRevokeMeetsWhatHappensMeanwhile(t *testing.T) {
	for what, f := range map[string]func(*session.Session) error{
		"renew":           (*session.Session).Renew,
		"renew, grace":    func(s *session.Session) error { return s.RenewGrace(minute) },
		"login":           func(s *session.Session) error { return s.BindUser("alice") },
		"change":          func(s *session.Session) error { return s.Set("k", 2) },
		"longer lifetime": func(s *session.Session) error { return s.SetLifetime(48 * time.Hour) },
	} {
		for how, left := range map[string]int{"Revoke": 0, "RevokeOne": 2} {
			for point := range 3 {
				e := newEnv(t, session.Options{})
				b := e.browser()
				for _, b := range []*browser{b, e.browser(), e.browser()} {
					b.login("alice")
				}
				handle := b.handle()
				calls := -1
				e.store.breakWith(func(string) error {
					if calls++; calls == point {
						e.store.breakWith(nil)
						b.with(f)
					}
					return nil
				})
				var err error
				if how == "Revoke" {
					err = e.m.Revoke(t.Context(), "alice")
				} else {
					err = e.m.RevokeOne(t.Context(), handle)
				}
				e.store.breakWith(nil)
				name := fmt.Sprintf("%s, %s before call %d", how, what, point)
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if calls < point && (how == "Revoke" || point < 2) {
					t.Errorf("%s: there was no such call", name)
				}
				b.wantUser(name, "")
				if n, err := e.m.Count(t.Context()); n != left || err != nil {
					t.Errorf("%s: got %d sessions, %v, want %d", name, n, err, left)
				}
			}
		}
	}
}

// The index and the records agree after anything (7): each bound session is
// found by its user, and no entry outlives what it stands for by more than its
// lifetime.
func TestIndexAgreesWithRecords(t *testing.T) {
	e := newEnv(t, session.Options{})
	users := []string{"alice", "bob"}
	b := e.browser()
	for i, f := range []func(s *session.Session) error{
		func(s *session.Session) error { return s.BindUser("alice") },
		(*session.Session).Renew,
		func(s *session.Session) error { return s.BindUser("bob") },
		func(s *session.Session) error { return s.SetLifetime(100 * time.Hour) },
		func(s *session.Session) error { return s.RenewGrace(minute) },
		func(s *session.Session) error { return errors.Join(s.Destroy("x"), s.BindUser("alice")) },
		func(s *session.Session) error { return errors.Join(s.BindUser("bob"), s.Destroy("x"), s.Set("k", 1)) },
		func(s *session.Session) error { return s.BindUser("alice") },
		func(s *session.Session) error { return s.Destroy("logout") },
	} {
		b.with(f)
		var user string
		b.with(func(s *session.Session) (err error) {
			user, err = s.User()
			return err
		})
		for _, u := range users {
			want := 0
			if u == user {
				want = 1
			}
			if got := len(e.infos(u)); got != want {
				t.Errorf("step %d: %s has %d sessions, want %d", i, u, got, want)
			}
		}
		index := 0
		for _, key := range e.store.keys(t) {
			if strings.HasPrefix(key, "web:u:") {
				index++
			}
		}
		if want := min(len(user), 1); index != want {
			t.Errorf("step %d: got %d index entries, want %d", i, index, want)
		}
	}
}

// A destroy finds a session that was renewed since it was loaded, and one that
// was changed.
func TestDestroyFindsARenewedSession(t *testing.T) {
	for _, f := range []func(*session.Session) error{
		(*session.Session).Renew,
		func(s *session.Session) error { return s.RenewGrace(minute) },
		func(s *session.Session) error { return s.BindUser("alice") },
		func(s *session.Session) error { return s.Set("k", 2) },
	} {
		e := newEnv(t, session.Options{})
		b := e.browser()
		b.login("alice")
		tab := b.tab()
		b.with(func(s *session.Session) error {
			if err := s.Load(t.Context()); err != nil {
				return err
			}
			tab.with(f)
			return s.Destroy("logout")
		})
		tab.wantUser("after the logout", "")
		if n, err := e.m.Count(t.Context()); n != 0 || err != nil {
			t.Errorf("got %d sessions, %v, want none", n, err)
		}
	}
}

// Listing reads the user's sessions, not all.
func TestSessionsReadsNoOthers(t *testing.T) {
	e := newEnv(t, session.Options{})
	for i := range 50 {
		e.browser().login(fmt.Sprint("user", i))
	}
	b := e.browser()
	b.login("alice")
	e.store.count()
	if n := len(e.infos("alice")); n != 1 {
		t.Errorf("got %d sessions, want 1", n)
	}
	e.wantCalls("one session among 51", 3, 0) // the scan of one key, its entry, its record
}

// An index entry stays until the lifetime's end when its session has idled out:
// it stands for nothing.
func TestIdleSessionsAreNotListed(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	b.login("alice")
	e.pass(time.Hour)
	if n := len(e.infos("alice")); n != 0 {
		t.Errorf("got %d sessions, want none", n)
	}
	if got := len(e.store.keys(t)); got != 1 {
		t.Errorf("got %d records, want the index entry", got)
	}
	if err := e.m.Revoke(t.Context(), "alice"); err != nil {
		t.Error(err)
	}
	b.login("alice")
	e.pass(24 * time.Hour)
	if got := len(e.store.keys(t)); got != 0 {
		t.Errorf("after its lifetime: got %d records, want none", got)
	}
}

// A session that is renewed while it is listed is listed all the same.
func TestSessionsMeetsARenewal(t *testing.T) {
	for point := range 3 {
		e := newEnv(t, session.Options{})
		b := e.browser()
		b.login("alice")
		calls := -1
		e.store.breakWith(func(string) error {
			if calls++; calls == point {
				e.store.breakWith(nil)
				b.with((*session.Session).Renew)
			}
			return nil
		})
		if n := len(e.infos("alice")); n != 1 || calls != point {
			t.Errorf("renewed before call %d: got %d sessions after %d calls, want 1", point, n, calls)
		}
	}
}

func TestSessionsStopsAndFails(t *testing.T) {
	e := newEnv(t, session.Options{})
	for range 3 {
		e.browser().login("alice")
	}
	seen := 0
	for range e.m.Sessions(t.Context(), "alice") {
		seen++
		break
	}
	if seen != 1 {
		t.Errorf("got %d, want 1", seen)
	}
	for _, broken := range []string{"scan", "get"} {
		e.store.breakWith(func(op string) error {
			if op == broken {
				return errBroken
			}
			return nil
		})
		var last error
		for info, err := range e.m.Sessions(t.Context(), "alice") {
			last = err
			if err != nil && info != (session.Info{}) {
				t.Errorf("got %+v with an error", info)
			}
		}
		wantErr(t, "Sessions, broken "+broken, last, errBroken)
		_, err := e.m.Count(t.Context(), "alice")
		wantErr(t, "Count of a user, broken "+broken, err, errBroken)
	}
	e.store.breakWith(func(op string) error { return errBroken })
	_, err := e.m.Count(t.Context())
	wantErr(t, "Count", err, errBroken)
	wantErr(t, "Revoke", e.m.Revoke(t.Context(), "alice"), errBroken)
	wantErr(t, "RevokeOne", e.m.RevokeOne(t.Context(), strings.Repeat("A", 65)), errBroken)
}
