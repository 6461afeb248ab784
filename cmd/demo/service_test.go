package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

// The tests are of package main: a command has no API to import.

// forEachStore runs test over the memory store and a store with files.
func forEachStore(t *testing.T, test func(t *testing.T, st *tiered.Store, clock *storetest.Clock)) {
	opens := map[string]func(t *testing.T, opts *tiered.Options) (*tiered.Store, error){
		"memory": func(_ *testing.T, opts *tiered.Options) (*tiered.Store, error) { return tiered.OpenMemory(opts) },
		"files": func(t *testing.T, opts *tiered.Options) (*tiered.Store, error) {
			opts.SharedDir = filepath.Join(t.TempDir(), "shared")
			return tiered.Open(t.TempDir(), opts)
		},
	}
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			clock := storetest.NewClock()
			st, err := open(t, &tiered.Options{
				Clock:      clock,
				SweepEvery: time.Hour,
				Logger:     slog.New(slog.DiscardHandler),
				Limits:     tiered.Limits{ValueBytes: maxValueBytes},
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := st.Close(); err != nil {
					t.Error(err)
				}
			})
			test(t, st, clock)
		})
	}
}

// startService serves st on loopback and returns the service and its URL.
func startService(t *testing.T, st store) (*service, string) {
	t.Helper()
	s := newService(st, slog.New(slog.DiscardHandler))
	srv := httptest.NewUnstartedServer(s.handler("demo.example:8080"))
	srv.Config = newServer(srv.Config.Handler, s.log)
	srv.Start()
	t.Cleanup(srv.Close)
	return s, srv.URL
}

func memoryService(t *testing.T) string {
	t.Helper()
	st, err := tiered.OpenMemory(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	_, url := startService(t, st)
	return url
}

type answered struct {
	status int
	header http.Header
	body   string
}

// ask sends a request as it is given: no redirect, no cleaning. header holds
// pairs of name and value.
func ask(t *testing.T, method, url, body string, header ...string) answered {
	t.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, url, in)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		} else {
			req.Header.Add(header[i], header[i+1])
		}
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return answered{resp.StatusCode, resp.Header, string(got)}
}

// want checks a status, and of an error that the body is one line.
func (a answered) want(t *testing.T, status int) {
	t.Helper()
	if a.status != status {
		t.Errorf("got status %d %q, want %d", a.status, a.body, status)
	}
	if a.status >= 400 && (strings.Count(a.body, "\n") != 1 || len(a.body) < 5 || len(a.body) > 200) {
		t.Errorf("got error body %q, want one clear line", a.body)
	}
}

// faultyStore answers everything with err.
type faultyStore struct {
	store
	err error
}

func (f faultyStore) GetItem(context.Context, string) (tiered.Item, error) {
	return tiered.Item{}, f.err
}
func (f faultyStore) Put(context.Context, string, []byte, time.Duration) (tiered.Item, error) {
	return tiered.Item{}, f.err
}
func (f faultyStore) Update(context.Context, string, tiered.UpdateFunc) (tiered.Item, error) {
	return tiered.Item{}, f.err
}
func (f faultyStore) CompareAndSet(context.Context, string, uint64, []byte, time.Duration) (tiered.Item, error) {
	return tiered.Item{}, f.err
}
func (f faultyStore) Delete(context.Context, string) error                   { return f.err }
func (f faultyStore) CompareAndDelete(context.Context, string, uint64) error { return f.err }
func (f faultyStore) Write(context.Context, *tiered.Batch) error             { return f.err }
func (f faultyStore) Scan(context.Context, string) iter.Seq2[tiered.Item, error] {
	return func(yield func(tiered.Item, error) bool) { yield(tiered.Item{}, f.err) }
}

func TestStoreErrorsHaveOneStatus(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	cases := []struct {
		err    error
		status int
	}{
		{tiered.ErrNotFound, 404},
		{tiered.ErrVersion, 412},
		{tiered.ErrTTL, 400},
		{tiered.ErrTooLarge, 413},
		{tiered.ErrFull, 507},
		{tiered.ErrUnavailable, 503},
		{tiered.ErrLocked, 503},
		{tiered.ErrClosed, 503},
		{tiered.ErrUnknownOutcome, 504},
		{fmt.Errorf("%w: %w", tiered.ErrUnknownOutcome, context.Canceled), 504}, // not 503: it may have happened
		{cancelled.Err(), 503},
		{context.DeadlineExceeded, 503},
		{tiered.ErrCorrupt, 500},
		{io.ErrUnexpectedEOF, 500},
	}
	for _, c := range cases {
		t.Run(c.err.Error(), func(t *testing.T) {
			const secret = "secret-path"
			_, url := startService(t, faultyStore{err: fmt.Errorf("op: %w (%s)", c.err, secret)})
			for _, a := range []answered{
				ask(t, "GET", url+"/v1/kv/k", ""),
				ask(t, "PUT", url+"/v1/kv/k", "v"),
				ask(t, "PUT", url+"/v1/kv/k?ttl=1m", "v"),
				ask(t, "PUT", url+"/v1/kv/k", "v", "If-Match", `"3"`),
				ask(t, "DELETE", url+"/v1/kv/k", ""),
				ask(t, "DELETE", url+"/v1/kv/k", "", "If-Match", `"3"`),
				ask(t, "GET", url+"/v1/scan", ""),
				ask(t, "POST", url+"/v1/batch", `{"op":"delete","key":"k"}`),
			} {
				a.want(t, c.status)
				if strings.Contains(a.body, secret) {
					t.Errorf("got %q, want nothing of the cause", a.body)
				}
				if retry := a.header.Get("Retry-After"); (retry != "") != (c.status == 503) {
					t.Errorf("got Retry-After %q with %d", retry, c.status)
				}
			}
		})
	}
}

func TestWrongMethodAndPath(t *testing.T) {
	url := memoryService(t)
	cases := []struct{ method, path, allow string }{
		{"POST", "/v1/kv/k", "GET, HEAD, PUT, DELETE"},
		{"OPTIONS", "/v1/kv/k", "GET, HEAD, PUT, DELETE"},
		{"HEAD", "/v1/scan", "GET"},
		{"PUT", "/v1/scan", "GET"},
		{"GET", "/v1/batch", "POST"},
		{"PUT", "/v1/batch", "POST"},
		{"DELETE", "/v1/stats", "GET, HEAD"},
		{"POST", "/", "GET, HEAD"},
	}
	for _, c := range cases {
		a := ask(t, c.method, url+c.path, "")
		if a.status != 405 || a.header.Get("Allow") != c.allow {
			t.Errorf("%s %s: got %d, Allow %q, want 405, %q", c.method, c.path, a.status, a.header.Get("Allow"), c.allow)
		}
	}
	for _, path := range []string{"/v1", "/v1/kv", "/v1/scan/", "/favicon.ico", "//", "/x/../v1/stats", "/v1%2Fkv/k"} {
		ask(t, "GET", url+path, "").want(t, 404)
	}
}

func TestRequestsAtATimeAreBounded(t *testing.T) {
	st, err := tiered.OpenMemory(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	s, url := startService(t, st)
	for range maxRequests {
		s.slots <- struct{}{}
	}
	ask(t, "PUT", url+"/v1/kv/k", "v").want(t, 503)
	<-s.slots
	ask(t, "PUT", url+"/v1/kv/k", "v").want(t, 204)
	ask(t, "GET", url+"/v1/kv/k", "").want(t, 200) // the slot was given back
}

func TestStatsCount(t *testing.T) {
	url := memoryService(t)
	ask(t, "PUT", url+"/v1/kv/k", "12345").want(t, 204)
	ask(t, "GET", url+"/v1/kv/k", "").want(t, 200)
	ask(t, "HEAD", url+"/v1/kv/k", "").want(t, 200)
	ask(t, "GET", url+"/v1/kv/none", "").want(t, 404)
	ask(t, "DELETE", url+"/v1/kv/none", "").want(t, 204)
	ask(t, "GET", url+"/v1/scan", "").want(t, 200)
	ask(t, "POST", url+"/v1/batch", `{"op":"check","key":"k","version":9}`).want(t, 412)
	a := ask(t, "GET", url+"/v1/stats", "")
	a.want(t, 200)
	var got struct {
		Uptime   float64           `json:"uptime_seconds"`
		Requests map[string]uint64 `json:"requests"`
		Answers  map[string]uint64 `json:"answers"`
		Running  int               `json:"running"`
		BytesIn  int               `json:"bytes_in"`
		Store    struct {
			Role string
			L3   struct{ Records int }
		} `json:"store"`
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatal(err)
	}
	requests := fmt.Sprint(got.Requests)
	if want := "map[batch:1 delete:1 get:3 other:1 put:1 scan:1]"; requests != want {
		t.Errorf("got requests %s, want %s", requests, want)
	}
	if want := "map[2xx:5 3xx:0 4xx:2 5xx:0 broken:0]"; fmt.Sprint(got.Answers) != want {
		t.Errorf("got answers %v, want %s", got.Answers, want)
	}
	if want := len("12345") + len(`{"op":"check","key":"k","version":9}`); got.BytesIn != want {
		t.Errorf("got %d bytes in, want %d", got.BytesIn, want)
	}
	if got.Running != 1 || got.Store.Role != "owner" || got.Store.L3.Records != 1 || got.Uptime <= 0 {
		t.Errorf("got %s", a.body)
	}
}

func TestBodiesAreBounded(t *testing.T) {
	chunked := func(n int) *http.Request {
		return httptest.NewRequest("PUT", "/", io.MultiReader(bytes.NewReader(make([]byte, n)))) // of unknown length
	}
	sized := func(n int) *http.Request {
		return httptest.NewRequest("PUT", "/", bytes.NewReader(make([]byte, n)))
	}
	const limit = 100 << 10
	cases := []struct {
		name   string
		req    *http.Request
		budget int64
		status int // 0: it is read
	}{
		{"empty", sized(0), limit, 0},
		{"at the limit", sized(limit), 1 << 20, 0},
		{"at the limit, chunked", chunked(limit), 1 << 20, 0},
		{"over the limit", sized(limit + 1), 1 << 20, 413},
		{"over the limit, chunked", chunked(limit + 1), 1 << 20, 413},
		{"over the budget", sized(limit), limit / 2, 503},
		{"over the budget, chunked", chunked(limit), limit / 2, 503},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBodies(c.budget)
			body, release, err := b.read(httptest.NewRecorder(), c.req, limit)
			if c.status != 0 {
				if status, _, _ := answer(err); status != c.status {
					t.Errorf("got %d (%v), want %d", status, err, c.status)
				}
			} else {
				if err != nil || len(body) != limit && c.name != "empty" {
					t.Fatalf("got %d bytes, %v, want all", len(body), err)
				}
				if held := c.budget - b.free; held < int64(len(body)) {
					t.Errorf("got %d bytes charged for %d", held, len(body))
				}
				release()
			}
			if b.free != c.budget {
				t.Errorf("got %d of the budget back, want %d", b.free, c.budget)
			}
		})
	}
}
