//go:build !nozstd && !wasm

package codec

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// huffTable holds the codes of a Huffman coder for literals. It is read-only.
type huffTable struct {
	codes [256]uint16 // the code, and in the 4 low bits its length; noCode: none
}

const (
	maxHuffBits = 11
	noCode      = 1 << 15
)

// readHuffTable reads a table's description (RFC 8878, 4.2.1) and returns what
// follows it.
func readHuffTable(b []byte) (*huffTable, []byte, error) {
	if len(b) == 0 {
		return nil, nil, errTable
	}
	n, rest := int(b[0]), b[1:]
	var weights []uint8
	if n >= 128 {
		n -= 127
		if len(rest) < (n+1)/2 {
			return nil, nil, errTable
		}
		for i := range n {
			weights = append(weights, rest[i/2]>>(4*(1-i&1))&15)
		}
		rest = rest[(n+1)/2:]
	} else {
		if len(rest) < n {
			return nil, nil, errTable
		}
		if weights = readWeights(rest[:n]); weights == nil {
			return nil, nil, errTable
		}
		rest = rest[n:]
	}
	t := newHuffTable(weights)
	if t == nil {
		return nil, nil, errTable
	}
	return t, rest, nil
}

// readWeights reads weights that a finite-state-entropy coder made shorter, in
// two states by turns; nil if they are damaged.
func readWeights(b []byte) (weights []uint8) {
	const maxLog, most = 6, 255
	d, rest, err := readDistribution(b, maxLog, maxHuffBits+1)
	if err != nil || len(rest) == 0 || rest[len(rest)-1] == 0 {
		return nil
	}
	log, spread := d.log, d.spread()
	var next [maxHuffBits + 2]int // state of each code, by the order of places
	for code, p := range d.norm {
		next[code] = max(int(p), -int(p))
	}
	type step struct{ bits, base int }
	steps := make([]step, len(spread))
	for state, code := range spread {
		n := log - (bits.Len(uint(next[code])) - 1)
		steps[state] = step{bits: n, base: next[code]<<n - len(spread)}
		next[code]++
	}
	left := len(rest)*8 - bits.LeadingZeros8(rest[len(rest)-1]) - 1
	read := func(n int) (v int) {
		for range n {
			left--
			v <<= 1
			if left >= 0 {
				v |= int(rest[left/8] >> (left % 8) & 1)
			}
		}
		return v
	}
	states := [2]int{read(log), read(log)}
	if left < 0 {
		return nil
	}
	for turn := 0; len(weights) < most; turn ^= 1 {
		s := steps[states[turn]]
		weights = append(weights, spread[states[turn]])
		if s.bits > left {
			return append(weights, spread[states[turn^1]])
		}
		states[turn] = s.base + read(s.bits)
	}
	return nil
}

// newHuffTable gives the codes of symbols of these weights; that of the last
// symbol follows from the others. nil: there is no such table.
func newHuffTable(weights []uint8) *huffTable {
	sum := 0
	for _, w := range weights {
		if w > maxHuffBits {
			return nil
		}
		sum += 1 << w >> 1
	}
	log := bits.Len(uint(sum))
	last := 1<<log - sum
	if sum == 0 || log > maxHuffBits || last&(last-1) != 0 || len(weights) > 255 {
		return nil
	}
	weights = append(weights, uint8(bits.Len(uint(last))))
	t := &huffTable{}
	for i := range t.codes {
		t.codes[i] = noCode
	}
	code := 0
	for w := 1; w <= log; w++ {
		for symbol, has := range weights {
			if int(has) == w {
				t.codes[symbol] = uint16(code<<4 | (log + 1 - w))
				code++
			}
		}
		code >>= 1
	}
	return t
}

// appendSection appends the section of literals, in one stream or in four; false:
// that does not make them shorter.
func (t *huffTable) appendSection(dst, lits []byte) ([]byte, bool) {
	const treeless = 3
	n, start := len(lits), len(dst)
	if n < 1024 {
		out, ok := t.append(append(dst, 0, 0, 0), lits)
		stored := len(out) - start - 3
		h := uint32(treeless | n<<4 | stored<<14)
		out[start], out[start+1], out[start+2] = byte(h), byte(h>>8), byte(h>>16)
		return out, ok && stored < n-1
	}
	const head = 4 + 6 // the lengths of three streams
	out, ok := append(dst, make([]byte, head)...), true
	quarter := (n + 3) / 4
	for i := range 4 {
		at := len(out)
		var has bool
		out, has = t.append(out, lits[i*quarter:min((i+1)*quarter, n)])
		ok = ok && has
		if i < 3 {
			binary.LittleEndian.PutUint16(out[start+4+2*i:], uint16(len(out)-at))
		}
	}
	stored := len(out) - start - 4
	binary.LittleEndian.PutUint32(out[start:], uint32(treeless|2<<2|n<<4|stored<<18))
	return out, ok && stored < n-1
}

// append appends the stream of literals to dst; false: one has no code. dst's
// new bytes are then of no use.
func (t *huffTable) append(dst, lits []byte) ([]byte, bool) {
	at := len(dst)
	most := (len(lits)*maxHuffBits+7)/8 + 1 + 8
	out := slices.Grow(dst, most)[:at+most]
	var acc uint64
	var n uint
	var all uint16
	for len(lits) >= 4 {
		four := lits[len(lits)-4:]
		a, b, c, d := t.codes[four[3]], t.codes[four[2]], t.codes[four[1]], t.codes[four[0]]
		all |= a | b | c | d
		acc |= uint64(a>>4) << (n & 63)
		n += uint(a & 15)
		acc |= uint64(b>>4) << (n & 63)
		n += uint(b & 15)
		acc |= uint64(c>>4) << (n & 63)
		n += uint(c & 15)
		acc |= uint64(d>>4) << (n & 63)
		n += uint(d & 15)
		binary.LittleEndian.PutUint64(out[at:], acc)
		at += int(n >> 3)
		acc >>= n & 56
		n &= 7
		lits = lits[:len(lits)-4]
	}
	for i := len(lits) - 1; i >= 0; i-- {
		a := t.codes[lits[i]]
		all |= a
		acc |= uint64(a>>4) << (n & 63)
		n += uint(a & 15)
	}
	acc |= 1 << (n & 63)
	binary.LittleEndian.PutUint64(out[at:], acc)
	return out[:at+int(n>>3)+1], all < noCode
}
