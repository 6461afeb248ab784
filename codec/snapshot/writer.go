package snapshot

import "encoding/binary"

// Writer makes the blocks of one snapshot. A block is appended to the caller's
// memory: Head, then as often as there are records Begin, Record… and Finish,
// then End. It panics where a caller leaves that order.
type Writer struct {
	id      uint64
	index   uint32
	records uint64
	open    int // where the open block begins, -1: none
}

// NewWriter returns a Writer of a snapshot with a random id.
func NewWriter(id uint64) *Writer { return &Writer{id: id, open: -1} }

// Head appends the first block.
func (w *Writer) Head(dst []byte, h Head) []byte {
	if w.index != 0 || w.open >= 0 {
		panic("snapshot: the head is not first")
	}
	dst = w.begin(dst, kindHead)
	dst = binary.LittleEndian.AppendUint32(dst, format)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	dst = binary.LittleEndian.AppendUint64(dst, h.Version)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.Clock))
	return w.finish(dst)
}

// Begin opens a block of records at the end of dst.
func (w *Writer) Begin(dst []byte) []byte { return w.begin(dst, kindRecords) }

// Record appends a record to the open block. frame is a sealed one.
func (w *Writer) Record(dst []byte, key string, frame []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(key)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(frame)))
	dst = append(append(dst, key...), frame...)
	w.records++
	return dst
}

// Finish closes the open block. One without a record is taken back.
func (w *Writer) Finish(dst []byte) []byte {
	if len(dst) == w.open+HeaderSize {
		dst = dst[:w.open]
		w.open = -1
		return dst
	}
	return w.finish(dst)
}

// End appends the last block.
func (w *Writer) End(dst []byte) []byte {
	dst = w.begin(dst, kindEnd)
	dst = binary.LittleEndian.AppendUint64(dst, w.records)
	return w.finish(dst)
}

func (w *Writer) begin(dst []byte, kind byte) []byte {
	if w.open >= 0 {
		panic("snapshot: a block is open")
	}
	w.open = len(dst)
	var header [HeaderSize]byte
	binary.LittleEndian.PutUint32(header[atMagic:], magic)
	binary.LittleEndian.PutUint32(header[atIndex:], w.index)
	binary.LittleEndian.PutUint64(header[atID:], w.id)
	header[atKind] = kind
	return append(dst, header[:]...)
}

func (w *Writer) finish(dst []byte) []byte {
	block := dst[w.open:]
	if len(block) > HeaderSize+MaxBody {
		panic("snapshot: a block is too long")
	}
	binary.LittleEndian.PutUint32(block[atLength:], uint32(len(block)-HeaderSize))
	binary.LittleEndian.PutUint32(block[atCRC:], sum(block))
	w.index++
	w.open = -1
	return dst
}
