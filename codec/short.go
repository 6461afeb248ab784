//go:build !nozstd && !wasm

package codec

import (
	"encoding/binary"
	"math/bits"
	"sync"

	"github.com/klauspost/compress/huff0"
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
	id      uint32
	content []byte
	offsets [3]int
	places  []uint16 // by hash: a place in content, and 1
	tables  [kinds]*fseTable
	preset  [kinds]*fseTable
	pool    sync.Pool // *shortState
}

const (
	// maxShort is the longest value; a place in it or in the content has 16 bits.
	maxShort        = 16<<10 - 1
	maxShortContent = 48 << 10

	minMatch        = 4
	contentHashBits = 14
	valueHashBits   = 12
)

// shortState is what one call uses.
type shortState struct {
	buf    []byte // content, value, 8 bytes
	places [1 << valueHashBits]uint16
	shift  uint // of a hash, so that a short value uses part of places
	lits   []byte
	seqs   []sequence
	huff   *huff0.Scratch // nil: no table for literals
}

// newShort returns an encoder without a dictionary.
func newShort() *short {
	s := &short{offsets: [3]int{1, 4, 8}}
	for kind, p := range predefined {
		s.preset[kind] = newFSETable(p.norm, p.log)
	}
	s.pool.New = func() any { return s.newState(nil) }
	return s
}

// newShortWith returns an encoder with a sound dictionary; nil if it is not one
// for short values.
func newShortWith(dict []byte, id uint32) *short {
	s := newShort()
	s.id = id
	lits, rest, err := huff0.ReadTable(dict[8:], nil)
	for kind := range kinds {
		if err == nil {
			s.tables[kind], rest, err = readFSETable(rest, kind)
		}
	}
	if err != nil || len(rest) < 12+8 || len(rest) > maxShortContent {
		return nil
	}
	for i := range s.offsets {
		s.offsets[i] = int(binary.LittleEndian.Uint32(rest[4*i:]))
	}
	s.content = rest[12:len(rest):len(rest)]
	s.places = make([]uint16, 1<<contentHashBits)
	for at := range len(s.content) - 7 {
		s.places[hash(binary.LittleEndian.Uint64(s.content[at:]), 64-contentHashBits)] = uint16(at + 1)
	}
	s.pool.New = func() any { return s.newState(lits) }
	return s
}

func (s *short) newState(lits *huff0.Scratch) *shortState {
	st := &shortState{buf: append([]byte(nil), s.content...)}
	if lits != nil {
		st.huff = &huff0.Scratch{Reuse: huff0.ReusePolicyMust}
		st.huff.TransferCTable(lits)
	}
	return st
}

// hash is that of the 5 low bytes of v.
func hash(v uint64, shift uint) uint64 { return v << 24 * 0x9e3779b185ebca87 >> shift }

// encode appends value's zstd form to dst. Without a dictionary, worthwhile says
// that its literals are such that tables made for them may save more.
func (s *short) encode(dst, value []byte) (body []byte, worthwhile bool) {
	if s.content == nil && even(value) {
		return dst, true
	}
	st := s.pool.Get().(*shortState)
	defer s.pool.Put(st)
	start := len(s.content)
	st.buf = append(append(st.buf[:start], value...), 0, 0, 0, 0, 0, 0, 0, 0)
	st.find(s, start, start+len(value))
	if st.huff == nil && crowded(st.lits) {
		return dst, true
	}
	dst = s.appendHeader(dst, len(value))
	block := len(dst)
	dst = append(dst, 0, 0, 0)
	dst = appendSequences(st.appendLiterals(dst), st.seqs, &s.tables, &s.preset)
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
func (st *shortState) appendLiterals(dst []byte) []byte {
	n := len(st.lits)
	if st.huff != nil && n >= 8 {
		compress := huff0.Compress1X
		if n > 1023 {
			compress = huff0.Compress4X
		}
		if out, reused, err := compress(st.lits, st.huff); err == nil && reused && len(out) < n-1 {
			return append(appendTreeless(dst, n, len(out)), out...)
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
	return append(dst, st.lits...)
}

// appendTreeless appends the header of literals that the dictionary's table
// made shorter: in one stream, or in four.
func appendTreeless(dst []byte, n, stored int) []byte {
	const treeless = 3
	if n < 1024 {
		h := uint32(treeless | n<<4 | stored<<14)
		return append(dst, byte(h), byte(h>>8), byte(h>>16))
	}
	return binary.LittleEndian.AppendUint32(dst, uint32(treeless|2<<2|n<<4|stored<<18))
}

// crowded reports whether some of the literals' bytes are so much more frequent
// than others that a table for them would save an eighth of them and itself.
func crowded(lits []byte) bool {
	if len(lits) < 64 {
		return false
	}
	var counts [256]uint16
	pairs := 0
	for _, b := range lits {
		pairs += int(counts[b]) // of equal bytes
		counts[b]++
	}
	// Of n bytes drawn evenly from k values, n*n/2k pairs are equal.
	n := len(lits)
	return pairs > n*n/(2*96)
}

// even reports whether a value is of one kind, such as text, throughout, so that
// it is told without a search for matches that tables would be worth it: some
// of its bytes, without the most frequent one, are crowded.
func even(value []byte) bool {
	var counts [256]int
	step := len(value)/128 + 1
	n, most := 0, 0
	for at := 0; at < len(value); at += step {
		n++
		counts[value[at]]++
		most = max(most, counts[value[at]])
	}
	pairs := -most * (most - 1) / 2
	for _, c := range counts {
		pairs += c * (c - 1) / 2
	}
	n -= most
	return n > 32 && pairs > n*n/(2*96)
}

// candidate is a match that may be taken.
type candidate struct {
	from, length int
	gain         int // in bits, about; 0: none
}

// What is saved by a byte that is not a literal, and what a sequence costs
// besides its offset.
const (
	literalBits  = 6
	sequenceBits = 9
)

// find cuts the value into literals and matches. It is greedy, but for a look
// at the place behind each match.
func (st *shortState) find(s *short, start, end int) {
	st.seqs, st.lits = st.seqs[:0], st.lits[:0]
	size := min(max(bits.Len(uint(end-start)), 8), valueHashBits)
	st.shift = uint(64 - size)
	clear(st.places[:1<<size])
	recent := recentOffsets(s.offsets)
	done := start
	for at := start; at+minMatch <= end; {
		m := st.best(s, start, at, end, &recent, at == done)
		st.insert(start, at)
		if m.gain <= 0 {
			at += 1 + (at-done)>>5
			continue
		}
		for at+1+minMatch <= end {
			next := st.best(s, start, at+1, end, &recent, false)
			if next.gain <= m.gain+literalBits {
				break
			}
			at, m = at+1, next
			st.insert(start, at)
		}
		for at > done && m.from > 0 && st.buf[at-1] == st.buf[m.from-1] {
			at, m.from, m.length = at-1, m.from-1, m.length+1
		}
		st.lits = append(st.lits, st.buf[done:at]...)
		st.seqs = append(st.seqs, newSequence(at-done, m.length, recent.use(at-m.from, at == done)))
		for i := at + 1; i < at+m.length; i++ {
			st.insert(start, i)
		}
		at += m.length
		done = at
	}
	st.lits = append(st.lits, st.buf[done:end]...)
}

// insert makes the place at known.
func (st *shortState) insert(start, at int) {
	st.places[hash(binary.LittleEndian.Uint64(st.buf[at:]), st.shift)] = uint16(at - start + 1)
}

// best finds the best match for what is at: by one of the recent offsets, in the
// value, in the dictionary's content. bare: no literals precede it.
func (st *shortState) best(s *short, start, at, end int, recent *recentOffsets, bare bool) (best candidate) {
	buf := st.buf
	here := binary.LittleEndian.Uint64(buf[at:])
	for name := 1; name <= 2; name++ {
		offset := recent.offset(name, bare)
		if offset <= at && binary.LittleEndian.Uint32(buf[at-offset:]) == uint32(here) {
			best.improve(buf, at-offset, at, end, 0)
		}
	}
	if from := start - 1 + int(st.places[hash(here, st.shift)]); from >= start && binary.LittleEndian.Uint32(buf[from:]) == uint32(here) {
		best.improve(buf, from, at, end, bits.Len(uint(at-from)))
	}
	if s.places == nil {
		return best
	}
	if from := int(s.places[hash(here, 64-contentHashBits)]) - 1; from >= 0 && binary.LittleEndian.Uint32(buf[from:]) == uint32(here) {
		best.improve(buf, from, at, end, bits.Len(uint(at-from)))
	}
	return best
}

// improve takes the match of from with at, of 4 bytes at least, if it gains more.
func (c *candidate) improve(buf []byte, from, at, end, offsetBits int) {
	n := 4
	for at+n < end {
		differ := binary.LittleEndian.Uint64(buf[from+n:]) ^ binary.LittleEndian.Uint64(buf[at+n:])
		if differ != 0 {
			n += bits.TrailingZeros64(differ) >> 3
			break
		}
		n += 8
	}
	n = min(n, end-at)
	if gain := n*literalBits - sequenceBits - offsetBits; gain > c.gain {
		*c = candidate{from: from, length: n, gain: gain}
	}
}

// recentOffsets are the last three offsets, the last one first; the format has
// short names for them. Each is above 0.
type recentOffsets [3]int

// offset is that of a name, 1 to 3; name 3 may stand for none, which is 0.
func (r *recentOffsets) offset(name int, bare bool) int {
	switch {
	case !bare:
		return r[name-1]
	case name == 3:
		return r[0] - 1
	}
	return r[name]
}

// use gives the number that stands for offset, and remembers it.
func (r *recentOffsets) use(offset int, bare bool) int {
	for name := 1; name <= 3; name++ {
		if r.offset(name, bare) != offset {
			continue
		}
		if bare {
			name++
		}
		switch name {
		case 2:
			r[0], r[1] = r[1], r[0]
		case 3, 4:
			r[0], r[1], r[2] = offset, r[0], r[1]
		}
		if bare {
			name--
		}
		return name
	}
	r[0], r[1], r[2] = offset, r[0], r[1]
	return offset + 3
}
