package compat

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	scslib "github.com/alexedwards/scs/v2"

	"github.com/stratakv/strata/adapter/scs"
)

// TestSCSFailures shows what scs 2.9.0 does over a store that only stores, its
// own memstore, and over the adapter: with Wrap and without.
func TestSCSFailures(t *testing.T) {
	failures := []struct {
		name                       string
		shows                      func(*site) bool
		memstore, adapter, wrapped bool
	}{
		{"a change of another key is lost", lostUpdate, true, true, false},
		{"a request that only reads undoes a logout", undoneLogout, true, false, false},
		{"the token of before a login is valid again", undoneRenewal, true, false, false},
		{"logging out everywhere ends nothing", hashedIterate, true, false, false},
	}
	for _, f := range failures {
		t.Run(f.name, func(t *testing.T) {
			for name, c := range map[string]struct {
				site *site
				want bool
			}{
				"memstore":      {newSite(t, scslib.New(), nil, false), f.memstore},
				"adapter":       {newSite(t, scslib.New(), scs.New(memory(t), nil), false), f.adapter},
				"adapter, Wrap": {newSite(t, scslib.New(), scs.New(memory(t), nil), true), f.wrapped},
			} {
				if got := f.shows(c.site); got != c.want {
					t.Errorf("over %s: got %v, want %v", name, got, c.want)
				}
			}
		})
	}
}

// beside runs do within a request of b that loaded its session before and
// commits after, and returns that browser, with the cookie that came of it.
func (b *browser) beside(path string, do func()) *browser {
	slow := &browser{site: b.site, cookie: b.cookie}
	b.mux.Handle("/slow/", http.StripPrefix("/slow", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		do()
		b.mux.ServeHTTP(w, r)
	})))
	slow.visit("/slow" + path)
	return slow
}

func lostUpdate(s *site) bool {
	b := &browser{site: s}
	b.visit("/put?key=a&value=1")
	b.beside("/put?key=b&value=2", func() { b.visit("/put?key=c&value=3") })
	switch got := b.visit("/read"); got {
	case "map[a:1 b:2 c:3]":
		return false
	case "map[a:1 b:2]":
	default:
		s.t.Errorf("after both: got %s", got)
	}
	return true
}

func undoneLogout(s *site) bool {
	s.manager.IdleTimeout = time.Hour
	b := &browser{site: s}
	b.visit("/put?key=user&value=1")
	thief := &browser{site: s, cookie: b.cookie}
	b.beside("/read", func() { b.visit("/logout") })
	return thief.visit("/read") != "map[]"
}

func undoneRenewal(s *site) bool {
	b := &browser{site: s}
	b.visit("/put?key=cart&value=1")
	thief := &browser{site: s, cookie: b.cookie} // who fixed the session
	slow := b.beside("/put?key=cart&value=2", func() { b.visit("/login") })
	if s.store != nil && slow.set {
		s.t.Error("the late request: got a cookie over that of the login, want none")
	}
	b.want("/read", "map[cart:1]") // the login stands
	return thief.visit("/read") != "map[]"
}

func hashedIterate(s *site) bool {
	s.manager.HashTokenInStore = true
	b := &browser{site: s}
	b.visit("/put?key=user&value=1")
	s.must(s.manager.Iterate(s.t.Context(), func(ctx context.Context) error { return s.manager.Destroy(ctx) }))
	return b.visit("/read") != "map[]"
}

// Without an ErrorFunc a late request is scs's 500, and still sets no cookie.
func TestSCSDefaultErrorFunc(t *testing.T) {
	s := newSite(t, scslib.New(), scs.New(memory(t), nil), true)
	told := 0
	s.manager.ErrorFunc = func(w http.ResponseWriter, _ *http.Request, err error) {
		told++
		http.Error(w, "", http.StatusInternalServerError)
	}
	b := &browser{site: s}
	b.visit("/put?key=user&value=1")
	token := b.cookie
	s.mux.HandleFunc("/late", func(w http.ResponseWriter, r *http.Request) {
		b.visit("/logout")
		s.manager.Put(r.Context(), "user", "2")
		w.WriteHeader(http.StatusOK)
	})
	r, w := httptest.NewRequest(http.MethodGet, "/late", nil), httptest.NewRecorder()
	r.AddCookie(&http.Cookie{Name: s.manager.Cookie.Name, Value: token})
	s.handler.ServeHTTP(w, r)
	if w.Code != http.StatusInternalServerError || told != 1 || len(w.Result().Cookies()) != 0 {
		t.Errorf("late: got %d, %d errors, %d cookies, want 500, 1, 0", w.Code, told, len(w.Result().Cookies()))
	}
}
