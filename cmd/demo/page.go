package main

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"strings"
)

//go:embed page.html
var pageHTML string

// page is the one page, and the policy that lets a browser run what is in it
// and nothing else.
type page struct {
	body   []byte
	policy string
}

func newPage() *page {
	return &page{
		body: []byte(pageHTML),
		policy: strings.Join([]string{
			"default-src 'none'",
			"script-src " + sourceHash(pageHTML, "script"),
			"style-src " + sourceHash(pageHTML, "style"),
			"connect-src 'self'",
			"img-src data:",
			"base-uri 'none'",
			"form-action 'none'",
			"frame-ancestors 'none'",
			"require-trusted-types-for 'script'",
		}, "; "),
	}
}

// sourceHash gives the policy's source expression for the content of the only
// element tag of html.
func sourceHash(html, tag string) string {
	_, rest, _ := strings.Cut(html, "<"+tag+">")
	content, _, _ := strings.Cut(rest, "</"+tag+">")
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func (p *page) serve(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", p.policy)
	h.Set("Cache-Control", "no-cache")
	_, _ = bytes.NewReader(p.body).WriteTo(w) // a client that left has no one to tell
	return nil
}
