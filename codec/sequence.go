//go:build !nozstd && !wasm

package codec

import (
	"encoding/binary"
	"math/bits"
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
	literalsBits = [36]uint8{16: 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	matchBits    = [53]uint8{32: 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}

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

// chooseTables takes, for each kind, the dictionary's table or the predefined
// one, whichever costs less, and says so in the modes.
func chooseTables(seqs []sequence, own, preset *[kinds]*fseTable) (tables [kinds]*fseTable, modes byte) {
	const repeated = 3
	shift := [kinds]int{kindOffset: 4, kindMatch: 2, kindLiterals: 6}
	for kind := range kinds {
		tables[kind] = preset[kind]
		if own[kind] == nil {
			continue
		}
		var with, without uint32
		for i := range seqs {
			code := seqs[i].codes[kind] & 63
			with += own[kind].costs[code]
			without += preset[kind].costs[code]
		}
		if with <= without {
			tables[kind] = own[kind]
			modes |= repeated << shift[kind]
		}
	}
	return tables, modes
}

// appendSequences appends the sequences section of a block. dst has room for it.
func appendSequences(dst []byte, seqs []sequence, own, preset *[kinds]*fseTable) []byte {
	n := len(seqs)
	if n < 128 {
		dst = append(dst, byte(n))
	} else {
		dst = append(dst, byte(n>>8)+128, byte(n))
	}
	if n == 0 {
		return dst
	}
	tables, modes := chooseTables(seqs, own, preset)
	dst = append(dst, modes)
	w := backward{out: dst}
	var states [kinds]uint32
	for i := n - 1; i >= 0; i-- {
		s := &seqs[i]
		for kind := range kinds { // offset, match, literals
			t, code := tables[kind], s.codes[kind]&63
			if i == n-1 {
				states[kind] = t.first(code)
				continue
			}
			c := t.codes[code]
			out := (states[kind] + c.bits) >> 16
			w.add(states[kind], out)
			states[kind] = uint32(t.states[int32(states[kind]>>out)+c.next])
		}
		w.flush()
		w.add(s.numbers[kindLiterals], uint32(literalsBits[s.codes[kindLiterals]]))
		w.add(s.numbers[kindMatch], uint32(matchBits[s.codes[kindMatch]]))
		w.flush()
		w.add(s.numbers[kindOffset], uint32(s.codes[kindOffset]))
		w.flush()
	}
	for _, kind := range [kinds]int{kindMatch, kindOffset, kindLiterals} {
		w.add(states[kind], uint32(tables[kind].log))
		w.flush()
	}
	return w.end()
}

// first is a state from which code can be told.
func (t *fseTable) first(code uint8) uint32 {
	c := t.codes[code]
	out := (c.bits + 1<<15) >> 16
	return uint32(t.states[int32((out<<16-c.bits)>>out)+c.next])
}

// backward writes bits that are read from the end.
type backward struct {
	out  []byte
	bits uint64
	n    uint32 // of bits, below 8 after flush
}

// add adds the n low bits of v. Between two calls of flush, at most 56.
func (w *backward) add(v, n uint32) {
	w.bits |= uint64(v&(1<<n-1)) << w.n
	w.n += n
}

func (w *backward) flush() {
	w.out = binary.LittleEndian.AppendUint64(w.out, w.bits)
	whole := w.n >> 3
	w.out = w.out[:len(w.out)-8+int(whole)]
	w.bits >>= whole * 8
	w.n &= 7
}

// end adds the bit that marks the end.
func (w *backward) end() []byte {
	w.add(1, 1)
	w.out = append(w.out, byte(w.bits))
	if w.n > 8 {
		w.out = append(w.out, byte(w.bits>>8))
	}
	return w.out
}
