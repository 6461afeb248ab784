//go:build !nozstd && !wasm

package codec

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

const (
	minMatch        = 4
	contentHashBits = 14
	valueHashBits   = 12
)

// matcher cuts values into literals and matches, one at a time.
//
//  1. Every place in a table is one of buf before the one that is looked at: where
//     nothing was entered it is 0, which is as good as any other.
//  2. buf has slack bytes behind the value, so that 8 or 16 bytes may be read of
//     any place.
type matcher struct {
	buf    []byte                     // content, value, slack
	places [1 << valueHashBits]uint16 // of the value, by hash
	shift  uint                       // of the hash, so that a short value uses part of places
	lits   []byte
	seqs   []sequence
}

// slack is how many bytes are copied at once.
const slack = 16

// placesOf gives, by hash, the last place in content of 5 bytes, and the shift
// of the hash.
func placesOf(content []byte) (places []uint16, shift uint) {
	places = make([]uint16, 1<<contentHashBits)
	for at := range len(content) - 7 {
		places[hash(load64(content, at))>>(64-contentHashBits)] = uint16(at)
	}
	return places, 64 - contentHashBits
}

func load64(b []byte, at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }

// hash is that of the 5 low bytes of v; its high bits are the good ones.
func hash(v uint64) uint64 { return v << 24 * 0x9e3779b185ebca87 }

// What tells a better match, in bits, about.
const (
	literalBits  = 5 // that a byte takes which is in no match
	sequenceBits = 9 // that a match takes besides its offset
	againBits    = 8 // of an offset, that a recent one does not take
	ownBits      = 2 // of an offset, that a place in the value does not take
)

// lazyBelow is the length from which on a match is taken without a look at the
// next place.
const lazyBelow = 12

// find cuts buf[start:end] into literals and matches. It is greedy, but for a
// look at the place behind the beginning of a short match.
func (m *matcher) find(s *short, start, end int) {
	size := min(max(bits.Len(uint(end-start)), 8), valueHashBits)
	clear(m.places[:1<<size])
	m.shift = uint(64 - size)
	m.seqs, m.lits = slices.Grow(m.seqs[:0], (end-start)/minMatch+1), slices.Grow(m.lits[:0], end-start+slack)
	recent := recentOffsets(s.offsets)
	buf := m.buf
	done := start
	for at := max(start, 1); at+minMatch <= end; {
		near := recent[0]
		if at == done {
			near = recent[1]
		}
		from, n, gain := m.search(s, at, end, near)
		if gain <= 0 {
			at += 1 + (at-done)>>5
			continue
		}
		for n < lazyBelow && at+1+minMatch <= end {
			nextFrom, next, nextGain := m.search(s, at+1, end, recent[0])
			if nextGain <= gain+literalBits {
				break
			}
			at, from, n, gain = at+1, nextFrom, next, nextGain
		}
		for at > done && from > 0 && buf[at-1] == buf[from-1] {
			at, from, n = at-1, from-1, n+1
		}
		m.take(done, at)
		m.seqs = append(m.seqs, newSequence(at-done, n, recent.use(at-from, at == done)))
		done = at + n
		m.insert(at + 1)
		m.insert(at + n>>1)
		m.insert(done - 2)
		at = done
	}
	m.lits = append(m.lits, buf[done:end]...)
}

// take appends the literals buf[from:to]; there is room for slack bytes more.
func (m *matcher) take(from, to int) {
	n := len(m.lits)
	if to-from > slack {
		m.lits = append(m.lits, m.buf[from:to]...)
		return
	}
	a, b := load64(m.buf, from), load64(m.buf, from+8)
	room := m.lits[n : n+slack]
	binary.LittleEndian.PutUint64(room, a)
	binary.LittleEndian.PutUint64(room[8:], b)
	m.lits = m.lits[:n+to-from]
}

// insert makes the place at known.
func (m *matcher) insert(at int) { *m.place(hash(load64(m.buf, at))) = uint16(at) }

func (m *matcher) place(hash uint64) *uint16 {
	return &m.places[hash>>(m.shift&63)&(1<<valueHashBits-1)]
}

// search finds a match of minMatch bytes at least for what is at: as far back as
// the last one, in the value, or in the dictionary's content. The best one is
// chosen by its first 8 bytes, without branches, which nothing could predict.
// gain is in bits, about, 0 if there is none; it may be below.
func (m *matcher) search(s *short, at, end, offset int) (from, n, gain int) {
	buf := m.buf
	here := load64(buf, at)
	h := hash(here)
	place := m.place(h)
	again, own, given := max(at-offset, 0), int(*place), int(s.places[h>>(s.shift&63)])
	*place = uint16(at)
	nAgain, nOwn, nGiven := equal(here, load64(buf, again)), equal(here, load64(buf, own)), equal(here, load64(buf, given))
	// What is gained, from and n make one number.
	best := max(
		(nAgain*literalBits+nAgain/minMatch*againBits)<<20|again<<4|nAgain,
		(nOwn*literalBits+nOwn/minMatch*ownBits)<<20|own<<4|nOwn,
		nGiven*literalBits<<20|given<<4|nGiven)
	from, n = best>>4&0xffff, best&15
	if n < minMatch {
		return 0, 0, 0
	}
	if n == 8 {
		n += m.more(from+8, at+8, end)
	}
	n = min(n, end-at)
	gain = n*literalBits - sequenceBits
	if from != again {
		gain -= bits.Len(uint(at - from))
	}
	return from, n, gain
}

// more is how many bytes are equal from two places on, up to about end.
func (m *matcher) more(from, at, end int) (n int) {
	for at+n < end {
		same := equal(load64(m.buf, from+n), load64(m.buf, at+n))
		if n += same; same < 8 {
			break
		}
	}
	return n
}

// equal is how many of the low bytes of a and b are.
func equal(a, b uint64) int { return bits.TrailingZeros64(a^b) >> 3 }

// recentOffsets are the last three offsets, the last one first. Each is above 0.
type recentOffsets [3]int

// use gives the number that stands for offset, and remembers it. The format has
// the numbers 1 to 3 for the recent ones; where no literals precede the match,
// bare, for the second, the third, and the first less 1.
func (r *recentOffsets) use(offset int, bare bool) int {
	switch {
	case !bare && offset == r[0]:
		return 1
	case offset == r[1]:
		r[0], r[1] = offset, r[0]
		if bare {
			return 1
		}
		return 2
	}
	number := offset + 3
	switch {
	case offset == r[2]:
		number = 3
		if bare {
			number = 2
		}
	case bare && offset == r[0]-1:
		number = 3
	}
	r[0], r[1], r[2] = offset, r[0], r[1]
	return number
}
