//go:build !wasm && !nozstd

package train

import (
	"encoding/binary"
	"slices"
)

// gram is the length of the substrings that are counted.
const gram = 6

// placeBits hold a place in the text, whose length MaxSampleBytes bounds.
const placeBits = 18

// cover finds what samples share.
type cover struct {
	text   []byte
	kinds  []uint32 // of the gram at each place; 0: none there, or too few samples have it
	scores []uint32 // of each kind: how many samples have it, 0 once it is covered
	inside []uint16 // of each kind: how often it is in the window
}

// newCover counts the grams of samples.
func newCover(samples [][]byte) *cover {
	c := &cover{scores: make([]uint32, 1)}
	var owner []uint32 // of each place
	var grams []uint64 // hash of a gram and its place
	for i, s := range samples {
		for at := range s {
			if at+gram <= len(s) {
				grams = append(grams, hash(s[at:])&^(1<<placeBits-1)|uint64(len(c.text)+at))
			}
			owner = append(owner, uint32(i))
		}
		c.text = append(c.text, s...)
	}
	slices.Sort(grams)
	c.kinds = make([]uint32, len(c.text))
	for len(grams) > 0 {
		n, have := 0, uint32(0)
		last := ^uint32(0)
		for n < len(grams) && grams[n]>>placeBits == grams[0]>>placeBits {
			if o := owner[grams[n]&(1<<placeBits-1)]; o != last {
				have, last = have+1, o
			}
			n++
		}
		if have >= Shared {
			for _, g := range grams[:n] {
				c.kinds[g&(1<<placeBits-1)] = uint32(len(c.scores))
			}
			c.scores = append(c.scores, have)
		}
		grams = grams[n:]
	}
	c.inside = make([]uint16, len(c.scores))
	return c
}

// hash is that of the first bytes of b, of which there are gram.
func hash(b []byte) uint64 {
	v := uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint16(b[4:]))<<32
	v *= 0x9e3779b97f4a7c15
	return (v ^ v>>29) * 0xbf58476d1ce4e5b9
}

// content chooses pieces of about length bytes, the best one of each part of
// the text in turn, until there are size bytes, and puts the best ones last,
// where offsets are short. c is used up.
func (c *cover) content(length, size int) []byte {
	const passes = 4
	parts := max(size/length/passes, 1)
	step := max(len(c.text)/parts, length)
	var pieces [][]byte
	total, idle := 0, 0
	for begin := 0; total < size && idle <= parts; begin += step {
		if begin >= len(c.text) {
			begin = 0
		}
		from, to, score := c.best(begin, min(begin+step, len(c.text)), length)
		if score == 0 {
			idle++
			continue
		}
		idle = 0
		piece := c.take(from, to)
		total += len(piece)
		pieces = append(pieces, piece)
	}
	slices.Reverse(pieces)
	all := slices.Concat(pieces...)
	return all[max(len(all)-size, 0):]
}

// best finds the window of length bytes whose grams have the highest score,
// each kind counted once.
func (c *cover) best(begin, end, length int) (from, to int, score uint32) {
	width := max(length-gram+1, 1)
	var sum uint32
	for at := begin; at < end; at++ {
		if kind := c.kinds[at]; kind != 0 {
			if c.inside[kind]++; c.inside[kind] == 1 {
				sum += c.scores[kind]
			}
		}
		if first := at - width; first >= begin {
			if kind := c.kinds[first]; kind != 0 {
				if c.inside[kind]--; c.inside[kind] == 0 {
					sum -= c.scores[kind]
				}
			}
		}
		if sum > score {
			from, to, score = max(at-width+1, begin), at+1, sum
		}
	}
	for _, kind := range c.kinds[begin:end] {
		c.inside[kind] = 0
	}
	return from, to, score
}

// take covers the grams at from to to, and returns their bytes: none that is in
// no gram that samples share.
func (c *cover) take(from, to int) (piece []byte) {
	end := from // up to here bytes were taken
	for at := from; at < to; at++ {
		kind := c.kinds[at]
		if kind == 0 || len(piece) == 0 && c.scores[kind] == 0 {
			continue
		}
		piece = append(piece, c.text[max(at, end):at+gram]...)
		end = at + gram
		c.scores[kind] = 0
	}
	return piece
}
