//go:build !wasm

package l1

import (
	"bytes"
	"unsafe"
)

// Entry is a copy of a record as of one generation of its bucket, for
// [Cache.Fill].
type Entry struct {
	Key      string
	Value    []byte // the plain value, decoded
	Tag      uint64 // the bucket's generation that the copy was read or made at; it only grows
	Deadline int64  // unix milliseconds, 0: never
	Version  uint64 // the record's place in the commit order
}

// Block is an Entry as it is kept: one piece of memory without pointers, which
// the garbage collector marks and does not look into. Behind the header lie the
// key, which is compared at once, and then the value. It never changes once it is in a cell.
type Block struct {
	tag, version     uint64
	deadline         int64
	valueLen, keyLen uint32
}

// newBlock copies e.
func newBlock(e *Entry) *Block {
	piece := make([]byte, int(blockBytes)+len(e.Value)+len(e.Key))
	copy(piece[blockBytes:], e.Key)
	copy(piece[int(blockBytes)+len(e.Key):], e.Value)
	b := (*Block)(unsafe.Pointer(unsafe.SliceData(piece)))
	b.tag, b.version, b.deadline = e.Tag, e.Version, e.Deadline
	b.valueLen, b.keyLen = uint32(len(e.Value)), uint32(len(e.Key))
	return b
}

// Value is lent, never nil, and must not be written to.
func (b *Block) Value() []byte {
	if b.valueLen == 0 {
		return []byte{} // there may be nothing behind the header to point to
	}
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(b), blockBytes+int64(b.keyLen))), b.valueLen)
}

// Key is lent.
func (b *Block) Key() string {
	if b.keyLen == 0 {
		return ""
	}
	return unsafe.String((*byte)(unsafe.Add(unsafe.Pointer(b), blockBytes)), b.keyLen)
}

// Tag is the generation that the copy was read or made at.
func (b *Block) Tag() uint64 { return b.tag }

// Deadline is in unix milliseconds, 0: never.
func (b *Block) Deadline() int64 { return b.deadline }

// Version is the record's place in the commit order.
func (b *Block) Version() uint64 { return b.version }

// outdates reports whether b is of the same key as e, and later.
func (b *Block) outdates(e *Entry) bool {
	if b.version < e.Version || b.version == e.Version && b.tag <= e.Tag {
		return false
	}
	return b.Key() == e.Key
}

// copies reports whether b is a copy of e.
func (b *Block) copies(e *Entry) bool {
	return b.version == e.Version && b.tag == e.Tag && b.deadline == e.Deadline && b.Key() == e.Key && bytes.Equal(b.Value(), e.Value)
}

const (
	cellBytes  = int64(unsafe.Sizeof(cell{}))
	blockBytes = int64(unsafe.Sizeof(Block{}))
	// mapBytes is what ristretto's two maps take for a hash: slots of 56 and 16
	// bytes with a control byte each, at a load of 7/16 to 7/8.
	mapBytes = 192
)

// sizeOf is the memory that an entry with so much value and key takes while it
// is kept.
func sizeOf(value, key int) int64 {
	return mapBytes + heapBytes(cellBytes) + heapBytes(blockBytes+int64(value)+int64(key))
}

func (e *Entry) size() int64 { return sizeOf(len(e.Value), len(e.Key)) }

func (b *Block) size() int64 { return sizeOf(int(b.valueLen), int(b.keyLen)) }
