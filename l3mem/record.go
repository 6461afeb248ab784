package l3mem

import (
	"math"

	"github.com/stratakv/strata/tiered/tier"
)

// A record is a chain of blocks that holds a header, the key and the frame.
// The header lies in the chain's first block, whose reference is the record's.
// Offsets in it:
const (
	atVersion  = 0  // u64
	atDeadline = 8  // u64
	atRawLen   = 16 // u32
	atFrameLen = 20 // u32
	atKeyLen   = 24 // u16
	atFlags    = 26 // u8
	atTag      = 27 // u8: low bits of the key's hash
	atCollider = 28 // u32: the next record of the same directory entry
	atOrder    = 32 // 2 × u32: children in the order tree
	atExpiry   = 40 // 2 × u32: children in the expiry tree
	atNewer    = 48 // u32: sieve neighbours, only with Evict
	atOlder    = 52 // u32

	headerSize      = 48
	evictHeaderSize = 56
)

// Bits of the flags. Balances are stored plus one.
const (
	orderShift  = 0 // 2 bits: the order tree's balance
	expiryShift = 2 // 2 bits: the expiry tree's balance
	pinned      = 1 << 4
)

const (
	maxKeyLen   = math.MaxUint16
	maxFrameLen = math.MaxUint32
)

// resealed is how many of a frame's first bytes may differ when only version
// and deadline do: the codec's header.
const resealed = 36

func (a *arena) deadline(ref uint32) int64 { return int64(a.u64(ref, atDeadline)) }

func (a *arena) frameLen(ref uint32) int { return int(a.u32(ref, atFrameLen)) }

func (a *arena) keyLen(ref uint32) int { return int(a.u32(ref, atKeyLen) & maxKeyLen) }

func (a *arena) flags(ref uint32) *byte { return &a.mem[int(ref)*blockSize+atFlags] }

func (a *arena) tag(ref uint32) byte { return a.mem[int(ref)*blockSize+atTag] }

func (a *arena) head(ref uint32) tier.Head {
	return tier.Head{
		Version:  a.u64(ref, atVersion),
		Deadline: a.deadline(ref),
		RawLen:   int(a.u32(ref, atRawLen)),
		FrameLen: a.frameLen(ref),
	}
}

// setHead stores the head of a frame of frameLen bytes.
func (a *arena) setHead(ref uint32, h tier.Head, frameLen int) {
	a.put64(ref, atVersion, h.Version)
	a.put64(ref, atDeadline, uint64(h.Deadline))
	a.put32(ref, atRawLen, uint32(h.RawLen))
	a.put32(ref, atFrameLen, uint32(frameLen))
}

// create stores a new record that is in no index.
func (a *arena) create(key string, h tier.Head, frame []byte, tag byte) uint32 {
	ref := a.alloc()
	a.setHead(ref, h, len(frame))
	a.put32(ref, atKeyLen, uint32(len(key))|uint32(tag)<<24) // and no flags
	write(a, write(a, place{ref, a.header}, key), frame)
	return ref
}

// replace gives a record another frame, using its blocks again.
func (a *arena) replace(ref uint32, h tier.Head, frame []byte) {
	before := a.size(ref)
	a.setHead(ref, h, len(frame))
	last := write(a, a.frameAt(ref), frame).block
	rest := a.next(last)
	if after := a.size(ref); after < before {
		a.setNext(last, 0)
		a.release(rest, before-after)
	}
}

// retime gives a record the header of a frame with the same body.
func (a *arena) retime(ref uint32, h tier.Head, frame []byte) {
	a.setHead(ref, h, len(frame))
	write(a, a.frameAt(ref), frame[:min(resealed, len(frame))])
}

// size is the number of the record's blocks.
func (a *arena) size(ref uint32) uint32 {
	return a.blocks(a.keyLen(ref), a.frameLen(ref))
}

// blocks is the number of blocks of a record with such a key and frame.
func (a *arena) blocks(keyLen, frameLen int) uint32 {
	return uint32((int64(a.header) + int64(keyLen) + int64(frameLen) + payload - 1) / payload)
}

func (a *arena) frameAt(ref uint32) place {
	return a.skip(place{ref, a.header}, a.keyLen(ref))
}

// frame returns a copy of the record's frame.
func (a *arena) frame(ref uint32) []byte { return a.appendFrame(nil, ref, a.frameLen(ref)) }

// key returns a copy of the record's key.
func (a *arena) key(ref uint32) string { return lentString(a.appendKey(nil, ref)) }

// compareKey is -1, 0 or 1 as key is before, at or behind the record's.
func (a *arena) compareKey(key string, ref uint32) int {
	left := a.keyLen(ref)
	for at := a.header; left > 0; at = 0 {
		part := a.block(ref)[at:payload]
		part = part[:min(left, len(part))]
		n := min(len(part), len(key))
		if mine := part[:n]; string(mine) != key[:n] {
			if key[:n] < string(mine) {
				return -1
			}
			return 1
		}
		if n < len(part) {
			return -1
		}
		key = key[n:]
		left -= n
		ref = a.next(ref)
	}
	return min(len(key), 1)
}

// hasPrefix reports whether the record's key begins with prefix.
func (a *arena) hasPrefix(ref uint32, prefix string) bool {
	if a.keyLen(ref) < len(prefix) {
		return false
	}
	for at := a.header; len(prefix) > 0; at = 0 {
		part := a.block(ref)[at:payload]
		n := min(len(part), len(prefix))
		if string(part[:n]) != prefix[:n] {
			return false
		}
		prefix = prefix[n:]
		ref = a.next(ref)
	}
	return true
}
