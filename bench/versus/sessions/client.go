package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// client sends one request at a time, with its sessions in turn. It is also the
// writer of the answers.
type client struct {
	request *http.Request
	cookies []string // header lines; "": no session yet
	turn    int
	header  http.Header
	status  int
	body    []byte
}

func newClient(ctx context.Context, sessions int) *client {
	r, err := http.NewRequestWithContext(ctx, "GET", "https://example.test/", nil)
	if err != nil {
		panic(err) // the URL is a constant
	}
	r.RemoteAddr = "192.0.2.1:1234"
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	return &client{request: r, cookies: make([]string, sessions), header: http.Header{}}
}

func (c *client) Header() http.Header { return c.header }

func (c *client) WriteHeader(status int) { c.status = status }

func (c *client) Write(b []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	c.body = append(c.body, b...)
	return len(b), nil
}

// ask requests page with the next session, and checks the answer.
func (c *client) ask(h http.Handler, page string) error {
	cookie := &c.cookies[c.turn]
	c.turn = (c.turn + 1) % len(c.cookies)
	if *cookie == "" {
		delete(c.request.Header, "Cookie")
	} else {
		c.request.Header["Cookie"] = []string{*cookie}
	}
	clear(c.header)
	c.request.URL.Path, c.status, c.body = page, 0, c.body[:0]
	h.ServeHTTP(c, c.request)
	if c.status != http.StatusOK || string(c.body) != user {
		return fmt.Errorf("%s: got status %d, %.200q", page, c.status, c.body)
	}
	if set := c.header["Set-Cookie"]; len(set) > 0 {
		*cookie, _, _ = strings.Cut(set[0], ";")
	}
	return nil
}
