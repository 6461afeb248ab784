package session

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/stratakv/strata/tiered"
)

// contextKey is the key of the innermost session, and, with a Manager, of that
// manager's.
type contextKey struct{ m *Manager }

// NewContext gives a context that carries s, for [From], [Lookup] and [Key]
// outside net/http.
func NewContext(ctx context.Context, s *Session) context.Context {
	return context.WithValue(context.WithValue(ctx, contextKey{}, s), contextKey{s.m}, s)
}

// lookup gives the session of m that ctx carries, among those of others too.
func (m *Manager) lookup(ctx context.Context) (s *Session, found bool) {
	s, found = ctx.Value(contextKey{m}).(*Session)
	return s, found
}

// Lookup gives the session that ctx carries.
func Lookup(ctx context.Context) (s *Session, found bool) {
	s, found = ctx.Value(contextKey{}).(*Session)
	return s, found
}

// From gives the session that ctx carries. It panics if there is none, that is,
// if the handler is not behind [Manager.Wrap].
func From(ctx context.Context) *Session {
	s, found := Lookup(ctx)
	if !found {
		panic("session: the context carries no session: is the handler behind Manager.Wrap?")
	}
	return s
}

// Wrap gives every request of next a session, which costs nothing until it is
// used, and saves it before the first byte of the answer. The answer's writer
// offers what the one below it does: flushing, hijacking, and the rest through
// http.ResponseController. If next panics, nothing is saved but a Destroy.
//
// A handler that answers in next's place, such as http.TimeoutHandler, belongs
// around Wrap: within it, what next has done so far would be saved with the
// answer that says it was not.
//
// Within another Wrap of the same Manager next has the session of that.
func (m *Manager) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s, found := m.lookup(r.Context()); found {
			if inner, _ := Lookup(r.Context()); inner != s { // another manager's is between
				r = r.WithContext(NewContext(r.Context(), s))
			}
			next.ServeHTTP(w, r)
			return
		}
		s := m.session(m.opts.Transport.Token(r))
		r = r.WithContext(NewContext(r.Context(), s))
		s.ctx, s.r = r.Context(), r
		answer := newResponse(w, s)
		s.answer = answer
		returned := false
		defer func() {
			if !returned {
				s.abort()
			}
			s.release()
		}()
		next.ServeHTTP(answer.offering(), r)
		answer.begin(http.StatusOK)
		returned = true
	})
}

// Require loads the session before next runs, and answers with the error
// handler, 503, if that is not possible: an outage then never looks like a
// logout. It has to be within Wrap.
func (m *Manager) Require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := From(r.Context())
		if err := s.Load(r.Context()); err != nil {
			m.fail(w, r, err, s.answer != nil && s.answer.begun)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// abort ends what was to be ended, and saves nothing else.
func (s *Session) abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done != nil {
		return
	}
	if s.ended == nil {
		s.done = &outcome{} // for goroutines that the handler left behind (11)
		return
	}
	s.base, s.mine = nil, changes{}
	if err := s.commit(s.ctx); err != nil {
		s.m.opts.Logger.Error("session not ended", "error", err)
	}
}

// fail lets the error handler answer.
func (m *Manager) fail(w http.ResponseWriter, r *http.Request, err error, begun bool) {
	m.note(r, err)
	if begun {
		m.opts.ErrorHandler(dropped{}, r, err)
		return
	}
	a := &answered{ResponseWriter: w}
	m.opts.ErrorHandler(a, r, err)
	if !a.wrote {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// note logs what is not the client's fault; that it has gone away is none.
func (m *Manager) note(r *http.Request, err error) {
	if status(err) == http.StatusConflict {
		return
	}
	level := slog.LevelError
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		level = slog.LevelDebug
	}
	m.opts.Logger.Log(r.Context(), level, "session not available", "error", err)
}

// status is the code of the default error handler.
func status(err error) int {
	switch {
	case errors.Is(err, ErrConflict), errors.Is(err, ErrRevoked):
		return http.StatusConflict
	case errors.Is(err, tiered.ErrTooLarge):
		return http.StatusInternalServerError
	}
	return http.StatusServiceUnavailable
}

func answerError(w http.ResponseWriter, _ *http.Request, err error) {
	code := status(err)
	http.Error(w, http.StatusText(code), code)
}

// answered notes whether an answer was given.
type answered struct {
	http.ResponseWriter
	wrote bool
}

func (a *answered) WriteHeader(code int) {
	a.wrote = a.wrote || code >= 200
	a.ResponseWriter.WriteHeader(code)
}

func (a *answered) Write(b []byte) (int, error) {
	a.wrote = true
	return a.ResponseWriter.Write(b)
}

func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// dropped is the writer of an error handler that comes too late.
type dropped struct{}

func (dropped) Header() http.Header         { return http.Header{} }
func (dropped) Write(b []byte) (int, error) { return len(b), nil }
func (dropped) WriteHeader(int)             {}
