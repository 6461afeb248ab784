package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stratakv/strata/tiered"
)

// counts are the service's own counters. counted writes them all.
type counts struct {
	get, put, remove, scan, batch, other      atomic.Uint64 // requests by what they ask for
	ok, redirected, refused, failed, abortive atomic.Uint64 // answers: 2xx, 3xx, 4xx, 5xx, broken off
	bytesIn, bytesOut                         atomic.Uint64 // of bodies
	running                                   atomic.Int64
}

// statsAnswer is the body of GET /v1/stats.
type statsAnswer struct {
	UptimeSeconds float64           `json:"uptime_seconds"`
	Requests      map[string]uint64 `json:"requests"`
	Answers       map[string]uint64 `json:"answers"`
	Running       int64             `json:"running"` // this request included
	BytesIn       uint64            `json:"bytes_in"`
	BytesOut      uint64            `json:"bytes_out"`
	Store         tiered.Stats      `json:"store"`
}

func (s *service) stats(w http.ResponseWriter, r *http.Request) error {
	if _, err := queryOf(r); err != nil {
		return err
	}
	c := &s.counts
	body, err := json.Marshal(statsAnswer{
		UptimeSeconds: time.Since(s.begun).Seconds(),
		Requests: map[string]uint64{
			"get": c.get.Load(), "put": c.put.Load(), "delete": c.remove.Load(),
			"scan": c.scan.Load(), "batch": c.batch.Load(), "other": c.other.Load(),
		},
		Answers: map[string]uint64{
			"2xx": c.ok.Load(), "3xx": c.redirected.Load(), "4xx": c.refused.Load(),
			"5xx": c.failed.Load(), "broken": c.abortive.Load(),
		},
		Running:  c.running.Load(),
		BytesIn:  c.bytesIn.Load(),
		BytesOut: c.bytesOut.Load(),
		Store:    s.store.Stats(),
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(append(body, '\n')) // a client that left has no one to tell
	return nil
}

// counted counts the request and its answer, a broken one too.
func (s *service) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &s.counts
		c.running.Add(1)
		c.kind(r).Add(1)
		answer := &countedWriter{ResponseWriter: w}
		body := &countedBody{ReadCloser: r.Body}
		r.Body = body
		finished := false
		defer func() {
			c.running.Add(-1)
			c.bytesIn.Add(body.bytes)
			c.bytesOut.Add(answer.bytes)
			if finished {
				c.class(answer.status).Add(1)
			} else {
				c.abortive.Add(1)
			}
		}()
		next.ServeHTTP(answer, r)
		finished = true
	})
}

func (c *counts) kind(r *http.Request) *atomic.Uint64 {
	path := r.URL.EscapedPath()
	switch {
	case path == "/v1/scan":
		return &c.scan
	case path == "/v1/batch":
		return &c.batch
	case !strings.HasPrefix(path, "/v1/kv/"):
		return &c.other
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return &c.get
	case http.MethodPut:
		return &c.put
	case http.MethodDelete:
		return &c.remove
	}
	return &c.other
}

func (c *counts) class(status int) *atomic.Uint64 {
	switch {
	case status >= 500:
		return &c.failed
	case status >= 400:
		return &c.refused
	case status >= 300:
		return &c.redirected
	}
	return &c.ok
}

// countedWriter sees status and length of an answer.
type countedWriter struct {
	http.ResponseWriter
	status int
	bytes  uint64
}

// Unwrap lets http.ResponseController reach the connection.
func (w *countedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *countedWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *countedWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.bytes += uint64(n)
	return n, err
}

// countedBody counts what is read of a request's body.
type countedBody struct {
	io.ReadCloser
	bytes uint64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes += uint64(n)
	return n, err
}
