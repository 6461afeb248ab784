package l3mem

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/stratakv/strata/tiered/tier"
)

// maxKeptPlan is the length of the longest plan whose memory is kept.
const maxKeptPlan = 1024

// effect is one change of a group, looked up.
type effect struct {
	*tier.Change
	hash   uint64
	ref    uint32 // the record as it is, 0: absent
	before uint32 // its blocks
	after  uint32 // its blocks when the change has happened
	alone  bool   // no other change of the group has its key
}

// Commit applies the group and publishes it at once. It is tier.ErrFull if the
// group does not fit, with Evict only if it would not fit into an empty store,
// and tier.ErrTooLarge if a key or frame cannot be addressed; then nothing has
// changed. A group that takes no more blocks than it gives back always fits.
// What eviction takes for expired is so by g.Stamp, the store's clock.
func (s *Store) Commit(g *tier.Group) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closedLocked() {
		return tier.ErrClosed
	}
	defer s.forgetPlanLocked()
	if err := s.planLocked(g.Changes); err != nil {
		return err
	}
	if err := s.makeRoomLocked(g.Stamp.Store / int64(time.Millisecond)); err != nil {
		return err
	}
	for _, e := range s.plan {
		if e.after <= e.before {
			s.applyLocked(e)
		}
	}
	for _, e := range s.plan {
		if e.after > e.before {
			s.applyLocked(e)
		}
	}
	s.commits++
	return nil
}

// planLocked fills the plan: the last change of each key.
func (s *Store) planLocked(changes []tier.Change) error {
	for i := range changes {
		c := &changes[i]
		if c.Frame != nil && !addressable(c) {
			return tier.ErrTooLarge
		}
		s.plan = append(s.plan, effect{Change: c, alone: true})
	}
	if len(changes) > 1 {
		slices.SortStableFunc(s.plan, func(x, y effect) int { return strings.Compare(x.Key, y.Key) })
		s.keepLastLocked()
	}
	for i := range s.plan {
		e := &s.plan[i]
		e.hash = s.directory.hash(e.Key)
		if e.ref = s.directory.find(e.Key, e.hash); e.ref != 0 {
			e.before = s.arena.size(e.ref)
		}
		if e.Frame != nil {
			e.after = s.arena.blocks(len(e.Key), len(e.Frame))
		}
	}
	return nil
}

// keepLastLocked leaves of the sorted plan the last change of each key.
func (s *Store) keepLastLocked() {
	kept := s.plan[:0]
	for _, e := range s.plan {
		if n := len(kept); n > 0 && kept[n-1].Key == e.Key {
			e.alone = false
			kept[n-1] = e
			continue
		}
		kept = append(kept, e)
	}
	clear(s.plan[len(kept):])
	s.plan = kept
}

// addressable reports whether the lengths fit into a record's header.
func addressable(c *tier.Change) bool {
	return len(c.Key) <= maxKeyLen && int64(len(c.Frame)) <= maxFrameLen && c.RawLen >= 0 && int64(c.RawLen) <= maxFrameLen
}

func (s *Store) forgetPlanLocked() {
	clear(s.plan)
	s.plan = s.plan[:0]
	if cap(s.plan) > maxKeptPlan {
		s.plan = nil
	}
}

// makeRoomLocked sees to it that the plan fits.
func (s *Store) makeRoomLocked(now int64) error {
	var before, after int64
	for i := range s.plan {
		before += int64(s.plan[i].before)
		after += int64(s.plan[i].after)
	}
	total := int64(s.arena.total())
	if int64(s.arena.used)-before+after <= total {
		return nil
	}
	if !s.evict || after > total {
		return tier.ErrFull
	}
	s.pinLocked(true)
	s.evictLocked(uint32(total-after+before), now)
	s.pinLocked(false)
	return nil
}

// pinLocked keeps the records of the plan from eviction, or no longer.
func (s *Store) pinLocked(on bool) {
	for i := range s.plan {
		if ref := s.plan[i].ref; ref != 0 {
			flags := s.arena.flags(ref)
			*flags &^= pinned
			if on {
				*flags |= pinned
			}
		}
	}
}

// evictLocked removes records that are not pinned, those first whose deadline
// has come at now, until at most limit blocks are in use.
func (s *Store) evictLocked(limit uint32, now int64) {
	last := target{deadline: math.MinInt64}
	for s.arena.used > limit {
		c := s.expiry.seek(last)
		ref := c.next()
		if ref == 0 || s.arena.deadline(ref) > now {
			break
		}
		last = target{deadline: s.arena.deadline(ref), ref: ref + 1}
		if *s.arena.flags(ref)&pinned == 0 {
			s.dropLocked(ref)
		}
	}
	chances := maxChances
	for s.arena.used > limit {
		s.dropLocked(s.sieve.victim(&chances))
	}
}

// dropLocked evicts a record.
func (s *Store) dropLocked(ref uint32) {
	s.takeLocked(ref)
	s.evictions++
}

// applyLocked does one change, for which there is room.
func (s *Store) applyLocked(e effect) {
	switch {
	case e.Frame == nil && e.ref == 0:
	case e.Frame == nil:
		s.removeLocked(e.ref, e.Key, e.hash)
	case e.ref == 0:
		s.insertLocked(e)
	default:
		s.replaceLocked(e)
	}
}

func (s *Store) insertLocked(e effect) {
	ref := s.arena.create(e.Key, e.Head, e.Frame, byte(e.hash))
	s.directory.insert(ref, e.hash)
	s.order.insert(ref, target{key: e.Key})
	if e.Deadline != 0 {
		s.expiry.insert(ref, target{deadline: e.Deadline, ref: ref})
	}
	if s.evict {
		s.sieve.insert(ref)
	}
	s.countLocked(ref, 1)
}

func (s *Store) replaceLocked(e effect) {
	s.countLocked(e.ref, -1)
	was := s.arena.deadline(e.ref)
	if was != 0 && was != e.Deadline {
		s.expiry.remove(e.ref, target{deadline: was, ref: e.ref})
	}
	if e.Touch && e.alone && len(e.Frame) == s.arena.frameLen(e.ref) {
		s.arena.retime(e.ref, e.Head, e.Frame)
	} else {
		s.arena.replace(e.ref, e.Head, e.Frame)
	}
	if e.Deadline != 0 && was != e.Deadline {
		s.expiry.insert(e.ref, target{deadline: e.Deadline, ref: e.ref})
	}
	if s.evict {
		s.sieve.visit(e.ref)
	}
	s.countLocked(e.ref, 1)
}

func (s *Store) removeLocked(ref uint32, key string, hash uint64) {
	s.countLocked(ref, -1)
	s.directory.remove(ref, hash)
	s.order.remove(ref, target{key: key})
	if deadline := s.arena.deadline(ref); deadline != 0 {
		s.expiry.remove(ref, target{deadline: deadline, ref: ref})
	}
	if s.evict {
		s.sieve.remove(ref)
	}
	s.arena.release(ref, s.arena.size(ref))
}

// countLocked adds the record to the usage, or takes it away with -1.
func (s *Store) countLocked(ref uint32, n int64) {
	raw := n * int64(s.arena.u32(ref, atRawLen))
	s.usage.Records += n
	s.usage.LiveBytes += raw + n*int64(s.arena.keyLen(ref))
	s.usage.RawBytes += raw
	s.usage.StoredBytes += n * int64(s.arena.frameLen(ref))
}
