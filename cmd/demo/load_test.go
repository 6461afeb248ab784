package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

// runLoad runs the command against url with few keys, so that each is met
// often.
func runLoad(t *testing.T, url string, more ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	args := append([]string{"load", "-url", url, "-d", "300ms", "-c", "8", "-write", "30%", "-keys", "40"}, more...)
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestLoadFindsNothingWrong(t *testing.T) {
	forEachStore(t, func(t *testing.T, st *tiered.Store, _ *storetest.Clock) {
		_, url := startService(t, st)
		for range 2 { // the second run meets the first one's records
			code, stdout, stderr := runLoad(t, url)
			if code != 0 || stderr != "" {
				t.Errorf("got exit code %d and %q, want 0 and nothing", code, stderr)
			}
			for _, want := range []string{"p50", "p99.9", "\n  get", "\n  put", "\n  all", "30% writes"} {
				if !strings.Contains(stdout, want) {
					t.Errorf("got %s, want %q in it", stdout, want)
				}
			}
			if strings.ContainsAny(stdout, "\r\x1b") {
				t.Errorf("got %q, want no progress line off a terminal", stdout)
			}
		}
	})
}

// recorded is the answer of a handler, kept to be changed.
func recorded(next http.Handler, r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	next.ServeHTTP(rec, r)
	return rec
}

func replay(w http.ResponseWriter, rec *httptest.ResponseRecorder) {
	for name, values := range rec.Header() {
		if name != "Content-Length" {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(rec.Code)
	w.Write(rec.Body.Bytes())
}

// TestLoadCatchesLies is the negative control of the load's checks.
func TestLoadCatchesLies(t *testing.T) {
	isGet := func(r *http.Request) bool { return r.Method == "GET" }
	isPut := func(r *http.Request) bool { return r.Method == "PUT" }
	lies := []struct {
		name string
		says string
		lie  func(next http.Handler) http.HandlerFunc
	}{
		{"a damaged value", errDamaged.Error(), func(next http.Handler) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				rec := recorded(next, r)
				if isGet(r) {
					rec.Body.Bytes()[rec.Body.Len()/2] ^= 1
				}
				replay(w, rec)
			}
		}},
		{"a cut value", errDamaged.Error(), func(next http.Handler) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				rec := recorded(next, r)
				if isGet(r) {
					rec.Body.Truncate(rec.Body.Len() - 1)
				}
				replay(w, rec)
			}
		}},
		{"another key's value", errForeign.Error(), func(next http.Handler) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if isGet(r) {
					r.URL.Path = "/v1/kv/" + sessionKey(0)
				}
				replay(w, recorded(next, r))
			}
		}},
		{"a lost record", errLost.Error(), func(next http.Handler) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if isGet(r) {
					failWith(w, http.StatusNotFound, "not found")
					return
				}
				next.ServeHTTP(w, r)
			}
		}},
		{"the first value for ever", errStale.Error(), func(next http.Handler) http.HandlerFunc {
			var first sync.Map
			return func(w http.ResponseWriter, r *http.Request) {
				rec := recorded(next, r)
				if isGet(r) {
					kept, _ := first.LoadOrStore(r.URL.Path, rec)
					rec = kept.(*httptest.ResponseRecorder)
				}
				replay(w, rec)
			}
		}},
		{"an old value under the new version", errTwoFaced.Error(), func(next http.Handler) http.HandlerFunc {
			var first sync.Map
			return func(w http.ResponseWriter, r *http.Request) {
				rec := recorded(next, r)
				if isGet(r) {
					body, _ := first.LoadOrStore(r.URL.Path, rec.Body.Bytes())
					rec.Body = bytes.NewBuffer(body.([]byte))
				}
				replay(w, rec)
			}
		}},
		{"acknowledged and dropped", errStale.Error(), func(next http.Handler) http.HandlerFunc {
			version := uint64(1 << 40)
			var mu sync.Mutex
			return func(w http.ResponseWriter, r *http.Request) {
				if isPut(r) {
					io.Copy(io.Discard, r.Body)
					mu.Lock()
					version++
					w.Header().Set("ETag", etag(version))
					mu.Unlock()
					w.WriteHeader(http.StatusNoContent)
					return
				}
				next.ServeHTTP(w, r)
			}
		}},
		{"versions that do not grow", errStale.Error(), func(next http.Handler) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				rec := recorded(next, r)
				if isPut(r) {
					rec.Header().Set("ETag", `"1"`)
				}
				replay(w, rec)
			}
		}},
		{"no version", errNoVersion.Error(), func(next http.Handler) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				rec := recorded(next, r)
				rec.Header().Del("ETag")
				replay(w, rec)
			}
		}},
	}
	for _, c := range lies {
		t.Run(c.name, func(t *testing.T) {
			st, err := tiered.OpenMemory(nil)
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
			s, _ := startService(t, st)
			srv := httptest.NewServer(c.lie(s.handler("")))
			defer srv.Close()
			code, stdout, stderr := runLoad(t, srv.URL)
			if code != 1 || !strings.Contains(stderr, "wrong answers") {
				t.Errorf("got exit code %d and %q, want 1 and wrong answers", code, stderr)
			}
			if !strings.Contains(stdout, "wrong: ") || !strings.Contains(stdout, c.says) {
				t.Errorf("got %s, want %q in it", stdout, c.says)
			}
		})
	}
}

func TestLoadReportsErrors(t *testing.T) {
	st, err := tiered.OpenMemory(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	s, _ := startService(t, st)
	next := s.handler("")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case "PUT":
			s.fail(w, tiered.ErrFull)
		case "GET":
			panic(http.ErrAbortHandler)
		default:
			next.ServeHTTP(w, r)
		}
	}))
	defer srv.Close()
	code, stdout, stderr := runLoad(t, srv.URL)
	if code != 1 || !strings.Contains(stderr, "0 wrong answers") || !strings.Contains(stderr, " errors") {
		t.Errorf("got exit code %d and %q, want 1 and errors", code, stderr)
	}
	if !strings.Contains(stdout, "507 Insufficient Storage: store is full") || !strings.Contains(stdout, "EOF") {
		t.Errorf("got %s, want the errors in it", stdout)
	}
	if strings.Contains(stdout, "session:") {
		t.Errorf("got %s, want no key in it", stdout)
	}
}

func TestLoadEndsEarlyWithItsTable(t *testing.T) {
	st, err := tiered.OpenMemory(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	s, _ := startService(t, st)
	next := s.handler("")
	ctx, interrupt := context.WithCancel(t.Context())
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			interrupt() // with a request running, whose answer counts
		}
		next.ServeHTTP(w, r)
	}))
	defer srv.Close()
	var stdout, stderr bytes.Buffer
	code := run(ctx, []string{"load", "-url", srv.URL, "-d", "1h", "-c", "2", "-keys", "5"}, &stdout, &stderr)
	if code != 0 || !strings.Contains(stdout.String(), "\n  all") {
		t.Errorf("got exit code %d, %q, %s, want 0 and the table", code, stderr.String(), stdout.String())
	}
}

func TestLedger(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(version uint64, sum uint32) entry { return entry{version, true, sum, now} }
	l := newLedger(100)
	steps := []struct {
		name string
		got  error
		want error
	}{
		{"first read", l.shown(70, entry{}, at(5, 1)), nil},
		{"same again", l.shown(70, l.floor(70), at(5, 1)), nil},
		{"other value, same version", l.shown(70, l.floor(70), at(5, 2)), errTwoFaced},
		{"newer", l.shown(70, l.floor(70), at(7, 3)), nil},
		{"a read that began before may be older", l.shown(70, at(5, 1), at(6, 2)), nil},
		{"going back", l.shown(70, l.floor(70), at(6, 2)), errStale},
		{"a write must be above", l.wrote(70, l.floor(70), at(7, 3)), errStale},
		{"a write", l.wrote(70, l.floor(70), at(8, 4)), nil},
		{"another key knows nothing", l.shown(6, l.floor(6), at(1, 9)), nil},
		{"absent before its deadline", l.floor(70).missed(now.Add(-time.Nanosecond)), errLost},
		{"absent at its deadline", l.floor(70).missed(now), nil},
		{"absent, never written", l.floor(1).missed(now.Add(-time.Hour)), nil},
	}
	for _, s := range steps {
		if !errors.Is(s.got, s.want) {
			t.Errorf("%s: got %v, want %v", s.name, s.got, s.want)
		}
	}
	l.stored(2, now)
	if err := l.floor(2).missed(now.Add(-time.Hour)); !errors.Is(err, errLost) {
		t.Errorf("got %v for a key that was filled, want %v", err, errLost)
	}
	if err := l.shown(2, l.floor(2), at(1, 1)); err != nil {
		t.Errorf("got %v for the first sight of a filled key", err)
	}
}

func TestTallyIsBounded(t *testing.T) {
	var tl tally
	for i := range 1000 {
		tl.add(errors.New(strconv.Itoa(i)))
	}
	if tl.total() != 1000 || len(tl.texts) != tallyTexts+1 || tl.texts["others"] != 1000-tallyTexts {
		t.Errorf("got %d, %v", tl.total(), tl.texts)
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", 100000: "100,000"} {
		if got := grouped(n); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestProgressIsForTerminals(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if isTerminal(f) || isTerminal(&bytes.Buffer{}) {
		t.Error("got a terminal, want none")
	}
}
