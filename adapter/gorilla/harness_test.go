package gorilla_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gorilla/sessions"
	"github.com/stratakv/strata/adapter/gorilla"
	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

const name = "__Host-session"

// site is a Store over a fresh memory store, whose clock is moved by hand.
type site struct {
	*gorilla.Store
	t     *testing.T
	db    *tiered.Store
	clock *storetest.Clock
}

func newSite(t *testing.T, opts *gorilla.Options) *site {
	t.Helper()
	clock := storetest.NewClock()
	db, err := tiered.OpenMemory(&tiered.Options{Clock: clock, Limits: tiered.Limits{ValueBytes: 1 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	store, err := gorilla.New(db, opts)
	if err != nil {
		t.Fatal(err)
	}
	return &site{Store: store, t: t, db: db, clock: clock}
}

// records counts what is in the store.
func (s *site) records() int {
	s.t.Helper()
	n := 0
	for _, err := range s.db.Scan(context.Background(), "") {
		if err != nil {
			s.t.Fatal(err)
		}
		n++
	}
	return n
}

// visit is one request that has got its session.
type visit struct {
	t       *testing.T
	r       *http.Request
	w       *httptest.ResponseRecorder
	session *sessions.Session
}

// visit begins a request of a client that has cookie, nil for none.
func (s *site) visit(cookie *http.Cookie) *visit {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if cookie != nil {
		r.AddCookie(cookie)
	}
	return s.visitAs(r)
}

func (s *site) visitAs(r *http.Request) *visit {
	s.t.Helper()
	session, err := s.Get(r, name)
	if err != nil {
		s.t.Fatal(err)
	}
	return &visit{t: s.t, r: r, w: httptest.NewRecorder(), session: session}
}

func (v *visit) trySave() error { return v.session.Save(v.r, v.w) }

// save saves and returns the cookie that it set.
func (v *visit) save() *http.Cookie {
	v.t.Helper()
	if err := v.trySave(); err != nil {
		v.t.Fatal(err)
	}
	return v.cookie()
}

// cookie is the last one that was set.
func (v *visit) cookie() *http.Cookie {
	v.t.Helper()
	all := (&http.Response{Header: v.w.Header()}).Cookies()
	if len(all) == 0 {
		v.t.Fatal("got no cookie, want one")
	}
	return all[len(all)-1]
}

// begin makes a session that holds values and returns its cookie.
func (s *site) begin(values map[any]any) *http.Cookie {
	s.t.Helper()
	v := s.visit(nil)
	for k, x := range values {
		v.session.Values[k] = x
	}
	return v.save()
}
