package compat

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	httpcachelib "github.com/gregjones/httpcache"
	"github.com/gregjones/httpcache/test"

	"github.com/stratakv/strata/adapter/httpcache"
	"github.com/stratakv/strata/tiered"
)

// The library's own suite for caches.
func TestHTTPCacheSuite(t *testing.T) {
	test.Cache(t, httpcache.New(memory(t), nil))
}

// A Transport over a directory, across a restart.
func TestHTTPCache(t *testing.T) {
	served, revalidated := 0, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"1"`)
		if r.URL.Path == "/fresh" {
			w.Header().Set("Cache-Control", "max-age=3600")
		}
		if r.Header.Get("If-None-Match") == `"1"` {
			revalidated++
			w.WriteHeader(http.StatusNotModified)
			return
		}
		served++
		fmt.Fprint(w, "page "+r.URL.Path)
	}))
	defer server.Close()
	dir := filepath.Join(t.TempDir(), "db")
	run := func(close bool, fromCache string, paths ...string) {
		t.Helper()
		db, err := tiered.Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		faults := 0
		cache := httpcache.New(db, &httpcache.Options{OnError: func(error) { faults++ }})
		if close {
			db.Close()
		}
		client := httpcachelib.NewTransport(cache).Client()
		for _, path := range paths {
			res, err := client.Get(server.URL + path)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			from := res.Header.Get(httpcachelib.XFromCache)
			if string(body) != "page "+path || from != fromCache || err != nil {
				t.Errorf("%s: got %q from cache %q, %v, want its page from cache %q", path, body, from, err, fromCache)
			}
		}
		if close != (faults > 0) {
			t.Errorf("OnError: got %d calls, store closed: %v", faults, close)
		}
	}
	run(false, "", "/fresh", "/checked")
	run(false, "1", "/fresh", "/checked")
	if served != 2 || revalidated != 1 {
		t.Errorf("server: got %d served, %d revalidated, want 2, 1", served, revalidated)
	}
	run(true, "", "/fresh", "/checked") // a fault is a miss
	if served != 4 {
		t.Errorf("server: got %d served after a fault, want 4", served)
	}
}
