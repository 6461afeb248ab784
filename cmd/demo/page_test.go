package main

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"
)

func TestPageRunsUnderItsPolicy(t *testing.T) {
	got := ask(t, "GET", memoryService(t)+"/", "")
	got.want(t, 200)
	if ct := got.header.Get("Content-Type"); ct != "text/html; charset=utf-8" {
		t.Errorf("got Content-Type %q", ct)
	}
	policies := got.header.Values("Content-Security-Policy")
	if len(policies) != 1 {
		t.Fatalf("got policies %q, want one", policies)
	}
	for _, part := range []string{"default-src 'none'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policies[0], part) {
			t.Errorf("got policy %q, want %s in it", policies[0], part)
		}
	}
	if strings.Contains(policies[0], "unsafe") || strings.Contains(policies[0], "sandbox") {
		t.Errorf("got policy %q", policies[0])
	}
	for _, tag := range []string{"script", "style"} {
		elements := regexp.MustCompile(`(?s)<`+tag+`\b([^>]*)>(.*?)</`+tag+`>`).FindAllStringSubmatch(got.body, -1)
		if len(elements) != 1 || elements[0][1] != "" {
			t.Fatalf("got %d elements %s, want one without attributes", len(elements), tag)
		}
		sum := sha256.Sum256([]byte(elements[0][2]))
		if want := tag + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policies[0], want) {
			t.Errorf("got policy %q, want %s in it", policies[0], want)
		}
	}
	// What the policy would block, or what would come from elsewhere.
	for _, bad := range []string{`\sstyle=`, `\son[a-z]+=`, `\ssrc=`, `https?://`, `url\(`, `@import`, `innerHTML`, `eval\(`} {
		if found := regexp.MustCompile(bad).FindString(got.body); found != "" {
			t.Errorf("got %q in the page", found)
		}
	}
}
