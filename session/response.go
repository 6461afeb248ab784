package session

import (
	"bufio"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
)

// errUnsaved is what a handler gets that writes on after the error handler has
// answered in its place.
var errUnsaved = errors.New("session: the answer was replaced: the session could not be saved")

// response commits the session before the first byte goes out (4).
type response struct {
	w      http.ResponseWriter
	s      *Session
	before http.Header // what was set before the handler ran
	begun  bool        // the session is committed and the header complete
	failed bool        // the error handler has answered
}

func newResponse(w http.ResponseWriter, s *Session) *response {
	a := &response{w: w, s: s}
	if h := w.Header(); len(h) > 0 {
		a.before = h.Clone()
	}
	return a
}

// begin commits. It reports whether the handler's answer, which has code, may go
// out.
func (a *response) begin(code int) bool {
	if a.begun {
		return !a.failed
	}
	a.begun = true
	err := a.s.seal(a.w.Header(), code)
	if err == nil {
		return true
	}
	a.failed = true
	h := a.w.Header()
	clear(h)
	maps.Copy(h, a.before)
	a.s.m.fail(a.w, a.s.r, err, false)
	return false
}

// seal commits s and puts what the client has to know into h, the header of an
// answer with code. An error that the handler has had is no longer one if that
// answer is about it (4).
func (s *Session) seal(h http.Header, code int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.commit(s.ctx); err != nil {
		if !s.told && (s.refused == nil || code < 400) {
			return err
		}
		s.m.note(s.r, err)
	}
	t := s.m.opts.Transport
	if s.loaded || s.token != "" { // what is loaded only later may show in the body
		addVary(h, t.Vary())
	}
	switch {
	case s.done.send:
		t.Send(h, s.done.token, s.done.maxAge)
	case s.done.clear:
		t.Clear(h)
	}
	return nil
}

func addVary(h http.Header, name string) {
	for _, line := range h["Vary"] {
		for field := range strings.SplitSeq(line, ",") {
			if field = strings.TrimSpace(field); field == "*" || strings.EqualFold(field, name) {
				return
			}
		}
	}
	h["Vary"] = append(slices.Clip(h["Vary"]), name)
}

// Header is the header below.
func (a *response) Header() http.Header { return a.w.Header() }

// Unwrap is for http.ResponseController.
func (a *response) Unwrap() http.ResponseWriter { return a.w }

// WriteHeader commits; informational answers go out before.
func (a *response) WriteHeader(code int) {
	informational := code >= 100 && code < 200 && code != http.StatusSwitchingProtocols
	if !a.begun && informational || a.begin(code) {
		a.w.WriteHeader(code)
	}
}

// Write commits.
func (a *response) Write(b []byte) (int, error) {
	if !a.begin(http.StatusOK) {
		return 0, errUnsaved
	}
	return a.w.Write(b)
}

// WriteString is Write.
func (a *response) WriteString(text string) (int, error) {
	if !a.begin(http.StatusOK) {
		return 0, errUnsaved
	}
	return io.WriteString(a.w, text)
}

// ReadFrom commits; sendfile works below it.
func (a *response) ReadFrom(from io.Reader) (int64, error) {
	if !a.begin(http.StatusOK) {
		return 0, errUnsaved
	}
	return io.Copy(a.w, from)
}

// Push is HTTP/2's, where there is one. It sends no header of this answer.
func (a *response) Push(target string, opts *http.PushOptions) error {
	if p, ok := a.w.(http.Pusher); ok {
		return p.Push(target, opts)
	}
	return http.ErrNotSupported
}

func (a *response) flush() error {
	if !a.begin(http.StatusOK) {
		return errUnsaved
	}
	return http.NewResponseController(a.w).Flush()
}

func (a *response) hijack() (net.Conn, *bufio.ReadWriter, error) {
	if !a.begin(http.StatusOK) {
		return nil, nil, errUnsaved
	}
	conn, rw, err := http.NewResponseController(a.w).Hijack()
	if err == nil {
		a.s.keepWatch()
	}
	return conn, rw, err
}

// keepWatch leaves Done working when the handler of a hijacked connection
// returns.
func (s *Session) keepWatch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = true
}

// offering gives a with Flush and Hijack if there are such below: callers ask
// for them by type.
func (a *response) offering() http.ResponseWriter {
	flushes, hijacks := abilities(a.w)
	switch {
	case flushes && hijacks:
		return flushHijacker{flusher{a}}
	case flushes:
		return flusher{a}
	case hijacks:
		return hijacker{a}
	}
	return a
}

// abilities says what w or a writer that it wraps can do.
func abilities(w http.ResponseWriter) (flushes, hijacks bool) {
	for {
		switch w.(type) {
		case http.Flusher, interface{ FlushError() error }:
			flushes = true
		}
		if _, ok := w.(http.Hijacker); ok {
			hijacks = true
		}
		inner, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return flushes, hijacks
		}
		w = inner.Unwrap()
	}
}

type flusher struct{ *response }

func (f flusher) Flush()            { _ = f.flush() }
func (f flusher) FlushError() error { return f.flush() }

type hijacker struct{ *response }

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { return h.hijack() }

type flushHijacker struct{ flusher }

func (f flushHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { return f.hijack() }
