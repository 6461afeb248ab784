//go:build !wasm

package l1

import "unsafe"

// Entry is a copy of a record as of one generation of its bucket. An Entry that
// came out of a [Cache] must not be written to.
type Entry struct {
	Key      string
	Value    []byte // the plain value, decoded
	Tag      uint64 // the bucket's generation that the copy was read or made at; it only grows
	Deadline int64  // unix milliseconds, 0: never
	Version  uint64 // the record's place in the commit order
}

// expired reports whether the deadline has come at now (unix milliseconds).
func (e *Entry) expired(now int64) bool { return e.Deadline != 0 && e.Deadline <= now }

// outdates reports whether e is of the same key as other, and later.
func (e *Entry) outdates(other *Entry) bool {
	if e.Key != other.Key {
		return false
	}
	return e.Version > other.Version || e.Version == other.Version && e.Tag > other.Tag
}

const (
	cellBytes  = int64(unsafe.Sizeof(cell{}))
	entryBytes = int64(unsafe.Sizeof(Entry{}))
	// mapBytes is what ristretto's two maps take for a hash at worst: slots of
	// 56 and 16 bytes with a control byte each, at a load of 7/16 and, while
	// entries come and go, below.
	mapBytes = 192
)

// size is the memory that e takes while it is kept.
func (e *Entry) size() int64 {
	return mapBytes + cellBytes + entryBytes + heapBytes(len(e.Key)) + heapBytes(cap(e.Value))
}

// heapBytes is the memory that the allocator takes for n bytes: its classes
// are 16 bytes apart at first, later 1/8 of their size, pages in the end.
func heapBytes(n int) int64 {
	size := int64(n)
	return (size + size/16 + 15) &^ 15
}
