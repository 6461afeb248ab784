package compat

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	scslib "github.com/alexedwards/scs/v2"

	"github.com/stratakv/strata/adapter/scs"
	"github.com/stratakv/strata/tiered"
)

// memory is a memory store that follows the bubble's time, if there is one.
func memory(t *testing.T) *tiered.Store {
	t.Helper()
	db, err := tiered.OpenMemory(&tiered.Options{Clock: goClock{time.Now()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// goClock is Go's own clock.
type goClock struct{ start time.Time }

func (c goClock) Wall() time.Time     { return time.Now() }
func (c goClock) Boot() time.Duration { return time.Since(c.start) }
func (c goClock) BootID() string      { return "boot" }

// site is a program with sessions. Its handlers are called by path.
type site struct {
	t       *testing.T
	manager *scslib.SessionManager
	store   *scs.Store // nil: the manager's own memstore
	mux     *http.ServeMux
	handler http.Handler
}

// newSite makes a site over store: nil is the memstore that New gives a manager.
// Late requests are answered as the adapter's documentation advises.
func newSite(t *testing.T, manager *scslib.SessionManager, store *scs.Store, tracked bool) *site {
	s := &site{t: t, manager: manager, store: store, mux: http.NewServeMux()}
	s.handler = s.manager.LoadAndSave(s.mux)
	if store != nil {
		s.manager.Store = store
	}
	if tracked {
		s.handler = store.Wrap(s.handler)
	}
	s.manager.ErrorFunc = func(w http.ResponseWriter, _ *http.Request, err error) {
		if errors.Is(err, scs.ErrRevoked) {
			return
		}
		t.Errorf("ErrorFunc: got %v", err)
		http.Error(w, "error", http.StatusInternalServerError)
	}
	s.page("/put", func(r *http.Request) { s.manager.Put(r.Context(), r.FormValue("key"), r.FormValue("value")) })
	s.page("/read", func(*http.Request) {})
	s.page("/login", func(r *http.Request) { s.must(s.manager.RenewToken(r.Context())) })
	s.page("/logout", func(r *http.Request) { s.must(s.manager.Destroy(r.Context())) })
	return s
}

func (s *site) must(err error) {
	if err != nil {
		s.t.Errorf("got %v, want nil", err)
	}
}

// page adds a page that runs do and answers with the session's values.
func (s *site) page(path string, do func(*http.Request)) {
	s.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		do(r)
		values := map[string]any{}
		for _, key := range s.manager.Keys(r.Context()) {
			values[key] = s.manager.Get(r.Context(), key)
		}
		fmt.Fprint(w, values)
	})
}

// browser is a client of a site, with its session cookie.
type browser struct {
	*site
	cookie string
	set    bool // whether the last answer set the cookie
}

// visit gets path and returns the answer's body.
func (b *browser) visit(path string) string {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if b.cookie != "" {
		r.AddCookie(&http.Cookie{Name: b.manager.Cookie.Name, Value: b.cookie})
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		b.t.Errorf("%s: got status %d, want 200", path, w.Code)
	}
	b.set = false
	for _, c := range w.Result().Cookies() {
		b.cookie, b.set = c.Value, true
	}
	return w.Body.String()
}

// want gets path and wants the session's values to be as in values.
func (b *browser) want(path, values string) {
	b.t.Helper()
	if got := b.visit(path); got != values {
		b.t.Errorf("%s: got %s, want %s", path, got, values)
	}
}
