package session_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stratakv/strata/session"
)

// An error of a commit of its own is the handler's to answer (4).
func TestErrorOfCommitIsTheHandlers(t *testing.T) {
	e := newEnv(t, session.Options{Mode: session.Strict})
	b := e.returned()
	res := b.do(func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if err := s.Set("k", "mine"); err != nil {
			t.Error(err)
		}
		b.tab().set("k", "another's")
		_, _, err := e.m.Commit(r.Context(), s)
		wantErr(t, "Commit", err, session.ErrConflict)
		_, _, err = e.m.Commit(r.Context(), s)
		wantErr(t, "Commit again", err, session.ErrConflict)
		_, err = io.WriteString(w, "somebody else has changed it")
		wantErr(t, "the answer", err, nil)
	})
	if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK || !strings.HasPrefix(string(body), "somebody") {
		t.Errorf("got %d %q, want the handler's answer", res.StatusCode, body)
	}
	if len(res.Cookies()) != 0 || res.Header.Get("Vary") != "Cookie" {
		t.Errorf("got header %v, want no cookie, Vary: Cookie", res.Header)
	}
	b.want("afterwards", "k", "another's")
}

// A handler that answers a refused change with an error has its way; what it
// answers otherwise does not go out (4).
func TestRefusedChangeIsTheHandlersToAnswer(t *testing.T) {
	for code, want := range map[int]int{
		http.StatusBadGateway: http.StatusBadGateway, http.StatusBadRequest: http.StatusBadRequest,
		http.StatusFound: http.StatusServiceUnavailable, http.StatusOK: http.StatusServiceUnavailable,
	} {
		e := newEnv(t, session.Options{})
		b := e.returned()
		e.failing("get")
		res := b.do(func(w http.ResponseWriter, r *http.Request) {
			wantErr(t, "Set", session.From(r.Context()).Set("k", 1), errBroken)
			w.Header().Set("Retry-After", "5")
			w.WriteHeader(code)
			io.WriteString(w, "mine")
		})
		body, _ := io.ReadAll(res.Body)
		mine := code >= 400
		if res.StatusCode != want || (string(body) == "mine") != mine || (res.Header.Get("Retry-After") == "5") != mine {
			t.Errorf("%d: got %d %q %v, want %d", code, res.StatusCode, body, res.Header, want)
		}
		if len(res.Cookies()) != 0 || !strings.Contains(e.log.String(), "level=ERROR") {
			t.Errorf("%d: got cookies %v, log %q, want no cookie and an error", code, res.Cookies(), e.log)
		}
	}
}

// A failed write is nothing that the handler knows of: its answer never stands.
func TestFailedWriteAnswersInTheHandlersPlace(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	e.failing("write")
	res := b.do(func(w http.ResponseWriter, r *http.Request) {
		wantErr(t, "Set", session.From(r.Context()).Set("k", 1), nil)
		w.WriteHeader(http.StatusTeapot)
	})
	wantStatus(t, "a failed write", res, http.StatusServiceUnavailable)
}
