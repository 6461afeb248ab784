package session

import (
	"context"
	"errors"
	"time"

	"github.com/stratakv/strata/tiered"
)

// outcome is what a commit came to.
type outcome struct {
	err     error
	token   string // what the client has to send from now on; "": nothing
	send    bool   // the client has to be told token
	clear   bool   // the client has to forget its token
	stored  bool   // there is a record
	id      hashed // of it
	expires time.Time
	maxAge  time.Duration // how long the client keeps token; 0: its own session
}

// commit saves what there is to save, once, and keeps the outcome.
func (s *Session) commit(ctx context.Context) error {
	if s.done == nil {
		s.done = &outcome{err: s.refused}
		if s.loaded && s.refused == nil {
			*s.done = s.save(ctx)
		}
		s.done.err = outage("commit", s.done.err)
	}
	return s.done.err
}

// save writes until no other request comes between.
func (s *Session) save(ctx context.Context) outcome {
	if s.failed != nil {
		return outcome{}
	}
	if s.idles() {
		return s.unchanged(s.base)
	}
	ctx, cancel := s.m.unhurried(ctx)
	defer cancel()
	to, id := s.base, ""
	var lost error
	for {
		p, err := s.plan(to, &id)
		if err != nil {
			return outcome{err: err}
		}
		if p.over {
			s.base = to
			s.destroy(ReasonExpired)
			to = nil
			continue
		}
		if p.weight == nothing {
			return s.unchanged(to)
		}
		err = s.write(ctx, p)
		if errors.Is(err, tiered.ErrVersion) {
			if to, err = s.again(ctx, to, p); err == nil {
				continue
			}
		}
		if errors.Is(err, tiered.ErrFull) && s.ended != nil && p.rec != nil {
			lost, to = s.endAlone(err), nil
			continue
		}
		if err != nil {
			return s.unsaved(to, p, err)
		}
		s.settle(p)
		if lost != nil {
			return outcome{err: lost}
		}
		return p.outcome
	}
}

// endAlone drops what a request did after Destroy and a full store has no room
// for: that needs none. It is err unless only flashes are lost.
func (s *Session) endAlone(err error) (lost error) {
	if len(s.mine.values) > 0 || s.mine.user != nil {
		lost = err
	} else {
		s.m.opts.Logger.Warn("flashes after the end of a session were not kept", "error", err)
	}
	s.base, s.mine, s.fresh = nil, changes{}, nil
	return lost
}

// errGone is ErrRevoked when only traces of use are lost.
var errGone = errors.New("gone")

// idles reports whether there is nothing to save, which is the common case.
func (s *Session) idles() bool {
	c := &s.mine
	if s.ended != nil || len(c.values)+len(c.flashes)+len(c.shown) > 0 || c.user != nil {
		return false
	}
	if s.base == nil {
		return true
	}
	return c.idle == nil && c.life == nil && c.persistent == nil && !c.renew &&
		s.base.confirmed() && !s.m.stale(s.base.record, s.m.now())
}

// unchanged is the outcome of a commit that wrote nothing.
func (s *Session) unchanged(to *stored) outcome {
	if to == nil {
		return outcome{clear: s.cleared}
	}
	return outcome{token: s.token, stored: true, id: to.id, expires: timeOf(to.expires)}
}

// unsaved is the outcome of a commit whose write did not succeed.
func (s *Session) unsaved(to *stored, p *plan, err error) outcome {
	if p.weight != soft {
		return outcome{err: err}
	}
	if !errors.Is(err, errGone) {
		s.m.opts.Logger.Warn("use of a session was not recorded", "error", err)
	}
	return s.unchanged(to)
}

// again gives the record after a refused write; errGone and ErrRevoked say that
// there is none. What a request that logs in did is then done to none (5).
func (s *Session) again(ctx context.Context, to *stored, p *plan) (*stored, error) {
	if s.ended != nil { // a conflict of its own, which is settled apart
		return to, s.endAgain(ctx)
	}
	now, err := s.m.read(ctx, to.id)
	switch {
	case err != nil:
		return to, err
	case now != nil:
		return now, nil
	case p.weight == soft:
		return nil, errGone
	case s.mine.user == nil:
		return nil, ErrRevoked
	}
	s.base = nil
	return nil, nil
}

// endAgain ends what another request changed before this one could end it: by
// its user's index, or, without a user, under the id to which its grace leads.
func (s *Session) endAgain(ctx context.Context) error {
	e := s.ended
	if e.user == "" {
		now, err := s.m.read(ctx, e.id)
		if err != nil {
			return err
		}
		if now != nil {
			s.ended = &ending{stored: now, reason: e.reason}
			return nil
		}
	} else if err := s.m.endHandle(ctx, handleOf(e.user, e.lineage)); err != nil {
		return err
	}
	s.m.watches.end(e.lineage, e.reason)
	s.ended = nil
	return nil
}

// plan is one write: a batch with what becomes of the session if it succeeds.
type plan struct {
	weight  weight
	over    bool // the session has no time left
	batch   tiered.Batch
	from    *stored // what is written over or renewed; nil: none
	id      hashed  // of the record after it
	rec     *record // after it; nil: none
	outcome outcome
}

// plan makes the write that brings the session from to to what the request made
// of it. newID keeps the new id from one try to the next.
func (s *Session) plan(to *stored, newID *string) (*plan, error) {
	now := s.m.now()
	rec, w, err := s.merge(to, now)
	if err != nil {
		return nil, err
	}
	renew := to != nil && s.mine.renew && !s.renewedBy(to)
	if renew {
		w = hard
	}
	p := &plan{weight: w, from: to}
	if s.ended != nil {
		p.weight = hard
		s.planEnd(p)
	}
	if w == nothing {
		p.outcome = s.unchanged(to)
		return p, nil
	}
	if p.over = to != nil && rec.expires <= now; p.over {
		return p, nil
	}
	p.rec = rec
	if to == nil || renew {
		if *newID == "" {
			*newID = newToken()
		}
		p.id = hash(*newID)
		p.outcome.token, p.outcome.send = *newID, true
	} else {
		p.id = to.id
		p.outcome.token = s.token
		p.outcome.send = hash(s.token) == to.id && (rec.persistent() || to.persistent())
	}
	return p, s.planRecord(p, renew, now)
}

// renewedBy reports whether another request has renewed the session since the
// client was given its id, and this one asks for no more than that. A renewal
// more would end the grace of that id: it leads on once.
func (s *Session) renewedBy(to *stored) bool { return to.id != hash(s.token) && s.mine.grace > 0 }

// planEnd adds the deletion of what Destroy ended.
func (s *Session) planEnd(p *plan) {
	e := s.ended
	if e.record != nil {
		p.batch.Check(s.m.keyOf(e.id), e.version)
	}
	if e.record != nil && e.user != "" {
		p.batch.Delete(s.m.indexKey(handleOf(e.user, e.lineage)))
	}
	p.batch.Delete(s.m.keyOf(e.id))
	p.outcome.clear = true
}

// planRecord adds the record, its index entry (7), and what becomes of the old
// id (5).
func (s *Session) planRecord(p *plan, renew bool, now int64) error {
	rec, to, m := p.rec, p.from, s.m
	data := rec.encode()
	if len(data) > m.opts.MaxBytes && p.weight == hard {
		return tiered.ErrTooLarge
	}
	if to != nil {
		p.batch.Check(m.keyOf(to.id), to.version)
	}
	if renew {
		s.planOldID(p, now)
	}
	p.batch.SetItem(tiered.Item{Key: m.keyOf(p.id), Value: data, Expires: timeOf(rec.expires)})
	handle := handleOf(rec.user, rec.lineage)
	if to != nil && to.user != "" && handleOf(to.user, to.lineage) != handle {
		p.batch.Delete(m.indexKey(handleOf(to.user, to.lineage)))
	}
	if handle != "" && (to == nil || renew || rec.end != to.end) {
		p.batch.SetItem(tiered.Item{Key: m.indexKey(handle), Value: encodeIndex(p.id), Expires: timeOf(rec.end)})
	}
	p.outcome.clear, p.outcome.stored, p.outcome.id = false, true, p.id
	p.outcome.expires = timeOf(rec.expires)
	if rec.persistent() {
		p.outcome.maxAge = p.outcome.expires.Sub(timeOf(now))
	}
	return nil
}

// planOldID deletes the id that is renewed, or leaves a moved record in its
// place.
func (s *Session) planOldID(p *plan, now int64) {
	old, m := p.from.id, s.m
	if s.mine.grace > 0 {
		at := moved{to: p.id, until: now + s.mine.grace}
		p.batch.SetItem(tiered.Item{Key: m.keyOf(old), Value: at.encode(), Expires: timeOf(at.until)})
		return
	}
	p.batch.Delete(m.keyOf(old))
}

// write writes p's batch. While a watched session changes its id nobody looks
// for it under the old one.
func (s *Session) write(ctx context.Context, p *plan) error {
	begins := p.rec != nil && (p.from == nil || p.from.id != p.id)
	release := func(hashed) {}
	if begins && p.from != nil {
		release = s.m.watches.hold(p.from.lineage)
	}
	err := s.m.store.Write(ctx, &p.batch)
	if begins && errors.Is(err, tiered.ErrUnknownOutcome) && s.m.has(ctx, p.id) {
		err = nil
	}
	if err == nil {
		release(p.id)
	} else if p.from != nil {
		release(p.from.id)
	}
	return err
}

// has reports whether a new id is in the store after all. It looks once: the old
// id may be gone, and who is not told the new one is logged out (9).
func (m *Manager) has(ctx context.Context, id hashed) bool {
	ctx, cancel := m.unhurried(ctx)
	defer cancel()
	st, err := m.read(ctx, id)
	return err == nil && st != nil
}

// settle tells the watches what p did.
func (s *Session) settle(p *plan) {
	w := &s.m.watches
	if s.ended != nil && s.ended.record != nil {
		w.end(s.ended.lineage, s.ended.reason)
	}
	if p.rec == nil {
		return
	}
	if p.from != nil && p.from.lineage != p.rec.lineage {
		w.end(p.from.lineage, ReasonLogin)
	}
	w.begin(p.rec.lineage, p.id, p.rec.user)
}
