package session_test

import (
	"crypto/sha256"
	"encoding/base64"
	"go/ast"
	"go/parser"
	"go/token"
	"math/bits"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/cryptotest"

	"github.com/stratakv/strata/session"
)

// testName matches the names of tests in prose.
var testName = regexp.MustCompile(`\b(Test|Fuzz|Example)[A-Z]\w*`)

// declaredTests gives the tests of the package's files.
func declaredTests(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]bool{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && testName.MatchString(fn.Name.Name) {
				declared[fn.Name.Name] = true
			}
		}
	}
	return declared
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Every test that the documentation and the list of bugs name exists.
func TestNamedTestsExist(t *testing.T) {
	declared := declaredTests(t)
	for _, file := range []string{"doc.go", "bugs_test.go"} {
		for _, name := range testName.FindAllString(readFile(t, file), -1) {
			if !declared[name] {
				t.Errorf("%s names %s, which does not exist", file, name)
			}
		}
	}
}

// The table of security rules has each rule once, in order; each names a test or
// says why there is none; and each test here is named by one.
func TestSecurityTableAndTestsAgree(t *testing.T) {
	_, table, found := strings.Cut(readFile(t, "doc.go"), "// # Security rules\n")
	table, _, end := strings.Cut(table, "\n// # ")
	if !found || !end {
		t.Fatal("doc.go has no table of security rules")
	}
	_, table, _ = strings.Cut(table, "\n//\n")
	row := regexp.MustCompile(`^//\t(OWASP|NIST) (\d+) +\S.*\n((?://\t {12}\S.*\n)+)`)
	last := map[string]int{}
	for table != "//" {
		m := row.FindStringSubmatch(table)
		if m == nil {
			t.Fatalf("this is no row: %.100q", table)
		}
		table = table[len(m[0]):]
		if last[m[1]]++; m[2] != strconv.Itoa(last[m[1]]) {
			t.Errorf("%s %s stands where %d should", m[1], m[2], last[m[1]])
		}
		if !testName.MatchString(m[3]) && !strings.Contains(m[3], "not here: ") {
			t.Errorf("%s %s names no test and gives no reason", m[1], m[2])
		}
	}
	if last["OWASP"] != 31 || last["NIST"] != 16 {
		t.Errorf("got %v rules, want 31 of OWASP and 16 of NIST", last)
	}
	named := testName.FindAllString(readFile(t, "doc.go"), -1)
	for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)`).FindAllStringSubmatch(readFile(t, "security_test.go"), -1) {
		if !slices.Contains(named, m[1]) && m[1] != t.Name() && m[1] != "TestNamedTestsExist" {
			t.Errorf("no rule names %s", m[1])
		}
	}
}

// Ids come from crypto/rand and from nothing else: with its source they repeat.
func TestIDsComeFromCryptoRand(t *testing.T) {
	ids := func(seed uint64) (ids [3]string) {
		cryptotest.SetGlobalRandom(t, seed)
		for i := range ids {
			ids[i] = session.NewID()
		}
		return ids
	}
	first, again, other := ids(1), ids(1), ids(2)
	if first != again {
		t.Error("the same source gave other ids")
	}
	if first[0] == first[1] || first[0] == other[0] {
		t.Error("ids do not follow the source")
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
