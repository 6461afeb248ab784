package session_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/tiered"
)

// New takes no store that would lose index entries, or refuse every session.
func TestUnfitStoresAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		opts tiered.Options
		want error
	}{
		"keeps all": {tiered.Options{}, nil},
		"evicts":    {tiered.Options{Evict: true}, session.ErrArgument},
		"short":     {tiered.Options{MaxTTL: 2*time.Hour - 1}, session.ErrArgument},
		"just long": {tiered.Options{MaxTTL: 2 * time.Hour}, nil},
	} {
		store, err := tiered.OpenMemory(&c.opts)
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		m, err := session.New(store, &session.Options{Lifetime: 2 * time.Hour})
		wantErr(t, name, err, c.want)
		if err != nil {
			continue
		}
		s, err := m.Load(t.Context(), "")
		if err == nil {
			err = s.BindUser("alice")
		}
		if err == nil {
			_, _, err = m.Commit(t.Context(), s)
		}
		if err != nil {
			t.Errorf("%s: a login: %v", name, err)
		}
		m.Close()
	}
}

// A manager's session is one session, whatever managers' lie around it, and
// From gives that of the Wrap right around the handler.
func TestWrapAroundAnothersAroundItsOwn(t *testing.T) {
	e := newEnv(t, session.Options{})
	admin := e.manager(session.Options{Prefix: "admin:", Transport: session.Cookie{Name: "admin"}})
	mark := func(what string) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if err := session.From(r.Context()).Set(what, 1); err != nil {
				t.Error(err)
			}
		})
	}
	after := func(h, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r)
			next.ServeHTTP(w, r)
		})
	}
	w := httptest.NewRecorder()
	own := e.m.Wrap(after(mark("outer"), admin.Wrap(after(mark("admin's"), e.m.Wrap(mark("inner"))))))
	own.ServeHTTP(w, e.browser().request())
	tokens := map[string]string{}
	for _, c := range w.Result().Cookies() {
		tokens[c.Name] += c.Value // two of one name would be no id
	}
	keys := func(m *session.Manager, token string) []string {
		s, err := m.Load(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := s.Keys()
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	if got := keys(e.m, tokens[cookieName]); !slices.Equal(got, []string{"inner", "outer"}) {
		t.Errorf("its own: got %q, want inner, outer", got)
	}
	if got := keys(admin, tokens["__Host-admin"]); !slices.Equal(got, []string{"admin's"}) {
		t.Errorf("the other's: got %q, want admin's", got)
	}
}

// Commit of a session that nothing has used yet gives its token; an outage is
// not "no session".
func TestCommitLoads(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	commit := func() (token string, err error) {
		b.do(func(_ http.ResponseWriter, r *http.Request) {
			token, _, err = e.m.Commit(r.Context(), session.From(r.Context()))
		})
		return token, err
	}
	if token, err := commit(); token != b.cookie || err != nil {
		t.Errorf("got the token %v, %v, want it", token == b.cookie, err)
	}
	e.failing("get")
	_, err := commit()
	wantErr(t, "an outage", err, errBroken)
}
