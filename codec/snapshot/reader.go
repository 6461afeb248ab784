package snapshot

import (
	"encoding/binary"
	"unsafe"
)

// Reader takes the blocks of one snapshot in order. The zero Reader is ready.
// After an error it is of no more use.
type Reader struct {
	// Head is what the first block says, once it was read.
	Head Head
	// Records is the number of records read.
	Records uint64

	id    uint64
	index uint32
	done  bool
}

// Done reports whether the end was read: the snapshot is whole.
func (r *Reader) Done() bool { return r.done }

// Block reads the next block, the whole of b, and calls visit with each of its
// records. Key and frame point into b; the frame is not checked. The block is
// checked before the first call; visit's error ends it and comes back as it is.
func (r *Reader) Block(b []byte, visit func(key string, frame []byte) error) error {
	if err := r.check(b); err != nil {
		return err
	}
	kind, body := b[atKind], b[HeaderSize:]
	r.index++
	switch {
	case r.index == 1:
		return r.head(kind, body)
	case kind == kindRecords:
		return r.records(body, visit)
	case kind == kindEnd:
		return r.end(body)
	}
	return corrupt(r.index-1, atKind, "kind of block that does not belong here")
}

// check sees to the header and the checksum.
func (r *Reader) check(b []byte) error {
	if r.done {
		return corrupt(r.index, 0, "block behind the end")
	}
	n, err := Length(b)
	if err != nil {
		return err
	}
	switch {
	case n == 0 || n != len(b):
		return corrupt(r.index, atLength, "block is cut, or has bytes behind it")
	case binary.LittleEndian.Uint32(b[atCRC:]) != sum(b):
		return corrupt(r.index, atCRC, "checksum does not match")
	case binary.LittleEndian.Uint32(b[atIndex:]) != r.index:
		return corrupt(r.index, atIndex, "block is out of order")
	case r.index > 0 && binary.LittleEndian.Uint64(b[atID:]) != r.id:
		return corrupt(r.index, atID, "block of another snapshot")
	}
	for i := atKind + 1; i < HeaderSize; i++ {
		if b[i] != 0 {
			return corrupt(r.index, i, "reserved bytes are not zero")
		}
	}
	r.id = binary.LittleEndian.Uint64(b[atID:])
	return nil
}

func (r *Reader) head(kind byte, body []byte) error {
	switch {
	case kind != kindHead:
		return corrupt(0, atKind, "snapshot does not begin with its head")
	case len(body) != headSize:
		return corrupt(0, atLength, "length is not that of a head")
	case binary.LittleEndian.Uint32(body) != format || binary.LittleEndian.Uint32(body[4:]) != 0:
		return corrupt(0, HeaderSize, "unknown format")
	}
	r.Head = Head{Version: binary.LittleEndian.Uint64(body[8:]), Clock: int64(binary.LittleEndian.Uint64(body[16:]))}
	if r.Head.Version > MaxVersion {
		return corrupt(0, HeaderSize+8, "version out of range")
	}
	return nil
}

func (r *Reader) records(body []byte, visit func(key string, frame []byte) error) error {
	if len(body) == 0 {
		return corrupt(r.index-1, atLength, "no records")
	}
	if err := r.checkRecords(body); err != nil {
		return err
	}
	for len(body) > 0 {
		keyEnd := recordSize + int(binary.LittleEndian.Uint32(body))
		end := keyEnd + int(binary.LittleEndian.Uint32(body[4:]))
		key := body[recordSize:keyEnd]
		if err := visit(unsafe.String(unsafe.SliceData(key), len(key)), body[keyEnd:end:end]); err != nil {
			return err
		}
		body = body[end:]
		r.Records++
	}
	return nil
}

// checkRecords sees to the lengths of all records.
func (r *Reader) checkRecords(body []byte) error {
	for at := 0; at < len(body); {
		left := body[at:]
		if len(left) < recordSize {
			return corrupt(r.index-1, HeaderSize+at, "record is cut")
		}
		key, frame := binary.LittleEndian.Uint32(left), binary.LittleEndian.Uint32(left[4:])
		n := uint64(recordSize) + uint64(key) + uint64(frame)
		if key > MaxKey || n > uint64(len(left)) {
			return corrupt(r.index-1, HeaderSize+at, "length of a record is out of range")
		}
		at += int(n)
	}
	return nil
}

func (r *Reader) end(body []byte) error {
	if len(body) != endSize || binary.LittleEndian.Uint64(body) != r.Records {
		return corrupt(r.index-1, HeaderSize, "number of records is another one")
	}
	r.done = true
	return nil
}
