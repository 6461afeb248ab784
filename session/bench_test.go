package session_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/tiered"
)

// discardWriter takes an answer, and is used again.
type discardWriter struct{ h http.Header }

func (w discardWriter) Header() http.Header         { return w.h }
func (w discardWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w discardWriter) WriteHeader(int)             {}

// One request with a session of some 300 bytes, on a store in memory.
func BenchmarkRequest(b *testing.B) {
	store, err := tiered.OpenMemory(nil)
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	m, err := session.New(store, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	type profile struct {
		Name  string
		Roles []string
		Note  string
	}
	key := session.NewKey[profile]("profile")
	visits := session.NewKey[int]("visits")
	s, err := m.Load(b.Context(), "")
	if err != nil {
		b.Fatal(err)
	}
	ctx := session.NewContext(b.Context(), s)
	err = key.Set(ctx, profile{"Alice Example", []string{"user", "editor"}, string(make([]byte, 200))})
	if err == nil {
		err = s.BindUser("alice")
	}
	if err != nil {
		b.Fatal(err)
	}
	token, _, err := m.Commit(b.Context(), s)
	if err != nil {
		b.Fatal(err)
	}
	for name, f := range map[string]http.HandlerFunc{
		"untouched": func(http.ResponseWriter, *http.Request) {},
		"load":      func(_ http.ResponseWriter, r *http.Request) { _ = session.From(r.Context()).Load(r.Context()) },
		"read":      func(_ http.ResponseWriter, r *http.Request) { _, _, _ = key.Get(r.Context()) },
		"write": func(_ http.ResponseWriter, r *http.Request) {
			n, _, _ := visits.Get(r.Context())
			_ = visits.Set(r.Context(), n+1)
		},
	} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Cookie", "__Host-session="+token)
			h, w := m.Wrap(f), discardWriter{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.h)
				h.ServeHTTP(w, r)
			}
		})
	}
}
