package session_test

import (
	"crypto/sha256"
	"encoding/base64"
	"math/bits"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stratakv/strata/session"
)

// Every test that doc.go names exists, and every line of its table names one or
// says why not.
func TestSecurityTableNamesTests(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, f := range files {
		if strings.HasSuffix(f.Name(), "_test.go") {
			text, err := os.ReadFile(f.Name())
			if err != nil {
				t.Fatal(err)
			}
			tests.Write(text)
		}
	}
	name := regexp.MustCompile(`\b(Test|Fuzz|Example)[A-Z]\w*`)
	names := name.FindAllString(string(doc), -1)
	for _, name := range names {
		if !strings.Contains(tests.String(), "\nfunc "+name+"(") {
			t.Errorf("doc.go names %s, which does not exist", name)
		}
	}
	_, table, _ := strings.Cut(string(doc), "// # Security rules\n")
	rows := 0
	row := regexp.MustCompile(`(?m)^//\s+((?:OWASP|NIST) \d+) .*\n((?://\s{6,}.*\n)*)`)
	for _, m := range row.FindAllStringSubmatch(table, -1) {
		rows++
		if !name.MatchString(m[0]) && !strings.Contains(m[0], "not here:") {
			t.Errorf("%s names no test and gives no reason:\n%s", m[1], m[0])
		}
	}
	if rows < 30 || len(names) < 30 {
		t.Errorf("got %d rows and %d names, want at least 30 each", rows, len(names))
	}
}

// Ids have 256 bits of randomness: no bit is stuck, and none come twice.
func TestIDsAreRandom(t *testing.T) {
	const n = 2000
	seen := map[string]bool{}
	var ones [256]int
	for range n {
		id := session.NewID()
		if seen[id] {
			t.Fatal("an id came twice")
		}
		seen[id] = true
		b, err := base64.RawURLEncoding.DecodeString(id)
		if err != nil || len(b) != 32 {
			t.Fatalf("got %d bytes, %v", len(b), err)
		}
		for i := range ones {
			ones[i] += bits.OnesCount8(b[i/8] & (1 << (i % 8)))
		}
	}
	for i, n1 := range ones {
		if n1 < n*4/10 || n1 > n*6/10 {
			t.Errorf("bit %d is set in %d of %d ids", i, n1, n)
		}
	}
}

// Invariant 2: the store holds SHA-256 of ids, and no id.
func TestOnlyHashesAreStored(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	b.login("alice@example.test")
	ids := []string{b.cookie}
	b.with(func(s *session.Session) error { return s.RenewGrace(minute) })
	ids = append(ids, b.cookie)
	keys := 0
	for it, err := range e.store.whole.Scan(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			raw, err := base64.RawURLEncoding.DecodeString(id)
			if err != nil {
				t.Fatal(err)
			}
			if text := it.Key + string(it.Value); strings.Contains(text, id) || strings.Contains(text, string(raw)) {
				t.Errorf("an id stands in %q", it.Key)
			}
			h := sha256.Sum256([]byte(id))
			if it.Key == "web:s:"+base64.RawURLEncoding.EncodeToString(h[:]) {
				keys++
			}
		}
		if strings.Contains(it.Key, "alice") {
			t.Error("a user's name stands in a key")
		}
	}
	if keys != 2 {
		t.Errorf("got %d records under hashes, want 2", keys)
	}
}

// An id is taken from the cookie alone, and from one with the whole name alone.
func TestIDComesFromTheCookieAlone(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	for name, change := range map[string]func(r *http.Request){
		"query":          func(r *http.Request) { r.URL.RawQuery = "__Host-session=" + b.cookie + "&session=" + b.cookie },
		"header":         func(r *http.Request) { r.Header.Set("Session-Token", b.cookie) },
		"authorization":  func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+b.cookie) },
		"weaker cookies": func(r *http.Request) { r.Header.Set("Cookie", "session="+b.cookie+"; __Secure-session="+b.cookie) },
	} {
		r := e.browser().request()
		change(r)
		e.m.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if _, found, err := session.From(r.Context()).Get("k"); found || err != nil {
				t.Errorf("%s: found %v, %v", name, found, err)
			}
		})).ServeHTTP(nullWriter{}, r)
	}
}

type nullWriter struct{}

func (nullWriter) Header() http.Header         { return http.Header{} }
func (nullWriter) Write(b []byte) (int, error) { return len(b), nil }
func (nullWriter) WriteHeader(int)             {}

// The token says nothing: it is the same kind of string for every session, and
// changes nothing when the session does.
func TestTokenIsOpaque(t *testing.T) {
	e := newEnv(t, session.Options{})
	anonymous, user := e.returned(), e.browser()
	user.login("alice")
	before := user.cookie
	res := user.with(set("role", "admin"))
	if len(res.Cookies()) != 0 || user.cookie != before || !session.IsID(anonymous.cookie) || !session.IsID(user.cookie) {
		t.Error("the token depends on what the session holds")
	}
}

// Unknown ids cost a read each, and leave nothing behind.
func TestGuessingLeavesNothingBehind(t *testing.T) {
	e := newEnv(t, session.Options{})
	for range 50 {
		b := e.browser()
		b.cookie = session.NewID()
		b.want("a guess", "k", nil)
	}
	e.wantCalls("50 guesses", 50, 0)
	if n := len(e.store.keys(t)); n != 0 {
		t.Errorf("got %d records, want none", n)
	}
}
