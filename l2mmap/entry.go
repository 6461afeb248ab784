//go:build !wasm

package l2mmap

import (
	"hash/crc32"
	"unsafe"
)

// Where the words of an entry begin in its first block. The first word of
// every block is: next block of the entry | what the block is.
const (
	atLink     = 0
	atHash     = 8
	atDeadline = 16
	atLengths  = 24 // of the key | of the frame
	atBody     = 32 // crc32c of frame and key | next entry of the hash's chain
	atQueue    = 40 // the newer | the older entry
	atCheck    = 48 // over all above but the queue
)

// What a block is: free, the first of an entry, or a later one. The lower bits
// name the entry.
const (
	freeBlock  = 0
	firstBlock = 1 << 30
	laterBlock = 2 << 30
)

// castagnoli is immutable; crc32 answers it with the CPU's own instruction.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// entry is the header of an entry, loaded and checked.
type entry struct {
	id       uint32
	next     uint32 // the entry's second block
	hash     uint64
	deadline int64
	keyLen   int
	frameLen int
	crc      uint32
	chain    uint32 // next entry of the chain
}

// size is the number of bytes that the entry keeps.
func (e *entry) size() int { return e.keyLen + e.frameLen }

// expired reports whether the deadline has come.
func (e *entry) expired(now int64) bool { return e.deadline != 0 && e.deadline <= now }

// entry loads the header of the entry in block id; ok is false if there is none
// or if it is damaged.
func (p *page) entry(id uint32) (e entry, ok bool) {
	if !p.valid(id) {
		return e, false
	}
	at := p.block(id)
	link, hash, deadline := p.m.load(at+atLink), p.m.load(at+atHash), p.m.load(at+atDeadline)
	lengths, body := p.m.load(at+atLengths), p.m.load(at+atBody)
	next, kind := unpair(link)
	keyLen, frameLen := unpair(lengths)
	crc, chain := unpair(body)
	most := uint32(p.g.maxItem())
	ok = kind == firstBlock|id && p.m.load(at+atCheck) == p.entryCheck(id, link, hash, deadline, lengths, body) &&
		keyLen <= most && frameLen <= most-keyLen
	return entry{
		id: id, next: next, hash: hash, deadline: int64(deadline),
		keyLen: int(keyLen), frameLen: int(frameLen), crc: crc, chain: chain,
	}, ok
}

// setEntry writes e's header.
func (p *page) setEntry(e *entry) {
	at := p.block(e.id)
	link, lengths := pair(e.next, firstBlock|e.id), pair(uint32(e.keyLen), uint32(e.frameLen))
	body := pair(e.crc, e.chain)
	p.m.put(at+atLink, link)
	p.m.put(at+atHash, e.hash)
	p.m.put(at+atDeadline, uint64(e.deadline))
	p.m.put(at+atLengths, lengths)
	p.m.put(at+atBody, body)
	p.m.put(at+atCheck, p.entryCheck(e.id, link, e.hash, uint64(e.deadline), lengths, body))
}

func (p *page) entryCheck(id uint32, link, hash, deadline, lengths, body uint64) uint64 {
	// Two independent chains, so that the multiplications overlap.
	a := mix(mix(p.salt, link), hash)
	b := mix(mix(p.salt^uint64(id), deadline), lengths)
	return mix(a^body, b)
}

// dataCRC is the checksum of what an entry keeps: the frame, then the key.
func dataCRC(frame []byte, key string) uint32 {
	crc := crc32.Checksum(frame, castagnoli)
	// The key's bytes are only read, and not kept: no need to copy them.
	return crc32.Update(crc, castagnoli, unsafe.Slice(unsafe.StringData(key), len(key)))
}

// copyOut copies the entry's bytes, frame then key, to dst; false if the chain
// of blocks is not the entry's.
func (p *page) copyOut(dst []byte, e *entry) bool {
	n := min(len(dst), firstData)
	p.m.copyOut(dst[:n], p.block(e.id)+entryBytes)
	id := e.next
	for rest := dst[n:]; len(rest) > 0; rest = rest[n:] {
		if !p.valid(id) {
			return false
		}
		at := p.block(id)
		next, kind := p.pair(at + atLink)
		if kind != laterBlock|e.id {
			return false
		}
		n = min(len(rest), laterData)
		p.m.copyOut(rest[:n], at+linkBytes)
		id = next
	}
	return true
}

// copyIn fills the blocks of a new entry with frame, then key; false if its
// chain of blocks, just made, is not there any more.
func (p *page) copyIn(e *entry, frame []byte, key string) bool {
	at, room := p.block(e.id)+entryBytes, firstData
	id := e.next
	for {
		n := min(room, len(frame))
		p.m.copyIn(at, frame[:n])
		k := min(room-n, len(key))
		p.m.copyInString(at+n, key[:k])
		frame, key = frame[n:], key[k:]
		if len(frame)+len(key) == 0 {
			return true
		}
		if !p.valid(id) {
			return false
		}
		next, kind := p.pair(p.block(id) + atLink)
		if kind != laterBlock|e.id {
			return false
		}
		at, room = p.block(id)+linkBytes, laterData
		id = next
	}
}

// scrub overwrites the header that a block may have as an entry's first.
func (p *page) scrub(id uint32) {
	at := p.block(id)
	for word := atHash; word < entryBytes; word += 8 {
		p.m.put(at+word, 0)
	}
}
