package session

import (
	"bytes"
	"slices"
)

// weight says what it means for the answer if a request's changes cannot be
// saved.
type weight int

const (
	nothing weight = iota // there is nothing to save
	soft                  // traces of use: the answer stands without them
	hard                  // what the handler asked for
)

// merge gives the record that mine makes of to, the stored record; nil stands
// for none. base is what mine was done to. Neither is changed (6).
func (s *Session) merge(to *stored, now int64) (*record, weight, error) {
	rec, w := &record{created: now, begun: now, seen: now}, nothing
	var base *record
	if to != nil {
		*rec = *to.record
		base = s.base.record
	}
	if to != nil && (!rec.confirmed() || s.m.stale(rec, now)) {
		rec.flags |= flagConfirmed // a client came with its id
		w = soft
	}
	changed, err := s.mergeValues(rec, base, now)
	if err != nil {
		return nil, nothing, err
	}
	if changed {
		w = hard
	}
	w = max(w, s.mine.mergeFlashes(rec))
	if s.mine.user != nil && rec.user != "" && rec.user != *s.mine.user {
		rec.idle, rec.life = 0, 0 // what the former user chose
		rec.flags &^= flagPersistent
	}
	if s.mergeLife(rec) && to != nil {
		w = hard
	}
	if s.mine.user != nil {
		rec.user, rec.begun = *s.mine.user, now
		rec.flags |= flagConfirmed
		w = hard
	}
	if to == nil || s.mine.user != nil {
		s.mergeClient(rec)
	}
	rec.seen = max(rec.seen, now)
	rec.end = s.m.endOf(rec)
	rec.expires = s.m.extended(rec)
	return rec, w, nil
}

// mergeValues does to rec's values what mine did to base's.
func (s *Session) mergeValues(rec, base *record, now int64) (changed bool, err error) {
	values := rec.values
	for key, mine := range s.mine.values {
		if base != nil && same(mine, base, key, now) {
			continue
		}
		if base != nil && s.strict() && !sameIn(base, rec, key, now) && !same(mine, rec, key, now) {
			return false, ErrConflict
		}
		if !changed {
			values, changed = slices.Clone(values), true
		}
		i, found := search(values, key)
		switch {
		case mine != nil && found:
			values[i] = *mine
		case mine != nil:
			values = slices.Insert(values, i, *mine)
		case found:
			values = slices.Delete(values, i, i+1)
		}
	}
	if base == nil && len(values) == 0 {
		changed = false // deleting from nothing begins no session
	}
	if slices.ContainsFunc(values, func(e entry) bool { return !e.live(now) }) {
		values = slices.DeleteFunc(slices.Clone(values), func(e entry) bool { return !e.live(now) })
	}
	rec.values = values
	return changed, nil
}

func (s *Session) strict() bool {
	if s.mode != nil {
		return *s.mode == Strict
	}
	return s.m.opts.Mode == Strict
}

// same reports whether mine, nil for "deleted", is what r has under key.
func same(mine *entry, r *record, key string, now int64) bool {
	e, found := r.find(key, now)
	if mine == nil || !found {
		return mine == nil && !found
	}
	return mine.expires == e.expires && bytes.Equal(mine.value, e.value)
}

// sameIn reports whether a and b have the same under key.
func sameIn(a, b *record, key string, now int64) bool {
	e, found := a.find(key, now)
	if !found {
		return same(nil, b, key, now)
	}
	return same(&e, b, key, now)
}

// mergeFlashes takes away what was shown and adds what was left.
func (c *changes) mergeFlashes(rec *record) weight {
	w := nothing
	if slices.ContainsFunc(rec.flashes, c.goes) {
		rec.flashes = slices.DeleteFunc(slices.Clone(rec.flashes), c.goes)
		w = soft
	}
	if len(c.flashes) == 0 {
		return w
	}
	flashes := slices.Clone(rec.flashes)
	for _, f := range c.flashes {
		rec.generation++
		f.generation = rec.generation
		flashes = append(flashes, f)
	}
	rec.flashes = flashes[max(len(flashes)-maxFlashes, 0):]
	return hard
}

// mergeLife sets rec's own lifetimes.
func (s *Session) mergeLife(rec *record) (changed bool) {
	before := *rec
	if s.mine.idle != nil {
		rec.idle = *s.mine.idle
	}
	if s.mine.life != nil {
		rec.life = *s.mine.life
	}
	if s.mine.persistent != nil {
		rec.flags &^= flagPersistent
		if *s.mine.persistent {
			rec.flags |= flagPersistent
		}
	}
	return rec.idle != before.idle || rec.life != before.life || rec.flags != before.flags
}

// mergeClient records what a new id is bound to.
func (s *Session) mergeClient(rec *record) {
	c := s.client()
	rec.lineage = s.lineage()
	rec.address, rec.agent = s.m.opts.Binding.prefix(c), ""
	if rec.user != "" || s.m.opts.Binding.Agent {
		rec.agent = c.agent
	}
}
