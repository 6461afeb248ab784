package session_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stratakv/strata/session"
)

// load gives the session of token, loaded.
func (e *env) load(token string) *session.Session {
	e.t.Helper()
	s, err := e.m.Load(e.t.Context(), token)
	if err != nil {
		e.t.Fatal(err)
	}
	return s
}

// commit gives the token after it.
func (e *env) commit(s *session.Session) (string, error) {
	token, _, err := e.m.Commit(e.t.Context(), s)
	return token, err
}

// begin gives the token of a session with values k and j, that a client has
// come back with.
func (e *env) begin(user string) string {
	e.t.Helper()
	s := e.load("")
	if err := errors.Join(s.Set("k", "base"), s.Set("old", "base")); err != nil {
		e.t.Fatal(err)
	}
	if user != "" {
		if err := s.BindUser(user); err != nil {
			e.t.Fatal(err)
		}
	}
	token, err := e.commit(s)
	if err == nil {
		_, err = e.commit(e.load(token))
	}
	if err != nil {
		e.t.Fatal(err)
	}
	return token
}

// state says what token leads to: "gone", or its keys and values, with "old"
// left out while it is there.
func (e *env) state(token string) string {
	e.t.Helper()
	if token == "" {
		return "gone"
	}
	s := e.load(token)
	keys, err := s.Keys()
	if err != nil {
		e.t.Fatal(err)
	}
	if len(keys) == 0 {
		return "gone"
	}
	state := ""
	for _, key := range keys {
		v, _, err := s.Get(key)
		if err != nil {
			e.t.Fatal(err)
		}
		if key != "old" {
			state += fmt.Sprintf("%s=%v ", key, v)
		}
	}
	return state
}

// action is what a request does to its session; name says which request it is.
var actions = map[string]func(s *session.Session, name string) error{
	"set k":   func(s *session.Session, name string) error { return s.Set("k", name) },
	"set own": func(s *session.Session, name string) error { return s.Set(name, name) },
	"delete k": func(s *session.Session, _ string) error {
		return s.Delete("k")
	},
	"destroy": func(s *session.Session, _ string) error { return s.Destroy("logout") },
	"renew":   func(s *session.Session, _ string) error { return s.Renew() },
	"touch":   func(s *session.Session, _ string) error { return s.Load(s.Context()) },
}

// The table of the package documentation, "Concurrent requests": A and B both
// load, A commits, B commits. What A's token, or B's if A has none, leads to at
// the end, and B's error.
func TestTwoRequestsAtOnce(t *testing.T) {
	revoked := "revoked"
	order := []string{"set k", "set own", "delete k", "destroy", "renew", "touch"}
	type cell struct{ state, err string }
	// Columns in order: what B does.
	table := map[string][]cell{
		"set k":    {{"k=B ", ""}, {"B=B k=A ", ""}, {"", ""}, {"gone", ""}, {"k=A ", ""}, {"k=A ", ""}},
		"set own":  {{"A=A k=B ", ""}, {"A=A B=B k=base ", ""}, {"A=A ", ""}, {"gone", ""}, {"A=A k=base ", ""}, {"A=A k=base ", ""}},
		"delete k": {{"k=B ", ""}, {"B=B ", ""}, {"", ""}, {"gone", ""}, {"", ""}, {"", ""}},
		"destroy":  {{"gone", revoked}, {"gone", revoked}, {"gone", revoked}, {"gone", ""}, {"gone", revoked}, {"gone", ""}},
		"renew":    {{"k=base ", revoked}, {"k=base ", revoked}, {"k=base ", revoked}, {"gone", ""}, {"k=base ", revoked}, {"k=base ", ""}},
		"touch":    {{"k=B ", ""}, {"B=B k=base ", ""}, {"", ""}, {"gone", ""}, {"k=base ", ""}, {"k=base ", ""}},
	}
	for _, user := range []string{"", "alice"} {
		for _, a := range order {
			for i, b := range order {
				name := fmt.Sprintf("user %q: %s, then %s", user, a, b)
				want := table[a][i]
				if user == "" && a == "renew" && b == "destroy" {
					want.state = "k=base " // as if B had come first: without a user nothing leads to the new id
				}
				e := newEnv(t, session.Options{Touch: -1})
				token := e.begin(user)
				sa, sb := e.load(token), e.load(token)
				e.pass(minute)
				if err := errors.Join(actions[a](sa, "A"), actions[b](sb, "B")); err != nil {
					t.Fatal(name, err)
				}
				tokenA, err := e.commit(sa)
				if err != nil {
					t.Errorf("%s: A: got %v", name, err)
				}
				tokenB, err := e.commit(sb)
				if errors.Is(err, session.ErrRevoked) != (want.err == revoked) || want.err == "" && err != nil {
					t.Errorf("%s: B: got %v, want %q", name, err, want.err)
				}
				last := tokenB // the newest id that a client has
				if a == "renew" || last == "" {
					last = tokenA
				}
				if got := e.state(last); got != want.state {
					t.Errorf("%s: got %q, want %q", name, got, want.state)
				}
				// The fence: an id that was given up stays dead.
				if old := e.state(token); old != "gone" && last != token {
					t.Errorf("%s: the old id leads to %q", name, old)
				}
				if a == "destroy" && e.state(token) != "gone" {
					t.Errorf("%s: the destroyed session is back", name)
				}
			}
		}
	}
}

// Clear takes away what the request saw, not what another adds meanwhile.
func TestClearLeavesWhatWasAddedMeanwhile(t *testing.T) {
	e := newEnv(t, session.Options{})
	token := e.begin("")
	a, b := e.load(token), e.load(token)
	if err := errors.Join(a.Set("new", 1), b.Clear()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.commit(a); err != nil {
		t.Fatal(err)
	}
	if _, err := e.commit(b); err != nil {
		t.Fatal(err)
	}
	if keys, err := e.load(token).Keys(); !slices.Equal(keys, []string{"new"}) || err != nil {
		t.Errorf("got %q %v, want new", keys, err)
	}
}

// Setting a key to what it was is no change: another request's change stays.
func TestUnchangedKeyLosesToAChangedOne(t *testing.T) {
	e := newEnv(t, session.Options{})
	token := e.begin("")
	a, b := e.load(token), e.load(token)
	if err := errors.Join(a.Set("k", "A"), b.Set("k", "base"), b.Set("j", "B")); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*session.Session{a, b} {
		if _, err := e.commit(s); err != nil {
			t.Fatal(err)
		}
	}
	if got := e.state(token); got != "j=B k=A " {
		t.Errorf("got %q, want A's k and B's j", got)
	}
}

func TestStrict(t *testing.T) {
	tests := []struct {
		name     string
		a, b     func(s *session.Session) error
		conflict bool
	}{
		{"same key", set("k", "A"), set("k", "B"), true},
		{"same key, same value", set("k", "A"), set("k", "A"), false},
		{"set and delete", set("k", "A"), del("k"), true},
		{"delete and set", del("k"), set("k", "B"), true},
		{"both delete", del("k"), del("k"), false},
		{"both add", set("n", "A"), set("n", "B"), true},
		{"disjoint keys", set("a", "A"), set("b", "B"), false},
		{"set to what it was", set("k", "A"), set("k", "base"), false},
	}
	for _, tt := range tests {
		for _, how := range []string{"option", "request"} {
			opts := session.Options{}
			if how == "option" {
				opts.Mode = session.Strict
			}
			e := newEnv(t, opts)
			token := e.begin("")
			a, b := e.load(token), e.load(token)
			err := errors.Join(tt.a(a), tt.b(b), b.Set("more", "B"))
			if how == "request" {
				err = errors.Join(err, b.SetMode(session.Strict))
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := e.commit(a); err != nil {
				t.Fatal(err)
			}
			_, err = e.commit(b)
			if errors.Is(err, session.ErrConflict) != tt.conflict || !tt.conflict && err != nil {
				t.Errorf("%s, by %s: got %v, want a conflict: %v", tt.name, how, err, tt.conflict)
			}
			_, saved, err := e.load(token).Get("more")
			if saved == tt.conflict || err != nil {
				t.Errorf("%s, by %s: the rest of B's changes: saved %v, %v", tt.name, how, saved, err)
			}
		}
	}
	e := newEnv(t, session.Options{Mode: session.Strict})
	token := e.begin("")
	a, b := e.load(token), e.load(token)
	if err := errors.Join(b.SetMode(session.Merge), a.Set("k", "A"), b.Set("k", "B")); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*session.Session{a, b} {
		if _, err := e.commit(s); err != nil {
			t.Errorf("merging asked for by the request: got %v", err)
		}
	}
}

func set(key string, v any) func(*session.Session) error {
	return func(s *session.Session) error { return s.Set(key, v) }
}

func del(key string) func(*session.Session) error {
	return func(s *session.Session) error { return s.Delete(key) }
}

// Many at once, each with a key of its own and one in common: nothing is lost.
func TestManyRequestsAtOnceLoseNothing(t *testing.T) {
	e := newEnv(t, session.Options{})
	token := e.begin("alice")
	const n = 16
	done := make(chan error, n)
	for i := range n {
		go func() {
			for round := range 4 {
				s, err := e.m.Load(t.Context(), token)
				if err == nil {
					err = errors.Join(s.Set(fmt.Sprintf("%d/%d", i, round), round), s.Set("last", i), s.Flash("f", i))
				}
				if err == nil {
					_, err = e.commit(s)
				}
				if err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range n {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	s := e.load(token)
	keys, err := s.Keys()
	if len(keys) != n*4+3 || err != nil {
		t.Errorf("got %d keys, %v, want %d", len(keys), err, n*4+3)
	}
	if flashes, err := s.Flashes("f"); len(flashes) != n*4 || err != nil {
		t.Errorf("got %d flashes, %v, want %d", len(flashes), err, n*4)
	}
}

// Settings of two requests meet like keys do.
func TestSettingsMerge(t *testing.T) {
	e := newEnv(t, session.Options{Touch: -1})
	token := e.begin("")
	a, b := e.load(token), e.load(token)
	if err := errors.Join(a.SetIdle(minute), b.SetPersistent(true), b.SetLifetime(10*minute)); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*session.Session{a, b} {
		if _, err := e.commit(s); err != nil {
			t.Fatal(err)
		}
	}
	e.pass(minute)
	if got := e.state(token); got != "gone" {
		t.Errorf("A's idle timeout was lost: got %q", got)
	}
}

// A short idle timeout that one request sets is not undone by the touch of
// another that began before.
func TestTouchDoesNotUndoAShorterIdleTimeout(t *testing.T) {
	e := newEnv(t, session.Options{Touch: -1})
	token := e.begin("")
	late := e.load(token)
	s := e.load(token)
	if err := s.SetIdle(minute); err != nil {
		t.Fatal(err)
	}
	if _, err := e.commit(s); err != nil {
		t.Fatal(err)
	}
	e.pass(30 * 1e9)
	if _, err := e.commit(late); err != nil {
		t.Fatal(err)
	}
	e.pass(minute)
	if got := e.state(token); got != "gone" {
		t.Errorf("got %q, want the session to have idled out", got)
	}
}

// A login while another request ends the old session is a login all the same,
// and brings none of the old data back.
func TestLoginOutlivesTheOldSession(t *testing.T) {
	for _, end := range []string{"destroy", "renew", "login"} {
		e := newEnv(t, session.Options{})
		token := e.begin("")
		a, b := e.load(token), e.load(token)
		var err error
		switch end {
		case "login":
			err = a.BindUser("alice")
		default:
			err = actions[end](a, "A")
		}
		if err := errors.Join(err, b.BindUser("bob"), b.Set("mine", 1)); err != nil {
			t.Fatal(err)
		}
		if _, err := e.commit(a); err != nil {
			t.Fatal(err)
		}
		tokenB, err := e.commit(b)
		if err != nil {
			t.Errorf("%s: got %v, want a login", end, err)
			continue
		}
		if v, found, err := b.Get("k"); found || err != nil {
			t.Errorf("%s: after the commit the old session's k is %v, %v", end, v, err)
		}
		if got := e.state(tokenB); got != "mine=1 " {
			t.Errorf("%s: got %q, want only what the login itself set", end, got)
		}
		if user, err := e.load(tokenB).User(); user != "bob" || err != nil {
			t.Errorf("%s: got %q %v, want bob", end, user, err)
		}
		if n, err := e.m.Count(t.Context(), "bob"); n != 1 || err != nil {
			t.Errorf("%s: in the index: got %d %v, want 1", end, n, err)
		}
	}
}

// A write to a session whose id was renewed with grace goes to the new id.
func TestLateWriteFollowsTheGrace(t *testing.T) {
	e := newEnv(t, session.Options{})
	token := e.begin("alice")
	a, b := e.load(token), e.load(token)
	if err := errors.Join(a.RenewGrace(minute), b.Set("k", "B")); err != nil {
		t.Fatal(err)
	}
	tokenA, err := e.commit(a)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.commit(b); err != nil {
		t.Fatal(err)
	}
	if got := e.state(tokenA); got != "k=B " {
		t.Errorf("got %q, want B's k under A's id", got)
	}
}
