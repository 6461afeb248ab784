//go:build !wasm

package l3bolt

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/stratakv/strata/tiered/tier"
)

// window reads a segment forwards through one buffer. Its file may hold
// anything.
type window struct {
	r    io.ReaderAt
	file string // for errors
	size int64
	buf  []byte
	off  int64 // of buf[0] in the file
}

const windowBytes = 1 << 20

// at returns n bytes at off, valid until the next call; nil if the file ends
// before.
func (w *window) at(off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > w.size || n > w.size-off {
		return nil, nil
	}
	if off < w.off || off+n > w.off+int64(len(w.buf)) {
		if err := w.fill(off, max(n, min(windowBytes, w.size-off))); err != nil {
			return nil, err
		}
	}
	return w.buf[off-w.off:][:n:n], nil
}

// from returns what is at hand of what begins at off, a record's header at
// least. The file must have that.
func (w *window) from(off int64) ([]byte, error) {
	if off < w.off || off+recordHeaderSize > w.off+int64(len(w.buf)) {
		if err := w.fill(off, min(windowBytes, w.size-off)); err != nil {
			return nil, err
		}
	}
	return w.buf[off-w.off:], nil
}

func (w *window) fill(off, n int64) error {
	if int64(cap(w.buf)) < n {
		w.buf = make([]byte, n)
	}
	w.buf, w.off = w.buf[:n], off
	if got, err := w.r.ReadAt(w.buf, off); int64(got) < n {
		w.buf = w.buf[:0]
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return failed(tier.ErrUnavailable, "read", w.file, err)
	}
	return nil
}

// record returns the payload of the record at off if it is whole and has this
// sequence, else nil.
func (w *window) record(seed uint32, off int64, sequence uint64) ([]byte, error) {
	h, err := w.header(seed, off)
	if err != nil || h.sequence != sequence {
		return nil, err
	}
	return w.payload(seed, off, h)
}

// header returns the header at off, the zero header if there is no valid one.
// Sequences start at 1.
func (w *window) header(seed uint32, off int64) (recordHeader, error) {
	b, err := w.at(off, recordHeaderSize)
	if b == nil {
		return recordHeader{}, err
	}
	h, ok := parseRecordHeader(seed, b)
	if !ok {
		return recordHeader{}, nil
	}
	return h, nil
}

func (w *window) payload(seed uint32, off int64, h recordHeader) ([]byte, error) {
	b, err := w.at(off, recordHeaderSize+h.length)
	if b == nil {
		return nil, err
	}
	if binary.LittleEndian.Uint32(b[16:]) != payloadSum(seed, b, b[recordHeaderSize:]) {
		return nil, nil
	}
	return b[recordHeaderSize:], nil
}

// replaySegment calls apply with each record of the segment in turn, and
// returns the sequence that would come next, 0 if there is no record, and where
// it would lie. The payload is valid during the call only.
//
// What is not a record ends the segment if no record of this or a later
// sequence lies behind it: it is the torn end of a commit that was never
// acknowledged (J2), or room never used, or what the file held before (J9).
// Otherwise something that was acknowledged is damaged.
func replaySegment(w *window, h segmentHeader, apply func(off int64, sequence uint64, payload []byte) error) (next uint64, end int64, err error) {
	seed := h.seed()
	end = segmentHeaderSize
	head, err := w.header(seed, end)
	for next = head.sequence; err == nil && next != 0; next++ {
		payload, err := w.record(seed, end, next)
		if err != nil {
			return next, end, err
		}
		if payload == nil {
			break
		}
		size := recordSize(int64(len(payload)))
		if err := apply(end, next, payload); err != nil {
			return next, end, err
		}
		end += size
	}
	if err != nil {
		return next, end, err
	}
	return next, end, w.checkTail(seed, end, next)
}

// checkTail returns ErrCorrupt if behind end lies a record of sequence next or later.
func (w *window) checkTail(seed uint32, end int64, next uint64) error {
	for off := end + recordAlign; ; off += recordAlign {
		var err error
		if off, err = w.seek(off); off < 0 || err != nil {
			return err
		}
		h, err := w.header(seed, off)
		if err != nil {
			return err
		}
		if h.sequence < next || h.sequence == 0 {
			continue
		}
		payload, err := w.payload(seed, off, h)
		if err != nil {
			return err
		}
		if payload != nil {
			return corrupt(w.file, end, "bad journal record, but record %d at offset %d is whole", h.sequence, off)
		}
	}
}

// seek finds the first place at or behind off that begins as a record does; -1
// if there is none.
func (w *window) seek(off int64) (int64, error) {
	magic := binary.LittleEndian.AppendUint32(nil, recordMagic)
	for off+recordHeaderSize <= w.size {
		b, err := w.from(off)
		if err != nil {
			return -1, err
		}
		i := bytes.Index(b, magic)
		switch {
		case i < 0:
			// The last bytes may be the beginning of it.
			off += max((int64(len(b))-int64(len(magic)))&^(recordAlign-1), recordAlign)
		case (off+int64(i))%recordAlign == 0:
			return off + int64(i), nil
		default:
			off = (off + int64(i) + recordAlign) &^ (recordAlign - 1)
		}
	}
	return -1, nil
}

// readSegmentHeader reads the header of the file under w.
func (w *window) readSegmentHeader() (segmentHeader, error) {
	b, err := w.at(0, segmentHeaderSize)
	if err != nil {
		return segmentHeader{}, err
	}
	if b == nil {
		return segmentHeader{}, corrupt(w.file, 0, "segment header cut off: %d bytes", w.size)
	}
	return parseSegmentHeader(w.file, b)
}
