package main

import (
	"net/http"
	"strings"
	"testing"
)

func TestHosts(t *testing.T) {
	base := memoryService(t) // with -addr demo.example:8080
	cases := []struct {
		host   string
		served bool
	}{
		{"localhost", true},
		{"localhost:1", true},
		{"LocalHost.:8080", true},
		{"a.localhost:8080", true},
		{"127.0.0.1", true},
		{"192.168.7.7:99", true},
		{"[::1]:8080", true},
		{"[::1]", true},
		{"[fe80::1]:8080", true},
		{"demo.example", true},
		{"DEMO.example.:1", true},
		{"evil.example", false},
		{"evil.example:8080", false},
		{"localhost.evil.example", false},
		{"notlocalhost", false},
		{"127.0.0.1.evil.example", false},
		{"demo.example.evil.example", false},
		{"0x7f.1", false},
	}
	for _, c := range cases {
		for _, path := range []string{"/v1/stats", "/", "/v1/kv/k"} {
			got := ask(t, "GET", base+path, "", "Host", c.host)
			if (got.status != http.StatusMisdirectedRequest) != c.served {
				t.Errorf("%s with Host %q: got %d, want served: %v", path, c.host, got.status, c.served)
			}
		}
	}
	for addr, want := range map[string]bool{"": false, ":8080": false, "0.0.0.0:80": false} {
		if got := knownHost(hostName("evil.example"), hostName(addr)) || knownHost("", hostName(addr)); got != want {
			t.Errorf("-addr %q lets other hosts in", addr)
		}
	}
}

func TestWritesOfOtherOriginsAreRefused(t *testing.T) {
	base := memoryService(t)
	at := base + "/v1/kv/k"
	cases := []struct {
		name    string
		header  []string
		refused bool
	}{
		{"no browser", nil, false},
		{"own page", []string{"Sec-Fetch-Site", "same-origin", "Origin", base}, false},
		{"other site", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, true},
		{"other port of this host", []string{"Sec-Fetch-Site", "same-site", "Origin", "http://127.0.0.1:1"}, true},
		{"old browser, other site", []string{"Origin", "https://evil.example"}, true},
		{"old browser, own page", []string{"Origin", base}, false},
		{"opaque origin", []string{"Origin", "null"}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			status := 204
			if c.refused {
				status = 403
			}
			ask(t, "PUT", at, "v", c.header...).want(t, status)
			ask(t, "POST", base+"/v1/batch", `{"op":"delete","key":"k"}`, c.header...).want(t, status)
			ask(t, "DELETE", at, "", c.header...).want(t, status)
		})
	}
}

func TestAnswersCarrySafetyHeaders(t *testing.T) {
	base := memoryService(t)
	ask(t, "PUT", base+"/v1/kv/k", "<script>alert(1)</script>").want(t, 204)
	for _, path := range []string{"/v1/kv/k", "/v1/kv/none", "/v1/scan", "/v1/stats", "/none"} {
		h := ask(t, "GET", base+path, "").header
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" ||
			!strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'") || strings.Contains(h.Get("Content-Type"), "html") {
			t.Errorf("%s: got %v", path, h)
		}
	}
}
