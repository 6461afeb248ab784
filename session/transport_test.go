package session_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stratakv/strata/session"
)

func TestCookieDefaults(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	res := b.with(func(s *session.Session) error { return s.Set("k", 1) })
	got := res.Header["Set-Cookie"]
	want := []string{cookieName + "=" + b.cookie + "; Path=/; HttpOnly; Secure; SameSite=Lax"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := res.Header["Cache-Control"]; !slices.Equal(got, []string{`no-cache="Set-Cookie"`}) {
		t.Errorf("Cache-Control: got %q", got)
	}
	if got := res.Header["Vary"]; !slices.Equal(got, []string{"Cookie"}) {
		t.Errorf("Vary: got %q", got)
	}
}

// Cache-Control of the handler stays, beside ours; Vary is not doubled.
func TestHandlersCacheHeadersStay(t *testing.T) {
	e := newEnv(t, session.Options{})
	res := e.browser().do(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "private")
		w.Header().Set("Vary", "Accept, cookie")
		if err := session.From(r.Context()).Set("k", 1); err != nil {
			t.Error(err)
		}
	})
	if got := res.Header["Cache-Control"]; !slices.Equal(got, []string{"private", `no-cache="Set-Cookie"`}) {
		t.Errorf("Cache-Control: got %q", got)
	}
	if got := res.Header["Vary"]; !slices.Equal(got, []string{"Accept, cookie"}) {
		t.Errorf("Vary: got %q", got)
	}
}

func TestCookieOptions(t *testing.T) {
	tests := []struct {
		name   string
		cookie session.Cookie
		maxAge time.Duration
		want   string
	}{
		{"name", session.Cookie{Name: "sid"}, 0, "__Host-sid=x; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"strict", session.Cookie{SameSite: http.SameSiteStrictMode}, 0, "__Host-session=x; Path=/; HttpOnly; Secure; SameSite=Strict"},
		{"plain HTTP", session.Cookie{Insecure: true}, 0, "session=x; Path=/; HttpOnly; SameSite=Lax"},
		{"persistent", session.Cookie{}, 90*time.Second + 1, "__Host-session=x; Path=/; Max-Age=91; HttpOnly; Secure; SameSite=Lax"},
		{"for ever", session.Cookie{}, 100 * 365 * 24 * time.Hour, "__Host-session=x; Path=/; Max-Age=34560000; HttpOnly; Secure; SameSite=Lax"},
	}
	for _, tt := range tests {
		h := http.Header{}
		tt.cookie.Send(h, "x", tt.maxAge)
		if got := h.Get("Set-Cookie"); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		h = http.Header{}
		tt.cookie.Clear(h)
		name, _, _ := strings.Cut(tt.want, "=")
		_, attributes, _ := strings.Cut(tt.want, "; Path=/")
		if _, rest, found := strings.Cut(attributes, "; HttpOnly"); found {
			attributes = "; HttpOnly" + rest
		}
		if got, want := h.Get("Set-Cookie"), name+"=; Path=/; Max-Age=0"+attributes; got != want {
			t.Errorf("%s, cleared: got %q, want %q", tt.name, got, want)
		}
	}
}

const someID = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

func TestCookieIsFound(t *testing.T) {
	other := strings.Repeat("B", 42) + "A"
	tests := []struct {
		name  string
		lines []string
		want  string
	}{
		{"alone", []string{"__Host-session=" + someID}, someID},
		{"among others", []string{"a=b; __Host-session=" + someID + "; c=d"}, someID},
		{"in a second line", []string{"a=b", "__Host-session=" + someID}, someID},
		{"the first that could be an id", []string{"__Host-session=x; __Host-session=" + someID + "; __Host-session=" + other}, someID},
		{"without the prefix", []string{"session=" + someID}, ""},
		{"name in another case", []string{"__host-session=" + someID}, ""},
		{"quoted", []string{`__Host-session="` + someID + `"`}, ""},
		{"none", nil, ""},
		{"no value", []string{"__Host-session"}, ""},
		{"empty", []string{"__Host-session="}, ""},
	}
	for _, tt := range tests {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Cookie"] = tt.lines
		if got := (session.Cookie{}).Token(r); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Invariant 3: exactly 43 characters of canonical base64url, nothing else.
func TestIDHasOneSpelling(t *testing.T) {
	bad := []string{
		"", "0", someID[:42], someID + "A", someID[:42] + "9", // 9: bits that stand for nothing
		someID[:42] + "=", someID[:41] + "==", someID + "\n", "\n" + someID[:42], someID[:20] + "\n" + someID[21:],
		someID[:42] + "+", someID[:42] + "/", someID[:40] + "٣x", strings.Repeat("A", 1<<20),
		"deadbeefdeadbeefdeadbeefdeadbeefdeadbeef", someID[:42] + "\x00", " " + someID[:42],
	}
	for _, token := range bad {
		if session.IsID(token) {
			t.Errorf("%.50q passed for an id", token)
		}
	}
	if !session.IsID(someID) {
		t.Error("an id did not pass for one")
	}
	for range 100 {
		if id := session.NewID(); !session.IsID(id) {
			t.Fatalf("%d characters of our own are no id", len(id))
		}
	}
}

func TestHeaderTransport(t *testing.T) {
	e := newEnv(t, session.Options{Transport: session.Header{Name: "x-token"}})
	token := ""
	do := func(f func(s *session.Session) error) http.Header {
		r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
		if token != "" {
			r.Header.Set("X-Token", token)
		}
		e.m.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if err := f(session.From(r.Context())); err != nil {
				t.Error(err)
			}
		})).ServeHTTP(w, r)
		return w.Result().Header
	}
	h := do(func(s *session.Session) error { return s.Set("k", "v") })
	token = h.Get("X-Token")
	if !session.IsID(token) || h.Get("Cache-Control") != "no-store" || h.Get("Vary") != "X-Token" || h.Get("Set-Cookie") != "" {
		t.Errorf("got headers %v", h)
	}
	do(func(s *session.Session) error {
		if v, _, err := s.Get("k"); v != "v" || err != nil {
			t.Errorf("with the token: got %v %v, want v", v, err)
		}
		return nil
	})
	h = do(func(s *session.Session) error { return s.Destroy("logout") })
	if got := h["X-Token"]; !slices.Equal(got, []string{""}) {
		t.Errorf("after Destroy: got %q, want an empty header", got)
	}
	if got := (session.Header{}).Vary(); got != "Session-Token" {
		t.Errorf("default name: got %q", got)
	}
}

func TestWrongTransportIsRefused(t *testing.T) {
	for _, tr := range []session.Transport{
		session.Cookie{Name: "__Host-x"}, session.Cookie{Name: "a b"}, session.Cookie{Name: "a=b"}, session.Cookie{SameSite: 9},
		session.Cookie{SameSite: http.SameSiteNoneMode, Insecure: true}, session.Header{Name: "a:b"}, session.Header{Name: "a\r\nb"},
	} {
		if _, err := session.NewOver(nil, &session.Options{Transport: tr}); !errors.Is(err, session.ErrArgument) {
			t.Errorf("%#v: got %v, want ErrArgument", tr, err)
		}
	}
}

// Whatever a client sends: an answer, no panic, nothing adopted.
func FuzzCookie(f *testing.F) {
	for _, line := range []string{
		"", "__Host-session=" + someID, "__Host-session=" + someID + "=", ";;=;", "__Host-session=" + someID[:42] + "9",
		"__Host-session=\x00", "a=b; __Host-session = " + someID, "__Host-session=" + someID + "; __Host-session=" + someID,
	} {
		f.Add(line)
	}
	e := newEnv(f, session.Options{})
	f.Fuzz(func(t *testing.T, line string) {
		e.pass(time.Hour) // so that sessions do not gather
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", line)
		token := (session.Cookie{}).Token(r)
		if token != "" && (!session.IsID(token) || !strings.Contains(line, token)) {
			t.Fatalf("got %q from %q", token, line)
		}
		w := httptest.NewRecorder()
		e.m.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if err := session.From(r.Context()).Set("k", 1); err != nil {
				t.Error(err)
			}
		})).ServeHTTP(w, r)
		res := w.Result()
		if res.StatusCode != 200 || len(res.Cookies()) != 1 || !session.IsID(res.Cookies()[0].Value) || strings.Contains(line, res.Cookies()[0].Value) {
			t.Fatalf("got %d with %v", res.StatusCode, res.Cookies())
		}
	})
}
