package session

import "time"

// idle is r's idle timeout.
func (m *Manager) idle(r *record) int64 {
	if r.idle != 0 {
		return r.idle
	}
	return m.opts.Idle.Milliseconds()
}

// touch is r's touch threshold: Options.Touch, in proportion for a session with
// an idle time of its own.
func (m *Manager) touch(r *record) int64 {
	if r.idle == 0 {
		return m.opts.Touch.Milliseconds()
	}
	return int64(float64(r.idle) * (float64(m.opts.Touch) / float64(m.opts.Idle)))
}

// endOf is when r ends however much it is used.
func (m *Manager) endOf(r *record) int64 {
	if r.life != 0 {
		return r.begun + r.life
	}
	return r.begun + m.opts.Lifetime.Milliseconds()
}

// extended is the deadline of r if it is written now, with r.seen as it is (8),
// (13).
func (m *Manager) extended(r *record) int64 {
	left := m.idle(r) + m.touch(r)
	if !r.confirmed() {
		left = min(m.opts.FirstLifetime.Milliseconds(), m.idle(r))
	}
	return min(r.seen+left, m.endOf(r))
}

// deadline is when r ends as it stands: as written, or earlier if the manager's
// options are stricter now.
func (m *Manager) deadline(r *record) int64 { return min(r.expires, m.extended(r)) }

// stale reports whether r's last use was written so long ago that this one has
// to be; or under options that gave less.
func (m *Manager) stale(r *record, now int64) bool {
	if now-r.seen >= max(m.touch(r), 1) {
		return true
	}
	return r.expires-now < m.idle(r) && r.expires < m.endOf(r)
}

// timeOf turns milliseconds of the store's clock into a time.
func timeOf(ms int64) time.Time { return time.UnixMilli(ms) }

// milliseconds rounds d up.
func milliseconds(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// SetIdle gives this session an idle timeout of its own, longer or shorter than
// the manager's, from its last use on; 0: the manager's again. It stays over
// Renew and login of the same user. ErrArgument: it is negative or above 100
// years.
func (s *Session) SetIdle(d time.Duration) error {
	return s.setLife("set idle", d, func(ms int64) { s.mine.idle = &ms })
}

// SetLifetime gives this session a lifetime of its own, from its begin or its
// last login on; 0: the manager's again. It stays over Renew and login
// of the same user. A lifetime that is over already ends the session; one above
// the store's MaxTTL cannot be saved, tiered.ErrTTL. ErrArgument: it is negative
// or above 100 years.
func (s *Session) SetLifetime(d time.Duration) error {
	return s.setLife("set lifetime", d, func(ms int64) { s.mine.life = &ms })
}

func (s *Session) setLife(op string, d time.Duration, set func(ms int64)) error {
	if d < 0 || d > maxLifetime {
		return argument(op, "it is negative or above 100 years")
	}
	return s.change(s.ctx, op, func() error {
		set(milliseconds(d))
		return nil
	})
}

// SetPersistent says whether the client keeps its token beyond its own session
// (a cookie with Max-Age, "remember me"), until the session ends. At first it
// does not. It stays over Renew and login of the same user.
func (s *Session) SetPersistent(persistent bool) error {
	return s.change(s.ctx, "set persistent", func() error {
		s.mine.persistent = &persistent
		return nil
	})
}
