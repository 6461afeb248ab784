package session

import (
	"time"
	"unicode/utf8"
)

const (
	// maxGrace bounds the grace of an old id.
	maxGrace = time.Minute
	// maxUserBytes bounds what BindUser takes.
	maxUserBytes = 1024
)

// ending is a session that a request ends.
type ending struct {
	*stored // its record is nil if it could not be read
	reason  string
}

// Renew gives the session a new id at commit. Its data, user and lifetimes stay;
// the old id is dead at once. Call it whenever rights change; BindUser does.
// Without a session it does nothing: what is begun has a new id anyway.
func (s *Session) Renew() error {
	return s.change(s.ctx, "renew", func() error {
		s.mine.renew, s.mine.grace = true, 0
		return nil
	})
}

// RenewGrace is Renew, but that the old id stands for the new one for grace, up
// to a minute, so that requests that are under way keep their session. It is
// for renewal from time to time, not for a change of rights: Renew and BindUser
// in the same request take the grace away. With an id that is itself in its
// grace it does nothing. ErrArgument: grace is not positive or
// above a minute.
func (s *Session) RenewGrace(grace time.Duration) error {
	if grace <= 0 || grace > maxGrace {
		return argument("renew", "grace is not positive or above a minute")
	}
	return s.change(s.ctx, "renew", func() error {
		if !s.mine.renew {
			s.mine.renew, s.mine.grace = true, milliseconds(grace)
		}
		return nil
	})
}

// BindUser makes the session that of user, who has just been authenticated: call
// it at login, again at each new proof of identity, and nowhere else. It renews
// the session, without grace (12), begins its lifetime anew, and begins a
// session if there is none. Of another user's session the lifetimes and
// persistence go, but data stays: who does not want that calls Destroy first.
// ErrArgument: user is empty, over 1024 bytes or
// not UTF-8.
func (s *Session) BindUser(user string) error {
	if user == "" || len(user) > maxUserBytes || !utf8.ValidString(user) {
		return argument("bind user", "user is empty, over 1024 bytes or not UTF-8")
	}
	return s.change(s.ctx, "bind user", func() error {
		s.mine.user, s.mine.renew, s.mine.grace = &user, true, 0
		return nil
	})
}

// User gives the user that the session is bound to, "" if there is none.
func (s *Session) User() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.use(); err != nil {
		return "", err
	}
	return s.user(), nil
}

// Handle names the session to its user's eyes, as in [Info]; "" without a user.
func (s *Session) Handle() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.use(); err != nil {
		return "", err
	}
	return handleOf(s.user(), s.lineage()), nil
}

// user is the session's as this request sees it.
func (s *Session) user() string {
	switch {
	case s.mine.user != nil:
		return *s.mine.user
	case s.base != nil:
		return s.base.user
	}
	return ""
}

// lineage is the session's as this request sees it.
func (s *Session) lineage() [lineageBytes]byte {
	if s.base != nil && s.user() == s.base.user {
		return s.base.lineage
	}
	if s.fresh == nil {
		l := newLineage()
		s.fresh = &l
	}
	return *s.fresh
}

// Destroy ends the session: at commit its record is deleted, and the client
// told to forget its token; a client that has gone away by then does not keep it
// from that. reason is what Reason gives for the rest of the request. What is
// set after it begins a new session, with a new id.
func (s *Session) Destroy(reason string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := s.m.unhurried(s.ctx)
	defer cancel()
	err := s.open(ctx, "destroy")
	switch {
	case err == nil:
	case s.done == nil && unreadable(err):
		s.base = &stored{id: hash(s.token)}
		s.failed = nil
	default:
		s.refuse(err)
		return err
	}
	s.refused = nil // what was refused would not have outlived this
	s.destroy(reason)
	return nil
}

func (s *Session) destroy(reason string) {
	if s.base != nil {
		s.ended = &ending{stored: s.base, reason: reason}
	}
	s.base, s.mine, s.fresh = nil, changes{}, nil
	s.cleared, s.reason = true, reason
}
