//go:build !nozstd && !wasm

package codec

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// sequence is some literals, then a match. Its numbers are as the format codes
// them.
type sequence struct {
	numbers [kinds]uint32 // offset: 1 to 3 a repeated one, else the offset and 3; match: its length less 3
	codes   [kinds]uint8
}

// newSequence finds the codes.
func newSequence(literals, match, offset int) sequence {
	s := sequence{numbers: [kinds]uint32{kindOffset: uint32(offset), kindMatch: uint32(match - 3), kindLiterals: uint32(literals)}}
	s.codes[kindOffset] = uint8(bits.Len(uint(offset)) - 1)
	s.codes[kindMatch] = codeOf(s.numbers[kindMatch], matchCodes[:], 36)
	s.codes[kindLiterals] = codeOf(s.numbers[kindLiterals], literalsCodes[:], 19)
	return s
}

// codeOf looks up the code of a small number; from the table's end on there is
// one for each power of two.
func codeOf(n uint32, small []uint8, above int) uint8 {
	if int(n) < len(small) {
		return small[n]
	}
	return uint8(above + bits.Len32(n) - 1)
}

var (
	literalsBits = [64]uint8{16: 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	matchBits    = [64]uint8{32: 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}

	literalsCodes = smallCodes[[64]uint8](16, literalsBits[:])
	matchCodes    = smallCodes[[128]uint8](32, matchBits[:])
)

// smallCodes gives the codes of small numbers: up to plain they are their own.
func smallCodes[T [64]uint8 | [128]uint8](plain int, extra []uint8) (codes T) {
	code, upTo := plain, plain
	for n := range len(codes) {
		switch {
		case n < plain:
			codes[n] = uint8(n)
			continue
		case n == upTo:
			upTo += 1 << extra[code]
			code++
		}
		codes[n] = uint8(code - 1)
	}
	return codes
}

// coders are what the numbers of a sequence are coded with.
type coders struct {
	own    [kinds]*fseTable  // a dictionary's, nil: none
	preset [kinds]*fseTable  // the format's
	costs  [kinds][64]uint64 // of each code: with preset in the upper half, with own in the lower
}

// newCoders gives those of a dictionary's distributions, nil: of none.
func newCoders(own *[kinds]distribution) *coders {
	c := &coders{}
	for kind, d := range predefined {
		c.preset[kind] = newFSETable(d)
		if own == nil {
			continue
		}
		c.own[kind] = newFSETable(own[kind])
		for code := range c.costs[kind] {
			c.costs[kind][code] = uint64(c.preset[kind].costs[code])<<32 | uint64(c.own[kind].costs[code])
		}
	}
	return c
}

// choose takes, for each kind, the own table or the predefined one, whichever
// costs less, and says so in the modes.
func (c *coders) choose(seqs []sequence) (tables [kinds]*fseTable, modes byte) {
	const repeated = 3
	if c.own[0] == nil {
		return c.preset, 0
	}
	var offset, match, literals uint64
	for i := range seqs {
		codes := &seqs[i].codes
		offset += c.costs[kindOffset][codes[kindOffset]&63]
		match += c.costs[kindMatch][codes[kindMatch]&63]
		literals += c.costs[kindLiterals][codes[kindLiterals]&63]
	}
	tables = c.preset
	shift := [kinds]int{kindOffset: 4, kindMatch: 2, kindLiterals: 6}
	for kind, sum := range [kinds]uint64{kindOffset: offset, kindMatch: match, kindLiterals: literals} {
		if uint32(sum) <= uint32(sum>>32) {
			tables[kind] = c.own[kind]
			modes |= repeated << shift[kind]
		}
	}
	return tables, modes
}

// append appends the sequences section of a block.
func (c *coders) append(dst []byte, seqs []sequence) []byte {
	n := len(seqs)
	if n < 128 {
		dst = append(dst, byte(n))
	} else {
		dst = append(dst, byte(n>>8)+128, byte(n))
	}
	if n == 0 {
		return dst
	}
	tables, modes := c.choose(seqs)
	dst = append(dst, modes)
	at := len(dst)
	dst = slices.Grow(dst, n*maxSequenceBytes+16)
	w := backward{out: dst[at:cap(dst)]}
	to, tm, tl := tables[kindOffset], tables[kindMatch], tables[kindLiterals]
	last := &seqs[n-1]
	offset, match, literals := to.first(last.codes[kindOffset]), tm.first(last.codes[kindMatch]), tl.first(last.codes[kindLiterals])
	w.addExtra(last)
	for i := n - 2; i >= 0; i-- {
		s := &seqs[i]
		offset = to.next(&w, offset, s.codes[kindOffset])
		match = tm.next(&w, match, s.codes[kindMatch])
		literals = tl.next(&w, literals, s.codes[kindLiterals])
		w.addExtra(s)
	}
	w.add(match, uint32(tm.log))
	w.add(offset, uint32(to.log))
	w.add(literals, uint32(tl.log))
	w.add(1, 1) // marks the end
	w.flush()
	if w.n > 0 {
		w.at++
	}
	return dst[:at+w.at]
}

// maxSequenceBytes is the most that a sequence takes: of the three tables 9 bits
// each, of the lengths 13 each and of the offset 17.
const maxSequenceBytes = 9

// first is a state from which code can be told.
func (t *fseTable) first(code uint8) uint32 {
	c := t.codes[code&63]
	out := (c.bits + 1<<15) >> 16
	return uint32(t.states[int32((out<<16-c.bits)>>out)+c.next])
}

// next writes the low bits of a state, and gives one from which code can be told
// and that one be found again.
func (t *fseTable) next(w *backward, state uint32, code uint8) uint32 {
	c := &t.codes[code&63]
	out := (state + c.bits) >> 16
	w.add(state, out)
	return uint32(t.states[int32(state>>(out&31))+c.next])
}

// backward writes bits that are read from the end.
type backward struct {
	out  []byte // with room for 8 bytes more than are needed
	at   int
	bits uint64
	n    uint32 // of bits, below 8 after flush
}

// add adds the n low bits of v. Between two calls of flush, at most 56.
func (w *backward) add(v, n uint32) {
	w.bits |= uint64(v&(1<<(n&31)-1)) << (w.n & 63)
	w.n += n
}

// addExtra adds what the codes of a sequence do not say.
func (w *backward) addExtra(s *sequence) {
	w.add(s.numbers[kindLiterals], uint32(literalsBits[s.codes[kindLiterals]&63]))
	w.flush()
	w.add(s.numbers[kindMatch], uint32(matchBits[s.codes[kindMatch]&63]))
	w.add(s.numbers[kindOffset], uint32(s.codes[kindOffset]))
	w.flush()
}

func (w *backward) flush() {
	binary.LittleEndian.PutUint64(w.out[w.at:], w.bits)
	w.at += int(w.n >> 3)
	w.bits >>= w.n & 56
	w.n &= 7
}
