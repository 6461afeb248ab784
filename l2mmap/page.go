//go:build !wasm

package l2mmap

import "math"

// Where the words of a page's header begin.
const (
	atSequence = 0  // odd while a change is under way; only atomics
	atLock     = 8  // the holder, 0: free; only atomics
	atMagic    = 16 // pageMagic once the page was formatted
	atFree     = 24 // first free block | number of free blocks
	atEnds     = 32 // newest | oldest entry
	atHand     = 40 // SIEVE's hand | number of entries
	atEarliest = 48 // no deadline in the page is earlier; math.MaxInt64: none
)

const pageMagic = 0x3161746172747370 // "pstrata1"

// page is one page of the file, as one operation sees it.
//
// A page is a set of entries over blocks of equal size. An entry is its first
// block and further ones in a chain; a free block is in the chain of free
// ones. Blocks are named by numbers from 1; 0 is none. Whether an item fits
// depends on sizes alone: nothing is ever moved, and there is no fragmentation.
//
//  1. Every change happens under the lock, between an odd and the next even
//     sequence.
//  2. An entry is found by its hash: heads[hash] leads to the first entry of a
//     chain, each entry to the next. There is at most one entry of a hash.
//  3. All entries are in a queue from newest to oldest, SIEVE's order.
//  4. The links of 2 and the headers of entries carry checks that depend on
//     their place and the file, so that a flipped bit cannot hide an entry from
//     its replacement and show it again later. Whoever holds the lock and finds
//     a check broken resets the page.
//  5. A block that is freed loses its header first: nothing in it is an entry
//     any more, whoever finds the way to it.
type page struct {
	m    memory
	g    *geometry
	salt uint64 // of file and page

	held     bool // this operation has the lock
	changing bool // and made the sequence odd
	evicted  int  // by this operation
	expired  int  // likewise
}

func pair(low, high uint32) uint64           { return uint64(low) | uint64(high)<<32 }
func unpair(v uint64) (low, high uint32)     { return uint32(v), uint32(v >> 32) }
func (p *page) pair(at int) (uint32, uint32) { return unpair(p.m.load(at)) }

// block gives the offset of block id, which was checked.
func (p *page) block(id uint32) int { return p.g.blocksAt + int(id-1)*blockBytes }

// valid reports whether id names a block.
func (p *page) valid(id uint32) bool { return id-1 < uint32(p.g.blocks) }

// begin makes the sequence odd before the operation's first change.
func (p *page) begin() {
	if !p.changing {
		p.changing = true
		p.m.store(atSequence, p.m.load(atSequence)|1)
	}
}

// end makes the sequence even, and another than before begin.
func (p *page) end() {
	if p.changing {
		p.changing = false
		p.m.store(atSequence, (p.m.load(atSequence)|1)+1)
	}
}

// reset makes the page empty, whatever it holds. Every block loses its header.
func (p *page) reset() {
	p.begin()
	for i := range p.g.heads {
		p.setHead(i, 0)
	}
	for at := p.g.visitedAt; at < p.g.headsAt; at += 8 {
		p.m.store(at, 0)
	}
	for id := uint32(1); id <= uint32(p.g.blocks); id++ {
		p.scrub(id)
		p.m.put(p.block(id), pair(id+1, freeBlock))
	}
	p.m.put(p.block(uint32(p.g.blocks)), pair(0, freeBlock))
	p.m.put(atFree, pair(1, uint32(p.g.blocks)))
	p.m.put(atEnds, 0)
	p.m.put(atHand, 0)
	p.m.put(atEarliest, math.MaxInt64)
	p.m.put(atMagic, pageMagic)
}

// sound is the cheap check at each locking; what it leaves out is checked on
// the way.
func (p *page) sound() bool {
	if p.m.load(atMagic) != pageMagic || p.m.load(atSequence)&1 != 0 {
		return false
	}
	first, free := p.pair(atFree)
	newest, oldest := p.pair(atEnds)
	hand, entries := p.pair(atHand)
	blocks := uint32(p.g.blocks)
	return first <= blocks && free <= blocks && entries <= blocks && entries+free <= blocks &&
		newest <= blocks && oldest <= blocks && hand <= blocks &&
		(newest == 0) == (entries == 0) && (oldest == 0) == (entries == 0) && (first == 0) == (free == 0)
}

// free is the number of free blocks.
func (p *page) free() int {
	_, n := p.pair(atFree)
	return int(n)
}

// entries is the number of entries.
func (p *page) entries() int {
	_, n := p.pair(atHand)
	return int(n)
}

// headOf gives the index of the chain in which hash's entry is. The top bits
// are the bucket's, and chose the page.
func (p *page) headOf(hash uint64) int { return int(hash & uint64(p.g.heads-1)) }

// head follows heads[i]; ok is false if the link is damaged.
func (p *page) head(i int) (id uint32, ok bool) {
	id, check := p.pair(p.g.headsAt + i*8)
	return id, id <= uint32(p.g.blocks) && check == p.headCheck(i, id)
}

func (p *page) setHead(i int, id uint32) {
	p.m.put(p.g.headsAt+i*8, pair(id, p.headCheck(i, id)))
}

func (p *page) headCheck(i int, id uint32) uint32 {
	return uint32(mix(p.salt, pair(id, uint32(i))))
}

// The visited bits are set by readers without the lock, so that all changes
// to them are atomic. They only steer eviction.

func (p *page) visitedBit(id uint32) (at int, bit uint64) {
	i := int(id - 1)
	return p.g.visitedAt + i/64*8, 1 << (i % 64)
}

func (p *page) visit(id uint32) {
	at, bit := p.visitedBit(id)
	for tries := 0; tries < 4; tries++ {
		old := p.m.load(at)
		if old&bit != 0 || p.m.swap(at, old, old|bit) {
			return
		}
	}
}

func (p *page) visited(id uint32) bool {
	at, bit := p.visitedBit(id)
	return p.m.load(at)&bit != 0
}

func (p *page) unvisit(id uint32) {
	at, bit := p.visitedBit(id)
	for {
		old := p.m.load(at)
		if old&bit == 0 || p.m.swap(at, old, old&^bit) {
			return
		}
	}
}
