package gorilla_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/sessions"
	"github.com/stratakv/strata/adapter/gorilla"
	"github.com/stratakv/strata/tiered"
)

func TestGetCachesInTheRegistry(t *testing.T) {
	s := newSite(t, nil)
	cookie := s.begin(map[any]any{"k": 1})
	v := s.visit(cookie)
	again, err := s.Get(v.r, name)
	if err != nil || again != v.session {
		t.Fatalf("got another session, %v; want the same", err)
	}
	// A request made from the first one, as middleware does, has the same.
	derived := v.r.WithContext(context.WithValue(v.r.Context(), t, 1))
	if again, _ := s.Get(derived, name); again != v.session {
		t.Error("got another session for the derived request, want the same")
	}
	if other, _ := s.New(v.r, name); other == v.session {
		t.Error("got the registry's session from New, want one of its own")
	}
}

func TestNewNeverGivesNil(t *testing.T) {
	s := newSite(t, nil)
	cookie := s.begin(map[any]any{"k": 1})
	for _, bad := range []string{"", "a b", "a;b", "\x00", strings.Repeat("n", tiered.MaxKeyBytes)} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(cookie)
		if session, err := s.New(r, bad); session == nil || !session.IsNew {
			t.Errorf("name of %d bytes: got %v, %v; want a new session", len(bad), session, err)
		}
	}
	s.db.Close()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(cookie)
	session, err := s.Get(r, name)
	if session == nil || !session.IsNew || session.ID != "" || !errors.Is(err, tiered.ErrClosed) {
		t.Fatalf("got %+v, %v; want a new session and ErrClosed", session, err)
	}
	if session.Values == nil || session.Options == nil {
		t.Error("got nil Values or Options, want usable ones")
	}
}

func TestUnknownIDsAreNoSession(t *testing.T) {
	s := newSite(t, nil)
	known := s.begin(map[any]any{"k": 1}).Value
	expired := s.visit(nil)
	expired.session.Options.MaxAge = 1
	old := expired.save().Value
	s.clock.Advance(time.Second)

	last := known[:42] + string(known[42]^1)
	tests := []struct {
		what, id string
		reads    uint64 // of the store
	}{
		{"unknown", base64.RawURLEncoding.EncodeToString(make([]byte, 32)), 1},
		{"expired", old, 1},
		{"empty", "", 0},
		{"short", known[:42], 0},
		{"long", known + "A", 0},
		{"padded", known + "=", 0},
		{"alphabet", known[:42] + "+", 0},
		{"bad tail", last, 0}, // decodes to the same bytes where decoding is lax
		{"prefix", "gorilla:" + name, 0},
		{"very long", strings.Repeat("A", 1<<16), 0},
	}
	before := s.records()
	for _, tt := range tests {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: name, Value: tt.id})
		misses := s.db.Stats().L3.Misses
		session, err := s.Get(r, name)
		if err != nil || !session.IsNew || session.ID != "" || len(session.Values) != 0 {
			t.Errorf("%s: got id %q, new %v, %v; want a new session without an id", tt.what, session.ID, session.IsNew, err)
			continue
		}
		if got := s.db.Stats().L3.Misses - misses; got != tt.reads {
			t.Errorf("%s: got %d reads of the store, want %d", tt.what, got, tt.reads)
		}
		w := httptest.NewRecorder()
		if err := session.Save(r, w); err != nil || session.ID == tt.id || len(session.ID) != 43 {
			t.Errorf("%s: got id %q, %v; want a fresh one", tt.what, session.ID, err)
		}
	}
	if got, want := s.records(), before+len(tests); got != want {
		t.Errorf("got %d records, want %d", got, want)
	}
}

func TestIDs(t *testing.T) {
	s := newSite(t, nil)
	seen := map[string]bool{}
	for range 100 {
		id := s.begin(map[any]any{"k": "v"}).Value
		raw, err := base64.RawURLEncoding.DecodeString(id)
		if err != nil || len(raw) != 32 || seen[id] {
			t.Fatalf("got id %q, want 32 random bytes in base64url", id)
		}
		seen[id] = true
		hash := sha256.Sum256([]byte(id))
		key := "gorilla:" + name + ":" + base64.RawURLEncoding.EncodeToString(hash[:])
		if _, err := s.db.Get(context.Background(), key); err != nil {
			t.Fatalf("got %v under the hash of the id, want the record", err)
		}
	}
	// Nothing of an id is anywhere in the store, renewals included.
	for id := range seen {
		v := s.visit(&http.Cookie{Name: name, Value: id})
		v.session.ID = ""
		seen[v.save().Value] = true
		break
	}
	for item, err := range s.db.Scan(context.Background(), "") {
		if err != nil {
			t.Fatal(err)
		}
		for id := range seen {
			if strings.Contains(item.Key, id) || strings.Contains(string(item.Value), id) {
				t.Fatal("got an id in the store, want its hash alone")
			}
		}
	}
}

func TestNamesArePartOfTheKey(t *testing.T) {
	s := newSite(t, nil)
	id := s.begin(map[any]any{"role": "admin"}).Value
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: "other", Value: id})
	if session, err := s.Get(r, "other"); err != nil || !session.IsNew {
		t.Errorf("got the session under another name, %v; want a new one", err)
	}
}

func TestOptionsAreTheSessionsOwn(t *testing.T) {
	given := &sessions.Options{Path: "/app", MaxAge: 60, SameSite: http.SameSiteStrictMode}
	s := newSite(t, &gorilla.Options{Cookie: given})
	given.Path = "/changed after New"
	v := s.visit(nil)
	v.session.Options.MaxAge = -1
	v.save()
	next := s.visit(nil)
	want := sessions.Options{Path: "/app", MaxAge: 60, SameSite: http.SameSiteStrictMode}
	if *next.session.Options != want {
		t.Errorf("got %+v, want %+v", *next.session.Options, want)
	}
	if c := next.save(); c.Path != "/app" || c.MaxAge != 60 || c.SameSite != http.SameSiteStrictMode || c.Secure || c.HttpOnly {
		t.Errorf("got cookie %v, want the options'", c)
	}
	s.SetCookie(sessions.Options{Path: "/new"})
	if got := s.visit(nil).session.Options.Path; got != "/new" {
		t.Errorf("got path %q after SetCookie, want /new", got)
	}
}

func TestDefaultCookie(t *testing.T) {
	s := newSite(t, nil)
	v := s.visit(nil)
	c := v.save()
	if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 30*86400 {
		t.Errorf("got %v, want Secure, HttpOnly, Lax, / and 30 days", c)
	}
	v.save()
	if got := v.w.Header()["Cache-Control"]; !reflect.DeepEqual(got, []string{`no-cache="Set-Cookie"`}) {
		t.Errorf("got Cache-Control %q", got)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	if _, err := gorilla.New(nil, &gorilla.Options{BrowserTTL: -1}); err == nil {
		t.Error("got no error for a negative BrowserTTL")
	}
}

func TestPrefix(t *testing.T) {
	s := newSite(t, &gorilla.Options{Prefix: "shop/"})
	s.begin(nil)
	for item := range s.db.Scan(context.Background(), "") {
		if !strings.HasPrefix(item.Key, "shop/"+name+":") {
			t.Error("got a key without the prefix")
		}
	}
}

// What is known of a session goes with the session.
func TestStatesAreFreed(t *testing.T) {
	s := newSite(t, nil)
	cookie := s.begin(map[any]any{"k": 1})
	for range 200 {
		s.visit(cookie).save()
	}
	kept := s.visit(cookie)
	deadline := time.Now().Add(20 * time.Second)
	for s.States() > 1 {
		if time.Now().After(deadline) {
			t.Fatalf("got %d states, want 1", s.States())
		}
		runtime.GC()
	}
	if s.States() != 1 {
		t.Error("the state of a session in use is gone")
	}
	kept.session.Values["k"] = 2
	kept.save()
}
