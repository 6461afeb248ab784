//go:build !nozstd && !wasm

package codec

import (
	"errors"
	"math/bits"
)

// The three kinds of numbers of a sequence (RFC 8878, 3.1.1.3.2), in the order
// in which their tables lie in a dictionary.
const (
	kindOffset = iota
	kindMatch
	kindLiterals
	kinds
)

// maxCode is the largest code of each kind.
var maxCode = [kinds]int{kindOffset: 31, kindMatch: 52, kindLiterals: 35}

// distribution gives the probability of each code, of 1<<log: -1 stands for one
// below 1.
type distribution struct {
	log  int
	norm []int16
}

// predefined are the distributions that the format gives for want of others.
var predefined = [kinds]distribution{
	kindOffset: {5, []int16{1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1}},
	kindMatch: {6, []int16{
		1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
		1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
	}},
	kindLiterals: {6, []int16{
		4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1,
	}},
}

// maxFSELog is the largest log of a table that codes sequences.
const maxFSELog = 9

// never is the cost of a code that a table has no place for: of the most
// sequences of a short value, one of it is above all costs of the predefined
// tables, whose logs are at most 6, and the sum of all is below 1<<32, half of
// what [coders.choose] adds up in.
const never = 1 << 19

const (
	mostSequences = maxShort / minMatch
	_             = uint(never - mostSequences*6*16)
	_             = uint32(2 * never * mostSequences) // with as much to spare
)

// fseTable says how a finite-state-entropy coder goes from state to state. It
// is read-only.
type fseTable struct {
	log    int
	states []uint16 // by the place that next computes
	codes  [64]fseCode
	costs  [64]uint32 // of each code, in 1/16 bits, about
}

type fseCode struct {
	bits uint32 // added to a state, its upper half is the number of bits to write
	next int32  // added to the shortened state, it is the place in states
}

// newFSETable builds the table of a distribution.
func newFSETable(d distribution) *fseTable {
	log := d.log
	t := &fseTable{log: log}
	size := 1 << log
	for i := range t.costs {
		t.costs[i] = never
	}
	spread := d.spread()
	var first [65]int // where the states of each code begin
	total := 0
	for code, p := range d.norm {
		first[code] = total
		n := int(p)
		if p < 0 {
			n = 1
		}
		if n == 0 {
			continue
		}
		t.costs[code] = cost(n, log)
		out := log
		if n > 1 {
			out = log - (bits.Len(uint(n-1)) - 1)
		}
		t.codes[code] = fseCode{bits: uint32(out<<16) - uint32(n<<out), next: int32(total - n)}
		total += n
	}
	t.states = make([]uint16, size)
	for state, code := range spread {
		t.states[first[code]] = uint16(size + state)
		first[code]++
	}
	return t
}

// spread gives the code of each state.
func (d distribution) spread() []uint8 {
	size, norm := 1<<d.log, d.norm
	spread := make([]uint8, size)
	high := size
	for code, p := range norm {
		if p < 0 {
			high--
			spread[high] = uint8(code)
		}
	}
	at := 0
	for code, p := range norm {
		for range max(p, 0) {
			spread[at] = uint8(code)
			at = (at + size>>1 + size>>3 + 3) & (size - 1)
			for at >= high {
				at = (at + size>>1 + size>>3 + 3) & (size - 1)
			}
		}
	}
	return spread
}

// cost is that of a code with probability n of 1<<log, in 1/16 bits.
func cost(n, log int) uint32 {
	whole := bits.Len(uint(n)) - 1
	part := (n << 4 >> whole) & 15 // between powers of two, a straight line
	return uint32(log*16 - whole*16 - part)
}

var errTable = errors.New("codec: damaged table in a dictionary")

// readDistribution reads a distribution (RFC 8878, 4.1.1) of codes up to most, and
// returns what follows it.
func readDistribution(b []byte, maxLog, most int) (d distribution, rest []byte, err error) {
	r := forward{b: b}
	log := int(r.read(4)) + 5
	if log > maxLog {
		return d, nil, errTable
	}
	var norm []int16
	for left := 1 << log; left > 0; {
		if len(norm) > most {
			return d, nil, errTable
		}
		p := r.below(left+1) - 1
		norm = append(norm, int16(p))
		left -= max(p, -p)
		if left < 0 {
			return d, nil, errTable
		}
		for more := p == 0; more; {
			zeros := int(r.read(2))
			norm = append(norm, make([]int16, zeros)...)
			more = zeros == 3 && len(norm) <= most
		}
	}
	end := (r.at + 7) / 8
	if end > len(b) || len(norm) > most+1 {
		return d, nil, errTable
	}
	return distribution{log: log, norm: norm}, b[end:], nil
}

// forward reads bits from the low end of each byte on; behind the end are zeros.
type forward struct {
	b  []byte
	at int // bit
}

func (r *forward) read(n int) (v uint) {
	for i := range n {
		if at := r.at + i; at/8 < len(r.b) {
			v |= uint(r.b[at/8]>>(at%8)&1) << i
		}
	}
	r.at += n
	return v
}

// below reads a number of 0 to most, of which the low ones take a bit less.
func (r *forward) below(most int) int {
	n := bits.Len(uint(most))
	short := 1<<n - 1 - most
	v := int(r.read(n - 1))
	if v < short {
		return v
	}
	if r.read(1) == 1 {
		v += 1<<(n-1) - short
	}
	return v
}
