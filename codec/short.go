//go:build !nozstd && !wasm

package codec

import (
	"encoding/binary"
	"slices"
	"sync"
)

// short compresses short values into zstd frames of one block. A general
// encoder spends most of such a call on building entropy tables for what is
// then a few dozen literals and sequences. This one builds none: it takes those
// of its dictionary or those that the format predefines, whichever cost less,
// and literals that no table of the dictionary fits stay as they are.
//
//  1. What it writes is zstd's own form (RFC 8878): any decoder that has the
//     dictionary reads it.
//  2. It is read-only but for its pool, and safe for concurrent use.
type short struct {
	id       uint32
	content  []byte
	offsets  [3]int
	places   []uint16 // by hash: a place in content
	shift    uint     // of a hash, for places
	coders   *coders
	literals *huffTable // nil: none
	pool     sync.Pool  // *matcher
}

const (
	// maxShort is the longest value; a place in it or in the content has 16 bits.
	maxShort        = 16<<10 - 1
	maxShortContent = 48 << 10
)

// newShort returns an encoder without a dictionary.
func newShort() *short {
	s := &short{offsets: [3]int{1, 4, 8}, places: make([]uint16, 2), shift: 63, coders: newCoders(nil)}
	s.pool.New = func() any { return new(matcher) }
	return s
}

// newShortWith returns an encoder with a sound dictionary; nil if it is not one
// for short values.
func newShortWith(dict []byte, id uint32) *short {
	literals, rest, err := readHuffTable(dict[8:])
	var own [kinds]distribution
	for kind := range kinds {
		if err == nil {
			own[kind], rest, err = readDistribution(rest, maxFSELog, maxCode[kind])
		}
	}
	if err != nil || len(rest) < 12+8 || len(rest) > maxShortContent {
		return nil
	}
	s := &short{id: id, literals: literals, coders: newCoders(&own)}
	for i := range s.offsets {
		s.offsets[i] = int(binary.LittleEndian.Uint32(rest[4*i:]))
	}
	s.content = rest[12:len(rest):len(rest)]
	s.places, s.shift = placesOf(s.content)
	s.pool.New = func() any { return &matcher{buf: slices.Clone(s.content)} }
	return s
}

// encode appends value's zstd form to dst. Without a dictionary, worthwhile says
// that its literals are such that tables made for them may save more.
func (s *short) encode(dst, value []byte) (body []byte, worthwhile bool) {
	if s.content == nil && even(value) {
		return dst, true
	}
	m := s.pool.Get().(*matcher)
	defer s.pool.Put(m)
	start := len(s.content)
	m.buf = append(append(m.buf[:start], value...), make([]byte, slack)...)
	m.find(s, start, start+len(value))
	if s.literals == nil {
		if crowded(m.lits) {
			return dst, true
		}
		if len(m.seqs) == 0 {
			return dst, false // nothing is saved
		}
	}
	dst = s.appendHeader(dst, len(value))
	block := len(dst)
	dst = append(dst, 0, 0, 0)
	dst = s.coders.append(s.appendLiterals(dst, m.lits), m.seqs)
	header := uint32(len(dst)-block-3)<<3 | blockCompressed<<1 | 1
	dst[block], dst[block+1], dst[block+2] = byte(header), byte(header>>8), byte(header>>16)
	return dst, false
}

const blockCompressed = 2

// appendHeader appends the frame's header: a single segment, the dictionary's
// id, the value's length.
func (s *short) appendHeader(dst []byte, n int) []byte {
	dst = append(dst, 0x28, 0xb5, 0x2f, 0xfd)
	at := len(dst)
	dst = append(dst, 1<<5)
	if s.id != 0 {
		dst[at] |= 3
		dst = binary.LittleEndian.AppendUint32(dst, s.id)
	}
	if n < 256 {
		return append(dst, byte(n))
	}
	dst[at] |= 1 << 6
	return binary.LittleEndian.AppendUint16(dst, uint16(n-256))
}

// appendLiterals appends the literals section: by the dictionary's table, or as
// they are.
func (s *short) appendLiterals(dst, lits []byte) []byte {
	n := len(lits)
	if s.literals != nil && n >= 8 {
		if out, ok := s.literals.appendSection(dst, lits); ok {
			return out
		}
	}
	switch {
	case n < 32:
		dst = append(dst, byte(n<<3))
	case n < 4096:
		dst = append(dst, byte(n<<4|1<<2), byte(n>>4))
	default:
		dst = append(dst, byte(n<<4|3<<2), byte(n>>4), byte(n>>12))
	}
	return append(dst, lits...)
}

// crowded reports whether some of the literals' bytes are so much more frequent
// than others that a table for them would save an eighth of them and itself, as
// far as some of them tell.
func crowded(lits []byte) bool {
	if len(lits) < 64 {
		return false
	}
	n, pairs, _ := frequencies(lits)
	return pairs > n*n/(2*96)
}

// even reports whether a value is of one kind, such as text, throughout, so that
// it is told without a search for matches that tables would be worth it: some
// of its bytes, without the most frequent one, are crowded.
func even(value []byte) bool {
	n, pairs, most := frequencies(value)
	pairs -= most * (most - 1) / 2
	n -= most
	return n > 32 && pairs > n*n/(2*96)
}

// frequencies looks at n bytes of b, all over it: how many pairs of them are
// equal, and how often the most frequent one is there. Of n bytes drawn evenly
// from k values, n*n/2k pairs are equal.
func frequencies(b []byte) (n, pairs, most int) {
	const about = 128
	var counts [256]uint8
	step := len(b)/about + 1
	for at := 0; at < len(b); at += step {
		c := int(counts[b[at]])
		pairs += c
		most = max(most, c+1)
		counts[b[at]]++
		n++
	}
	return n, pairs, most
}
