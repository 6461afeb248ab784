package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/stratakv/strata/tiered"
)

// The reasons that a Manager gives itself, for [Session.Reason].
const (
	ReasonUnknown = "unknown or expired"    // the client sent a token that leads to no session
	ReasonAddress = "address mismatch"      // Options.Binding
	ReasonAgent   = "user agent mismatch"   // Options.Binding
	ReasonExpired = "lifetime shortened"    // SetLifetime or SetIdle left it none
	ReasonRevoked = "revoked or expired"    // of Done: found gone at a look
	ReasonClosed  = "manager closed"        // of Done
	ReasonLogin   = "login of another user" // of Done
)

// Session is one session within one request; after [Manager.Load], within
// whatever that serves. It is safe for concurrent use.
//
// Its states are those of the package documentation:
//
//   - untouched: not loaded
//   - loaded: loaded, and nothing in mine
//   - changed: something in mine, or ended set
//   - committed and final: done is set, and mine and base stay as they are, for
//     reading
//
// What it does not hold at any time is a lock of another session: mu is its own
// and is held while the store works for it.
type Session struct {
	m         *Manager
	ctx       context.Context // of the request, for what loads by need
	r         *http.Request   // nil outside net/http
	token     string          // the client's, if it could be an id
	presented bool            // the client sent something
	answer    *response       // nil outside net/http

	mu         sync.Mutex // guards what follows
	loaded     bool
	failed     error   // of the load; it stays
	refused    error   // why a change was refused: a load's error
	base       *stored // nil: there is no session
	mine       changes
	mode       *Mode   // nil: the manager's
	ended      *ending // nil: nothing to end
	cleared    bool    // Destroy was called
	reason     string
	fresh      *[lineageBytes]byte // lineage of what is not stored yet
	done       *outcome            // nil until committed
	told       bool                // Manager.Commit gave done's error to the caller
	scolded    bool                // a change after the commit was logged
	watch      *watch              // nil: Done was not called
	endsAtLoad uint64              // of watches.ends
	kept       bool                // the connection was hijacked: the watch of a session stays when the request ends
	released   bool                // the request, or the context given to Load, has ended
}

// changes are what a request does to its session.
type changes struct {
	values     map[string]*entry // nil entry: deleted
	flashes    []flash           // new ones, without generation
	shown      []int64           // generations that were given out
	keep       map[string]bool   // keys of flashes that stay
	keepAll    bool
	idle, life *int64
	persistent *bool
	user       *string
	renew      bool
	grace      int64
}

// Load reads the session from the store, if that has not been done. An error is
// an outage, and stays: see Err. One because ctx has ended does not: the next
// call tries again, with its own context.
func (s *Session) Load(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.load(ctx)
}

// Err is the error of the load, nil before it. After one, Get and its like
// return it, nothing can be changed and nothing will be saved; the client keeps
// its token. The package tiered's errors are matched through it.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

func (s *Session) load(ctx context.Context) error {
	if s.loaded {
		return s.failed
	}
	var base *stored
	if s.token != "" {
		s.endsAtLoad = s.m.watches.ends.Load()
		var err error
		if base, err = s.m.read(ctx, hash(s.token)); err != nil {
			err = outage("load", err)
			if ctx.Err() == nil {
				s.loaded, s.failed = true, err
			}
			return err
		}
	}
	s.loaded = true
	switch {
	case base == nil && s.presented:
		s.reason = ReasonUnknown
		return nil
	case base == nil:
		return nil
	}
	if s.reason = s.m.opts.Binding.mismatch(base.record, s.client()); s.reason == "" {
		s.base = base
	}
	return nil
}

func (s *Session) client() client {
	if s.r == nil {
		return client{}
	}
	return s.m.opts.Binding.client(s.r)
}

// use loads the session for op, under mu.
func (s *Session) use() error { return s.load(s.ctx) }

// change runs f, which changes mine, if that is still possible.
func (s *Session) change(ctx context.Context, op string, f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.open(ctx, op); err != nil {
		s.refuse(err)
		return err
	}
	return f()
}

// refuse notes that a change was not done because of err: nothing is saved then.
func (s *Session) refuse(err error) {
	if s.done == nil && s.refused == nil {
		s.refused = err
	}
}

// open loads the session, and refuses if it was committed (11).
func (s *Session) open(ctx context.Context, op string) error {
	if s.done == nil {
		return s.load(ctx)
	}
	if !s.scolded {
		s.scolded = true
		s.m.opts.Logger.Warn("session changed after it was saved", "operation", op)
	}
	return outage(op, ErrFinal)
}

// SetMode says what becomes of a key that this request and another change at
// once, for this request; Options.Mode says it for all.
func (s *Session) SetMode(mode Mode) error {
	if mode > Strict {
		return argument("set mode", "unknown mode")
	}
	return s.change(s.ctx, "set mode", func() error {
		s.mode = &mode
		return nil
	})
}

// Reason says why there is no session: what was given to Destroy in this
// request, or one of the Reason constants; "" if there is one, or the client
// sent no token, or the load failed. After Done was closed it says why.
func (s *Session) Reason() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watch != nil {
		if why := s.watch.ended(); why != "" {
			return why
		}
	}
	if err := s.use(); err != nil {
		return ""
	}
	return s.reason
}

// Format says nothing of the session, under whatever verb: it knows its id.
func (s *Session) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "session.Session") }

// unreadable reports whether err is about the record, not about the store.
func unreadable(err error) bool {
	return errors.Is(err, ErrRecord) || errors.Is(err, tiered.ErrCorrupt)
}
