package l3mem

import "sync/atomic"

// maxChances bounds how many visited records one Commit lets pass. Behind it
// the hand takes what comes, so that a store in which everything was visited
// does not have to be walked whole.
const maxChances = 4096

// sieve chooses the records to evict: a list from the newest to the oldest,
// and a hand that goes from the old to the new, lets visited records pass once
// and takes the others. A record that was read survives a flood of records
// that are written once. Without Evict there is none, and its methods are not
// called.
type sieve struct {
	*arena
	newest, oldest uint32
	hand           uint32 // looked at next, 0: the oldest

	// visited has a bit for each block: its first one's says that a record was
	// visited. Readers set bits beside each other; only Commit clears them.
	visited []atomic.Uint32
}

// visit lets ref pass the hand once. It may run beside itself.
func (s *sieve) visit(ref uint32) {
	word, bit := &s.visited[ref/32], uint32(1)<<(ref%32)
	if word.Load()&bit == 0 {
		word.Or(bit)
	}
}

// leave takes back a visit and reports whether there was one.
func (s *sieve) leave(ref uint32) bool {
	word, bit := &s.visited[ref/32], uint32(1)<<(ref%32)
	if word.Load()&bit == 0 {
		return false
	}
	word.And(^bit)
	return true
}

// insert adds ref as the newest.
func (s *sieve) insert(ref uint32) {
	s.leave(ref)
	s.put32(ref, atNewer, 0)
	s.put32(ref, atOlder, s.newest)
	if s.newest != 0 {
		s.put32(s.newest, atNewer, ref)
	} else {
		s.oldest = ref
	}
	s.newest = ref
}

func (s *sieve) remove(ref uint32) {
	newer, older := s.u32(ref, atNewer), s.u32(ref, atOlder)
	if s.hand == ref {
		s.hand = newer
	}
	if newer != 0 {
		s.put32(newer, atOlder, older)
	} else {
		s.newest = older
	}
	if older != 0 {
		s.put32(older, atNewer, newer)
	} else {
		s.oldest = newer
	}
}

// victim returns the record to evict next, never a pinned one. It takes from
// chances for each visited record that it lets pass.
func (s *sieve) victim(chances *int) uint32 {
	for range 3 * int64(s.total()) {
		ref := s.hand
		if ref == 0 {
			ref = s.oldest
		}
		if ref == 0 {
			break
		}
		s.hand = s.u32(ref, atNewer)
		if *s.flags(ref)&pinned != 0 {
			continue
		}
		if *chances > 0 && s.leave(ref) {
			*chances--
			continue
		}
		return ref
	}
	panic("l3mem: invariant 4: room was promised and nothing can be evicted")
}
