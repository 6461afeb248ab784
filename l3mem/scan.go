package l3mem

import (
	"math"

	"github.com/stratakv/strata/tiered/tier"
)

// Scan returns one chunk of the records of r in the order of their keys, as of
// one moment, expired ones too. Keys and frames are copies. It is no visit: a
// scan does not keep records from eviction.
func (s *Store) Scan(r tier.Range) (recs []tier.Record, more bool, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closedLocked() {
		return nil, false, tier.ErrClosed
	}
	bytes := 0
	c := s.order.seek(target{key: max(r.Prefix, r.From)})
	for ref := c.next(); ref != 0 && s.arena.hasPrefix(ref, r.Prefix); ref = c.next() {
		if len(recs) > 0 && (len(recs) >= r.Records || bytes >= r.MaxBytes) {
			return recs, true, nil
		}
		rec := tier.Record{Key: s.arena.key(ref), Frame: s.arena.frame(ref), Head: s.arena.head(ref)}
		recs = append(recs, rec)
		bytes += len(rec.Key) + len(rec.Frame)
	}
	return recs, false, nil
}

// Due returns at most limit keys of records whose deadline is at or before
// now, the earliest first; fewer only if there are no more.
func (s *Store) Due(now int64, limit int) ([]string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closedLocked() {
		return nil, tier.ErrClosed
	}
	var keys []string
	c := s.expiry.seek(target{deadline: math.MinInt64})
	for len(keys) < limit {
		ref := c.next()
		if ref == 0 || s.arena.deadline(ref) > now {
			break
		}
		keys = append(keys, s.arena.key(ref))
	}
	return keys, nil
}
