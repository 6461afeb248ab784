package compat

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stratakv/strata/adapter/fiber"
	"github.com/stratakv/strata/tiered"
)

// app answers one request.
type app func(*http.Request) (*http.Response, error)

// newApp makes a program whose middlewares keep what they have in storage, each
// under a prefix of its own; served counts what its handlers serve.
type newApp func(storage func(name string) *fiber.Storage, served *int) app

// testFiber visits a program that is restarted meanwhile, on one directory.
func testFiber(t *testing.T, program newApp) {
	dir := filepath.Join(t.TempDir(), "db")
	v := &visitor{t: t, cookies: map[string]string{}}
	run := func(visit func()) {
		db, err := tiered.Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		v.app = program(func(name string) *fiber.Storage {
			return fiber.New(db, &fiber.Options{Prefix: name})
		}, &v.served)
		visit()
	}
	var before, renewed string
	run(func() {
		v.want("GET /put", 200, "")
		before = v.session()
		v.want("GET /get", 200, "42")
		v.want("GET /renew", 200, "")
		renewed = v.session()
		v.wantServed(1, func() { v.want("GET /limited", 200, "page") })
		v.wantServed(1, func() { v.want("GET /cached", 200, "page") })
		v.wantServed(1, func() { v.want("POST /once", 200, "page") })
		v.wantServed(1, func() { v.want("GET /form", 200, "page") })
	})
	if before == "" || renewed == before {
		t.Errorf("session cookies: got the same one after a renewal, want another")
	}
	run(func() { // all of it is still there
		v.want("GET /get", 200, "42")
		v.wantServed(1, func() { v.want("GET /limited", 200, "page") })
		v.wantServed(0, func() { v.want("GET /limited", 429, "") })
		v.wantServed(0, func() { v.want("GET /cached", 200, "page") })
		v.wantServed(0, func() { v.want("POST /once", 200, "page") })
		v.wantServed(1, func() { v.want("POST /form", 200, "page") })
		v.setSession(before)
		v.want("GET /get", 200, "")
		v.setSession(renewed)
		v.want("GET /destroy", 200, "")
		v.setSession(renewed)
		v.want("GET /get", 200, "")
		v.want("GET /put", 200, "")
		v.want("GET /reset", 200, "")
	})
	run(func() { // and the sessions alone are gone
		v.want("GET /get", 200, "")
		v.wantServed(0, func() { v.want("GET /limited", 429, "") })
	})
}

// visitor is a client that keeps its cookies.
type visitor struct {
	t       *testing.T
	app     app
	served  int
	cookies map[string]string
}

func (v *visitor) session() string { return v.cookies["session_id"] }

func (v *visitor) setSession(id string) { v.cookies["session_id"] = id }

// want makes a request, "METHOD path", and wants its answer; any body will do
// for an error.
func (v *visitor) want(request string, status int, body string) {
	v.t.Helper()
	method, path, _ := strings.Cut(request, " ")
	r := httptest.NewRequest(method, path, nil)
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	r.Header.Set("X-Csrf-Token", v.cookies["csrf"])
	r.Header.Set("X-Idempotency-Key", strings.Repeat("k", 36))
	res, err := v.app(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if res.StatusCode != status || status == http.StatusOK && string(got) != body || err != nil {
		v.t.Errorf("%s: got %d %q, %v, want %d %q", request, res.StatusCode, got, err, status, body)
	}
	for _, c := range res.Cookies() {
		v.cookies[c.Name] = c.Value
	}
}

// wantServed wants do to reach a handler n times.
func (v *visitor) wantServed(n int, do func()) {
	v.t.Helper()
	before := v.served
	do()
	if v.served-before != n {
		v.t.Errorf("handlers called: got %d times, want %d", v.served-before, n)
	}
}
