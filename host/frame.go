package host

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
)

// A frame is a part of a message:
//
//	0  size   u32, of the body
//	4  crc    u32, crc32c of all that follows
//	8  id     u64, of the request that the message is or answers
//	16 kind   u8
//	17 flags  u8
//	18 zero   u16
//	20 body
//
// All numbers are little endian.
const (
	headBytes = 20
	partBytes = 64 << 10 // of a frame's body, at most
	// maxMessage is the longest message that anyone accepts: the largest frame
	// that a store may hold, and what is around it.
	maxMessage = 1 << 30

	flagMore = 1 << 0 // the message goes on in another frame of its id
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// message is what one side says to the other.
type message struct {
	id   uint64
	kind kind
	body []byte

	progress func() // called when a part of a long one is sent; nil: nobody asks
}

// appendFrame appends one part of m to dst.
func appendFrame(dst []byte, m *message, part []byte, more bool) []byte {
	start := len(dst)
	var head [headBytes]byte
	dst = append(append(dst, head[:]...), part...)
	sealFrame(dst[start:], m.id, m.kind, more)
	return dst
}

// sealFrame makes the head of a frame whose body is there.
func sealFrame(frame []byte, id uint64, k kind, more bool) {
	binary.LittleEndian.PutUint32(frame, uint32(len(frame)-headBytes))
	binary.LittleEndian.PutUint64(frame[8:], id)
	frame[16], frame[17], frame[18], frame[19] = byte(k), 0, 0, 0
	if more {
		frame[17] = flagMore
	}
	binary.LittleEndian.PutUint32(frame[4:], crc32.Checksum(frame[8:], castagnoli))
}

// faultError is what a peer did wrong.
type faultError struct{ what string }

func (e *faultError) Error() string { return "bad peer: " + e.what }

func fault(format string, args ...any) error { return &faultError{fmt.Sprintf(format, args...)} }

// partial is a message whose parts have not all come.
type partial struct {
	kind  kind
	parts [][]byte
	bytes int64
}

// receiver reads messages.
//
//  1. Memory grows only with bytes that have arrived: a frame's body is at most
//     partBytes, whatever its head says.
//  2. A message is at most maxMessage bytes, and the unfinished ones of a
//     connection at most maxParts together. Every part but the last is full, so
//     that their number is bounded too.
type receiver struct {
	r          *bufio.Reader
	maxMessage int64
	maxParts   int64
	parts      map[uint64]*partial   // unfinished, by id
	held       int64                 // bytes in parts
	progress   func(id uint64) error // told of each part but the last; may refuse it
}

func newReceiver(r io.Reader, maxMessage, maxParts int64) *receiver {
	return &receiver{
		r: bufio.NewReaderSize(r, partBytes), maxMessage: maxMessage, maxParts: max(maxParts, maxMessage),
		parts: make(map[uint64]*partial), progress: func(uint64) error { return nil },
	}
}

// next returns the next whole message, whose body is the caller's. io.EOF: the
// peer has ended between two frames. [faultError]: it does not speak as it
// should.
func (r *receiver) next() (message, error) {
	for {
		m, more, err := r.frame()
		if err != nil {
			return message{}, err
		}
		begun := r.parts[m.id]
		if begun == nil && !more {
			return m, nil
		}
		if begun == nil {
			begun = &partial{kind: m.kind}
			r.parts[m.id] = begun
		}
		if err := r.add(begun, m, more); err != nil {
			return message{}, err
		}
		if !more {
			delete(r.parts, m.id)
			r.held -= begun.bytes
			m.body = slices.Concat(begun.parts...)
			return m, nil
		}
		if err := r.progress(m.id); err != nil {
			return message{}, err
		}
	}
}

// add adds a part to the message that it belongs to.
func (r *receiver) add(to *partial, m message, more bool) error {
	size := int64(len(m.body))
	switch {
	case to.kind != m.kind:
		return fault("a message changes its kind")
	case more && size < partBytes:
		return fault("a part of %d bytes", size)
	case to.bytes+size > r.maxMessage || r.held+size > r.maxParts:
		return fault("a message of more than %d bytes, or too many parts", r.maxMessage)
	}
	to.parts = append(to.parts, m.body)
	to.bytes += size
	r.held += size
	return nil
}

// ready reports whether next will not wait: a frame that ends a message is there,
// or the beginning of one that it refuses.
func (r *receiver) ready() bool {
	if r.r.Buffered() < headBytes {
		return false
	}
	head, _ := r.r.Peek(headBytes)
	size := binary.LittleEndian.Uint32(head)
	return size <= uint32(r.r.Buffered()-headBytes) && head[17]&flagMore == 0
}

// frame reads one frame.
func (r *receiver) frame() (m message, more bool, err error) {
	var head [headBytes]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		return message{}, false, err
	}
	size := binary.LittleEndian.Uint32(head[0:])
	if size > partBytes {
		return message{}, false, fault("a frame of %d bytes", size)
	}
	if head[17]&^flagMore != 0 || head[18] != 0 || head[19] != 0 {
		return message{}, false, fault("unknown flags")
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r.r, body); err != nil {
		return message{}, false, unexpected(err)
	}
	crc := crc32.Update(crc32.Checksum(head[8:], castagnoli), castagnoli, body)
	if crc != binary.LittleEndian.Uint32(head[4:]) {
		return message{}, false, fault("a frame fails its checksum")
	}
	m = message{id: binary.LittleEndian.Uint64(head[8:]), kind: kind(head[16]), body: body}
	return m, head[17]&flagMore != 0, nil
}

// unexpected makes the end of the stream inside a frame an error of its own.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
