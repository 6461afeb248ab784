package main

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// guard keeps other sites' pages from the service: by the Host header against
// DNS rebinding, and by the origin of unsafe requests against forgery. It also
// sets the headers that every answer carries.
func guard(addr string, next http.Handler) http.Handler {
	own := hostName(addr)
	origins := http.NewCrossOriginProtection()
	origins.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		failWith(w, http.StatusForbidden, "write from a page of another origin refused")
	}))
	checked := origins.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		if !knownHost(hostName(r.Host), own) {
			failWith(w, http.StatusMisdirectedRequest, "this host name is not served here; use localhost, an IP address, or the host of -addr")
			return
		}
		checked.ServeHTTP(w, r)
	})
}

// hostName gives the host of host[:port] in lower case, without brackets and
// the root's dot.
func hostName(hostPort string) string {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(hostPort, "["), "]")
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// knownHost reports whether host is a loopback name, an IP literal or own.
func knownHost(host, own string) bool {
	if host == "" {
		return false
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || host == own {
		return true
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}
