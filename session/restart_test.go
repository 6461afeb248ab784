//go:build !wasm

package session_test

import (
	"errors"
	"testing"

	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

// Sessions, their users and their ends outlive the process.
func TestSessionsSurviveARestart(t *testing.T) {
	clock, dir, shared := storetest.NewClock(), t.TempDir(), t.TempDir()
	open := func() (*tiered.Store, *session.Manager) {
		t.Helper()
		store, err := tiered.Open(dir, &tiered.Options{Clock: clock, SharedDir: shared})
		if err != nil {
			t.Fatal(err)
		}
		m, err := session.New(store, nil)
		if err != nil {
			t.Fatal(err)
		}
		return store, m
	}
	end := func(store *tiered.Store, m *session.Manager) {
		t.Helper()
		if err := errors.Join(m.Close(), store.Close()); err != nil {
			t.Fatal(err)
		}
	}
	load := func(m *session.Manager, token string) *session.Session {
		t.Helper()
		s, err := m.Load(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	commit := func(m *session.Manager, s *session.Session) string {
		t.Helper()
		token, _, err := m.Commit(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}

	store, m := open()
	var tokens [2]string
	for i := range tokens {
		s := load(m, "")
		if err := errors.Join(s.Set("k", "v"), s.BindUser("alice")); err != nil {
			t.Fatal(err)
		}
		tokens[i] = commit(m, s)
	}
	s := load(m, tokens[1])
	if err := s.Destroy("logout"); err != nil {
		t.Fatal(err)
	}
	commit(m, s)
	end(store, m)

	clock.Advance(29 * minute)
	store, m = open()
	if v, found, err := load(m, tokens[0]).Get("k"); v != "v" || !found || err != nil {
		t.Errorf("29 min later: got %v %v %v, want v", v, found, err)
	}
	if user, err := load(m, tokens[1]).User(); user != "" || err != nil {
		t.Errorf("the destroyed one: got %q %v, want nobody", user, err)
	}
	if n, err := m.Count(t.Context(), "alice"); n != 1 || err != nil {
		t.Errorf("alice has %d sessions, %v, want 1", n, err)
	}
	end(store, m)

	clock.Advance(3 * minute)
	store, m = open()
	if n, err := m.Count(t.Context(), "alice"); n != 0 || err != nil {
		t.Errorf("idled out: alice has %d sessions, %v, want none", n, err)
	}
	end(store, m)
}
