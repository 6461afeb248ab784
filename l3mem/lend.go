package l3mem

import (
	"math"
	"slices"
	"unsafe"

	"github.com/stratakv/strata/tiered/tier"
)

// AppendFrame appends the frame of key's record to dst, an expired one's too,
// and gives its head: Load for a caller that uses its memory again. found is
// false, and dst as it was, if there is none or the store is closed.
func (s *Store) AppendFrame(dst []byte, key string) (frame []byte, head tier.Head, found bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closedLocked() {
		return dst, tier.Head{}, false
	}
	ref := s.findLocked(key)
	if ref == 0 {
		return dst, tier.Head{}, false
	}
	if s.evict {
		s.sieve.visit(ref)
	}
	head = s.arena.head(ref)
	return s.arena.appendFrame(dst, ref, head.FrameLen), head, true
}

// Head gives the head of key's record, an expired one's too; the zero Head if
// there is none or the store is closed. It is no visit.
func (s *Store) Head(key string) tier.Head {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closedLocked() {
		return tier.Head{}
	}
	ref := s.findLocked(key)
	if ref == 0 {
		return tier.Head{}
	}
	return s.arena.head(ref)
}

// Walk calls visit with the records of r in the order of their keys, as of one
// moment, expired ones too, until it returns false or r.Records are visited;
// r.MaxBytes is not looked at. It returns whether the range may hold more. It
// is no visit for the sieve. visit must not call the store. The record is lent:
// its key, and its frame if frames says so, else nil, lie in scratch, which the
// next call of visit overwrites. The scratch, grown, comes back.
func (s *Store) Walk(r tier.Range, scratch []byte, frames bool, visit func(rec tier.Record) bool) (grown []byte, more bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closedLocked() {
		return scratch, false
	}
	n := 0
	c := s.order.seek(target{key: max(r.Prefix, r.From)})
	for ref := c.next(); ref != 0 && s.arena.hasPrefix(ref, r.Prefix); ref = c.next() {
		if n == r.Records {
			return scratch, true
		}
		n++
		rec := tier.Record{Head: s.arena.head(ref)}
		scratch = s.arena.appendKey(scratch[:0], ref)
		keyLen := len(scratch)
		if frames {
			scratch = s.arena.appendFrame(scratch, ref, rec.FrameLen)
			rec.Frame = scratch[keyLen:]
		}
		rec.Key = lentString(scratch[:keyLen])
		if !visit(rec) {
			return scratch, true
		}
	}
	return scratch, false
}

// Sweep removes at most limit records whose deadline is at or before now, the
// earliest first, and returns how many. It must not overlap with Commit: the
// caller is the authority, and removes what nobody trusts any more.
func (s *Store) Sweep(now int64, limit int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := range limit {
		ref := s.expiry.first()
		if ref == 0 || s.arena.deadline(ref) > now {
			return n
		}
		s.takeLocked(ref)
	}
	return max(limit, 0)
}

// Earliest is the earliest deadline of all records, math.MaxInt64 if none has
// one.
func (s *Store) Earliest() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	ref := s.expiry.first()
	if ref == 0 {
		return math.MaxInt64
	}
	return s.arena.deadline(ref)
}

// Clear removes all records at once. What it does is the same however many
// they are, but for the directory, a 65th of MaxBytes.
func (s *Store) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closedLocked() {
		return
	}
	a := &s.arena
	clear(a.mem[:int(a.first)*blockSize])
	a.fresh, a.freed, a.used = a.first, 0, 0
	s.order.root, s.expiry.root = 0, 0
	s.sieve.newest, s.sieve.oldest, s.sieve.hand = 0, 0, 0
	s.usage = tier.Usage{}
}

// takeLocked removes a record of which only the reference is known.
func (s *Store) takeLocked(ref uint32) {
	s.keyScratch = s.arena.appendKey(s.keyScratch[:0], ref)
	key := lentString(s.keyScratch)
	s.removeLocked(ref, key, s.directory.hash(key))
}

// lentString is b as a string, as long as nobody writes to b.
func lentString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// appendFrame appends the record's frame of n bytes.
func (a *arena) appendFrame(dst []byte, ref uint32, n int) []byte {
	at := len(dst)
	dst = slices.Grow(dst, n)[:at+n]
	a.read(a.frameAt(ref), dst[at:])
	return dst
}

// appendKey appends the record's key.
func (a *arena) appendKey(dst []byte, ref uint32) []byte {
	at, n := len(dst), a.keyLen(ref)
	dst = slices.Grow(dst, n)[:at+n]
	a.read(place{ref, a.header}, dst[at:])
	return dst
}

// first is the tree's first record, 0 if it is empty.
func (t *tree) first() uint32 {
	ref := t.root
	for ref != 0 {
		l := t.child(ref, left)
		if l == 0 {
			break
		}
		ref = l
	}
	return ref
}
