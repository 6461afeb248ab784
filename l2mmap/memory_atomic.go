//go:build !wasm && (!amd64 || race)

package l2mmap

import (
	"encoding/binary"
	"sync/atomic"
	"unsafe"
)

// Where plain loads may be reordered, and under the race detector, every word
// is moved by an atomic operation.

// put writes a word that readers check by the page's sequence.
func (m memory) put(off int, v uint64) { atomic.StoreUint64(m.at(off), v) }

// copyOut copies len(dst) bytes from off, a multiple of 8. The memory reaches
// to the next multiple of 8.
func (m memory) copyOut(dst []byte, off int) {
	for ; len(dst) >= 8; dst, off = dst[8:], off+8 {
		binary.LittleEndian.PutUint64(dst, m.load(off))
	}
	if len(dst) > 0 {
		var last [8]byte
		binary.LittleEndian.PutUint64(last[:], m.load(off))
		copy(dst, last[:])
	}
}

// copyIn copies src to off, which need not be a multiple of 8. Bytes up to the
// next multiple of 8 may be overwritten.
func (m memory) copyIn(off int, src []byte) {
	if head := off % 8; head != 0 {
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], m.load(off-head))
		n := copy(word[head:], src)
		m.store(off-head, binary.LittleEndian.Uint64(word[:]))
		src, off = src[n:], off+n
	}
	for ; len(src) >= 8; src, off = src[8:], off+8 {
		m.store(off, binary.LittleEndian.Uint64(src))
	}
	if len(src) > 0 {
		var last [8]byte
		copy(last[:], src)
		m.store(off, binary.LittleEndian.Uint64(last[:]))
	}
}

// copyInString is copyIn of a string, whose bytes are only read.
func (m memory) copyInString(off int, src string) {
	m.copyIn(off, unsafe.Slice(unsafe.StringData(src), len(src)))
}
