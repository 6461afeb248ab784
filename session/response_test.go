package session_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stratakv/strata/session"
)

// hijackable is a recorder whose connection can be taken over.
type hijackable struct {
	*httptest.ResponseRecorder
	conn net.Conn
}

func (h *hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	here, there := net.Pipe()
	h.conn = there
	return here, bufio.NewReadWriter(bufio.NewReader(here), bufio.NewWriter(here)), nil
}

// plain can only write.
type plain struct{ w *httptest.ResponseRecorder }

func (p plain) Header() http.Header         { return p.w.Header() }
func (p plain) Write(b []byte) (int, error) { return p.w.Write(b) }
func (p plain) WriteHeader(code int)        { p.w.WriteHeader(code) }

// covered hides what it can do behind Unwrap.
type covered struct {
	plain
	inner http.ResponseWriter
}

func (c covered) Unwrap() http.ResponseWriter { return c.inner }

// pushing is HTTP/2's writer.
type pushing struct {
	*httptest.ResponseRecorder
	pushed string
}

func (p *pushing) Push(target string, _ *http.PushOptions) error {
	p.pushed = target
	return nil
}

// Invariant 4: whatever writes first, the store has the session before.
func TestSavedBeforeTheFirstByte(t *testing.T) {
	for name, write := range map[string]func(w http.ResponseWriter) error{
		"WriteHeader": func(w http.ResponseWriter) error { w.WriteHeader(201); return nil },
		"Write":       func(w http.ResponseWriter) error { _, err := w.Write([]byte("x")); return err },
		"WriteString": func(w http.ResponseWriter) error { _, err := io.WriteString(w, "x"); return err },
		"ReadFrom": func(w http.ResponseWriter) error {
			_, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("x"))
			return err
		},
		"io.Copy":            func(w http.ResponseWriter) error { _, err := io.Copy(w, strings.NewReader("x")); return err },
		"Flush":              func(w http.ResponseWriter) error { w.(http.Flusher).Flush(); return nil },
		"ResponseController": func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
		"http.Redirect": func(w http.ResponseWriter) error {
			http.Redirect(w, httptest.NewRequest("GET", "/", nil), "/next", http.StatusSeeOther)
			return nil
		},
	} {
		e := newEnv(t, session.Options{})
		var during int
		res := e.browser().do(func(w http.ResponseWriter, r *http.Request) {
			if err := session.From(r.Context()).Set("k", 1); err != nil {
				t.Error(err)
			}
			if len(e.store.keys(t)) != 0 {
				t.Errorf("%s: saved before there was a need", name)
			}
			if err := write(w); err != nil {
				t.Errorf("%s: got %v", name, err)
			}
			during = len(e.store.keys(t))
		})
		if during != 1 || len(res.Cookies()) != 1 {
			t.Errorf("%s: got %d records and %d cookies, want 1 and 1", name, during, len(res.Cookies()))
		}
	}
}

func TestInformationalAnswerDoesNotCommit(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	server := httptest.NewServer(e.m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		if err := session.From(r.Context()).Set("k", 1); err != nil {
			t.Errorf("after 103: %v", err)
		}
		w.WriteHeader(http.StatusAccepted)
	})))
	defer server.Close()
	res, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	b.keep(res)
	wantStatus(t, "after 103", res, http.StatusAccepted)
	b.want("next request", "k", int64(1))
}

// A writer offers what the one below can do, and no more.
func TestAbilitiesAreThoseBelow(t *testing.T) {
	rec := httptest.NewRecorder
	tests := []struct {
		name          string
		w             http.ResponseWriter
		flush, hijack bool
	}{
		{"neither", plain{rec()}, false, false},
		{"flush", rec(), true, false},
		{"both", &hijackable{ResponseRecorder: rec()}, true, true},
		{"both, below another", covered{plain{rec()}, &hijackable{ResponseRecorder: rec()}}, true, true},
		{"hijack alone", struct {
			plain
			http.Hijacker
		}{plain{rec()}, &hijackable{ResponseRecorder: rec()}}, false, true},
	}
	for _, tt := range tests {
		e := newEnv(t, session.Options{})
		e.m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, flush := w.(http.Flusher)
			_, hijack := w.(http.Hijacker)
			if flush != tt.flush || hijack != tt.hijack {
				t.Errorf("%s: got flush %v hijack %v, want %v %v", tt.name, flush, hijack, tt.flush, tt.hijack)
			}
			rc := http.NewResponseController(w)
			if err := rc.Flush(); errors.Is(err, http.ErrNotSupported) == tt.flush {
				t.Errorf("%s: ResponseController.Flush: got %v", tt.name, err)
			}
			if _, _, err := rc.Hijack(); errors.Is(err, http.ErrNotSupported) == tt.hijack {
				t.Errorf("%s: ResponseController.Hijack: got %v", tt.name, err)
			}
		})).ServeHTTP(tt.w, httptest.NewRequest("GET", "/", nil))
	}
}

func TestPush(t *testing.T) {
	e := newEnv(t, session.Options{})
	w := &pushing{ResponseRecorder: httptest.NewRecorder()}
	handler := e.m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := w.(http.Pusher).Push("/style.css", nil)
		if err := session.From(r.Context()).Set("pushed", err == nil); err != nil {
			t.Errorf("after a push: %v", err)
		}
	}))
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.pushed != "/style.css" {
		t.Errorf("got %q pushed", w.pushed)
	}
	e.m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		wantErr(t, "HTTP/1", w.(http.Pusher).Push("/", nil), http.ErrNotSupported)
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

// Server-sent events over a real connection: the cookie comes with the first
// flush, changes after that are refused.
func TestServerSentEvents(t *testing.T) {
	e := newEnv(t, session.Options{})
	next := make(chan struct{})
	late := make(chan error, 1)
	server := httptest.NewServer(e.m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if err := s.Set("k", "v"); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Errorf("through Unwrap: %v", err)
		}
		for range 3 {
			if _, err := io.WriteString(w, "data: tick\n\n"); err != nil {
				t.Error(err)
			}
			w.(http.Flusher).Flush()
			<-next
		}
		late <- s.Set("k", "late")
	})))
	defer server.Close()
	res, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b := e.browser()
	b.keep(res)
	b.want("while the answer is under way", "k", "v")
	lines := bufio.NewScanner(res.Body)
	for range 3 {
		if !lines.Scan() || lines.Text() != "data: tick" {
			t.Fatalf("got %q, %v", lines.Text(), lines.Err())
		}
		lines.Scan()
		next <- struct{}{}
	}
	wantErr(t, "a change in mid stream", <-late, session.ErrFinal)
	b.want("after it", "k", "v")
}

// Invariant 11, and one log line for the request.
func TestChangeAfterTheFirstByteIsRefused(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	b.do(func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		w.WriteHeader(http.StatusOK)
		_, errFlashes := s.Flashes("f")
		for name, err := range map[string]error{
			"Set": s.Set("k", 2), "SetFor": s.SetFor("k", 2, minute), "Delete": s.Delete("k"), "Clear": s.Clear(),
			"Flash": s.Flash("f", 1), "Flashes": errFlashes, "KeepFlash": s.KeepFlash(), "Renew": s.Renew(),
			"RenewGrace": s.RenewGrace(minute), "Destroy": s.Destroy("x"), "BindUser": s.BindUser("alice"),
			"SetIdle": s.SetIdle(minute), "SetLifetime": s.SetLifetime(minute), "SetPersistent": s.SetPersistent(true),
			"SetMode": s.SetMode(session.Strict),
		} {
			wantErr(t, name, err, session.ErrFinal)
		}
		if v, _, err := s.Get("k"); v != "v" || err != nil {
			t.Errorf("reading goes on: got %v %v", v, err)
		}
	})
	if got := strings.Count(e.log.String(), "\n"); got != 1 {
		t.Errorf("got %d log lines, want 1:\n%s", got, e.log)
	}
	b.want("after it", "k", "v")
}

// A request may look at its session for the first time in mid answer.
func TestReadAfterTheFirstByte(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	b.do(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		s := session.From(r.Context())
		if v, _, err := s.Get("k"); v != "v" || err != nil {
			t.Errorf("got %v %v, want v", v, err)
		}
		done := s.Done()
		b.tab().with(func(s *session.Session) error { return s.Destroy("logout") })
		e.wantDone("destroyed in mid answer", done, true)
	})
}

// An answer varies if a session was used for it, or still can be when its header
// is gone.
func TestVaryIfASessionCanShow(t *testing.T) {
	e := newEnv(t, session.Options{})
	stranger, b := e.browser(), e.returned()
	stranger.cookie = "no id"
	load := func(_ http.ResponseWriter, r *http.Request) {
		if err := session.From(r.Context()).Load(r.Context()); err != nil {
			t.Error(err)
		}
	}
	for name, c := range map[string]struct {
		b    *browser
		f    func(http.ResponseWriter, *http.Request)
		want string
	}{
		"no id, untouched": {stranger, func(http.ResponseWriter, *http.Request) {}, ""},
		"no id, used":      {stranger, load, "Cookie"},
		"used":             {b, load, "Cookie"},
		"used in mid answer": {b, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "<html>")
			load(w, r)
		}, "Cookie"},
	} {
		if got := c.b.do(c.f).Header.Get("Vary"); got != c.want {
			t.Errorf("%s: got Vary %q, want %q", name, got, c.want)
		}
	}
}

// A hijack commits, and the header that the hijacker may send has the cookie.
func TestHijackCommits(t *testing.T) {
	e := newEnv(t, session.Options{})
	w := &hijackable{ResponseRecorder: httptest.NewRecorder()}
	e.m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if err := s.Set("k", "v"); err != nil {
			t.Error(err)
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		wantErr(t, "after the hijack", s.Set("k", 2), session.ErrFinal)
	})).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if len(e.store.keys(t)) != 1 || w.Header().Get("Set-Cookie") == "" {
		t.Error("the session was not saved, or its cookie is not in the header")
	}
	w = &hijackable{ResponseRecorder: httptest.NewRecorder()}
	e.store.breakWith(func(string) error { return errBroken })
	e.m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := session.From(r.Context()).Set("k", "v"); err != nil {
			t.Error(err)
		}
		if _, _, err := w.(http.Hijacker).Hijack(); err == nil {
			t.Error("a connection was taken over although the session could not be saved")
		}
	})).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusServiceUnavailable || w.conn != nil {
		t.Errorf("got status %d, want 503 on the connection", w.Code)
	}
}
