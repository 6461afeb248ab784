//go:build amd64 && !race

package l2mmap

// On amd64 loads are not reordered with loads, nor stores with stores, and the
// compiler moves neither across the atomic operations on the sequence: plain
// copies between them are sound.

// put writes a word that readers check by the page's sequence.
func (m memory) put(off int, v uint64) { *m.at(off) = v }

// copyOut copies len(dst) bytes from off.
func (m memory) copyOut(dst []byte, off int) { copy(dst, m[off:off+len(dst)]) }

// copyIn copies src to off. Bytes up to the next multiple of 8 may be
// overwritten.
func (m memory) copyIn(off int, src []byte) { copy(m[off:off+len(src)], src) }

// copyInString is copyIn of a string.
func (m memory) copyInString(off int, src string) { copy(m[off:off+len(src)], src) }
