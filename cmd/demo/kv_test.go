package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

var oddKeys = []struct{ name, key string }{
	{"empty", ""},
	{"plain", "hello"},
	{"slash inside", "a/b"},
	{"two slashes inside", "a//b"},
	{"only a slash", "/"},
	{"slashes around", "//a//"},
	{"dot", "."},
	{"two dots", ".."},
	{"dots inside", "a/../b"},
	{"dots lead out", "../../v1/stats"},
	{"an escape", "%2F"},
	{"half an escape", "%"},
	{"NUL", "a\x00b"},
	{"newline", "a\r\nb"},
	{"not UTF-8", "\xff\xfe\x80"},
	{"UTF-8", "ключ/鍵"},
	{"of a query", "a?ttl=1s&b#c;d+e f"},
	{"longest", strings.Repeat("\xff", tiered.MaxKeyBytes)},
}

func TestKeysArriveExactly(t *testing.T) {
	forEachStore(t, func(t *testing.T, st *tiered.Store, _ *storetest.Clock) {
		_, base := startService(t, st)
		for _, c := range oddKeys {
			t.Run(c.name, func(t *testing.T) {
				whole := url.PathEscape(c.key)                // "/" escaped too
				bare := strings.ReplaceAll(whole, "%2F", "/") // "/" as it is
				dots := strings.ReplaceAll(whole, ".", "%2E") // "." escaped
				if put := ask(t, "PUT", base+"/v1/kv/"+whole, c.name); put.status != 204 {
					t.Fatalf("got %d %q, want 204", put.status, put.body)
				}
				it, err := st.GetItem(t.Context(), c.key)
				if err != nil || string(it.Value) != c.name {
					t.Fatalf("store has %q, %v under the key, want %q", it.Value, err, c.name)
				}
				for _, form := range []string{whole, bare, dots} {
					if got := ask(t, "GET", base+"/v1/kv/"+form, ""); got.status != 200 || got.body != c.name {
						t.Errorf("GET %.80s: got %d %q, want 200 %q", form, got.status, got.body, c.name)
					}
				}
				ask(t, "DELETE", base+"/v1/kv/"+bare, "").want(t, 204)
				ask(t, "GET", base+"/v1/kv/"+whole, "").want(t, 404)
			})
		}
		ask(t, "PUT", base+"/v1/kv/"+strings.Repeat("k", tiered.MaxKeyBytes+1), "v").want(t, 413)
	})
}

func TestRecordAnswers(t *testing.T) {
	forEachStore(t, func(t *testing.T, st *tiered.Store, clock *storetest.Clock) {
		_, base := startService(t, st)
		at := base + "/v1/kv/k"
		put := ask(t, "PUT", at+"?ttl=30m", "value")
		put.want(t, 204)
		got := ask(t, "GET", at, "")
		got.want(t, 200)
		tier := "l1" // the writer's own
		if strings.HasSuffix(t.Name(), "memory") {
			tier = "memory"
		}
		for name, want := range map[string]string{
			"ETag":                   put.header.Get("ETag"),
			"Expires":                clock.Wall().Add(30 * time.Minute).Format(http.TimeFormat),
			"X-Strata-Tier":          tier,
			"Content-Type":           "application/octet-stream",
			"X-Content-Type-Options": "nosniff",
			"Cache-Control":          "no-cache",
		} {
			if have := got.header.Get(name); have != want {
				t.Errorf("%s: got %q, want %q", name, have, want)
			}
		}
		if got.body != "value" || got.header.Get("ETag") == "" {
			t.Errorf("got %q with ETag %q", got.body, got.header.Get("ETag"))
		}
		head := ask(t, "HEAD", at, "")
		if head.status != 200 || head.body != "" || head.header.Get("Content-Length") != "5" {
			t.Errorf("HEAD: got %d, length %s", head.status, head.header.Get("Content-Length"))
		}
		if same := ask(t, "GET", at, "", "If-None-Match", put.header.Get("ETag")); same.status != 304 || same.body != "" {
			t.Errorf("got %d %q for the version that the client has, want 304", same.status, same.body)
		}
		ask(t, "GET", at, "", "If-None-Match", `"999"`).want(t, 200)

		clock.Advance(30*time.Minute - time.Millisecond)
		ask(t, "GET", at, "").want(t, 200)
		clock.Advance(time.Millisecond)
		ask(t, "GET", at, "").want(t, 404)

		ask(t, "PUT", at, "").want(t, 204) // an empty value is a value, and without a ttl it stays
		clock.Advance(1000 * time.Hour)
		got = ask(t, "GET", at, "")
		if got.status != 200 || got.body != "" || got.header.Values("Expires") != nil {
			t.Errorf("got %d %q, Expires %q, want an empty value without Expires", got.status, got.body, got.header.Values("Expires"))
		}
		ask(t, "DELETE", at, "").want(t, 204)
		ask(t, "DELETE", at, "").want(t, 204) // absent is fine
		ask(t, "GET", at, "").want(t, 404)
	})
}

func TestBadQueries(t *testing.T) {
	base := memoryService(t)
	for _, query := range []string{
		"ttl=", "ttl=30", "ttl=-5s", "ttl=-0s", "ttl=abc", "ttl=1m&ttl=2m", "tll=30m", "ttl=1m&x=1", "x", "ttl=%zz", "a;b",
		"ttl=-9223372036854775808ns",
	} {
		ask(t, "PUT", base+"/v1/kv/k?"+query, "v").want(t, 400)
		ask(t, "GET", base+"/v1/kv/k", "").want(t, 404) // nothing was written
	}
	for _, query := range []string{"ttl=0", "ttl=0s", "ttl=1ns", "ttl=1h30m", "ttl=87600h"} {
		ask(t, "PUT", base+"/v1/kv/k?"+query, "v").want(t, 204)
	}
	ask(t, "GET", base+"/v1/kv/k?ttl=1m", "").want(t, 400)
	ask(t, "DELETE", base+"/v1/kv/k?ttl=1m", "").want(t, 400)
	ask(t, "GET", base+"/v1/scan?prefx=a", "").want(t, 400)
	ask(t, "GET", base+"/v1/stats?x=1", "").want(t, 400)
	ask(t, "POST", base+"/v1/batch?x=1", `{"op":"delete","key":"k"}`).want(t, 400)
}

func TestConditions(t *testing.T) {
	const current = "CURRENT" // stands for the tag of the record that is there
	cases := []struct {
		name, method string
		there        bool
		header       []string
		status       int
	}{
		{"create", "PUT", false, []string{"If-None-Match", "*"}, 204},
		{"create over a record", "PUT", true, []string{"If-None-Match", "*"}, 412},
		{"replace", "PUT", true, []string{"If-Match", current}, 204},
		{"replace another version", "PUT", true, []string{"If-Match", `"999999"`}, 412},
		{"replace nothing", "PUT", false, []string{"If-Match", `"1"`}, 412},
		{"replace any", "PUT", true, []string{"If-Match", "*"}, 204},
		{"replace any, nothing there", "PUT", false, []string{"If-Match", "*"}, 412},
		{"version 0 is no version, not absence", "PUT", false, []string{"If-Match", `"0"`}, 412},
		{"leading zeros are another tag", "PUT", true, []string{"If-Match", `"01"`}, 412},
		{"above 64 bits", "PUT", true, []string{"If-Match", `"18446744073709551617"`}, 412},
		{"a tag of others", "PUT", true, []string{"If-Match", `"abc"`}, 412},
		{"a weak tag", "PUT", true, []string{"If-Match", "W/" + current}, 412},
		{"unquoted", "PUT", true, []string{"If-Match", "17"}, 400},
		{"half quoted", "PUT", true, []string{"If-Match", `"17`}, 400},
		{"empty", "PUT", true, []string{"If-Match", ""}, 400},
		{"a list", "PUT", true, []string{"If-Match", `"1", "2"`}, 400},
		{"two lines", "PUT", true, []string{"If-Match", `"1"`, "If-Match", `"2"`}, 400},
		{"both", "PUT", true, []string{"If-Match", current, "If-None-Match", "*"}, 400},
		{"unless a version", "PUT", true, []string{"If-None-Match", `"1"`}, 400},
		{"delete", "DELETE", true, []string{"If-Match", current}, 204},
		{"delete another version", "DELETE", true, []string{"If-Match", `"999999"`}, 412},
		{"delete nothing", "DELETE", false, []string{"If-Match", `"1"`}, 412},
		{"delete version 0", "DELETE", false, []string{"If-Match", `"0"`}, 412},
		{"delete any", "DELETE", true, []string{"If-Match", "*"}, 204},
		{"delete any, nothing there", "DELETE", false, []string{"If-Match", "*"}, 412},
		{"delete if absent", "DELETE", true, []string{"If-None-Match", "*"}, 400},
	}
	forEachStore(t, func(t *testing.T, st *tiered.Store, _ *storetest.Clock) {
		_, base := startService(t, st)
		for i, c := range cases {
			for _, query := range []string{"", "?ttl=1h"} {
				if query != "" && c.method != "PUT" {
					continue
				}
				t.Run(c.name+query, func(t *testing.T) {
					at := fmt.Sprintf("%s/v1/kv/%d%s", base, i, query)
					key := fmt.Sprintf("%s/v1/kv/%d", base, i)
					ask(t, "DELETE", key, "").want(t, 204)
					tag := ""
					if c.there {
						tag = ask(t, "PUT", key, "old").header.Get("ETag")
					}
					header := make([]string, len(c.header))
					for j, h := range c.header {
						header[j] = strings.ReplaceAll(h, current, tag)
					}
					got := ask(t, c.method, at, "new", header...)
					got.want(t, c.status)
					if c.status == 412 && got.header.Get("ETag") != tag {
						t.Errorf("got ETag %q with 412, want the current %q", got.header.Get("ETag"), tag)
					}
					after := ask(t, "GET", key, "")
					switch {
					case c.status != 204 && c.there && after.body != "old",
						c.status != 204 && !c.there && after.status != 404:
						t.Errorf("got %d %q after a refusal, want it untouched", after.status, after.body)
					case c.status == 204 && c.method == "PUT" && (after.body != "new" || after.header.Get("ETag") != got.header.Get("ETag")):
						t.Errorf("got %q %s, want what was put as %s", after.body, after.header.Get("ETag"), got.header.Get("ETag"))
					case c.status == 204 && c.method == "DELETE" && after.status != 404:
						t.Errorf("got %d after the delete, want 404", after.status)
					}
				})
			}
		}
	})
}
