package host

import (
	"encoding/binary"
	"errors"
	"slices"
)

// errBody is the decoder's answer to bytes that no encoder made.
var errBody = errors.New("bad message")

// encoder makes a message's body.
type encoder struct{ buf []byte }

func (e *encoder) byte(v byte)     { e.buf = append(e.buf, v) }
func (e *encoder) uint(v uint64)   { e.buf = binary.AppendUvarint(e.buf, v) }
func (e *encoder) int(v int64)     { e.buf = binary.AppendVarint(e.buf, v) }
func (e *encoder) id(v [16]byte)   { e.buf = append(e.buf, v[:]...) }
func (e *encoder) bytes(v []byte)  { e.uint(uint64(len(v))); e.buf = append(e.buf, v...) }
func (e *encoder) string(v string) { e.uint(uint64(len(v))); e.buf = append(e.buf, v...) }
func (e *encoder) flags(v ...bool) { e.byte(pack(v)) }
func (e *encoder) grow(n int)      { e.buf = slices.Grow(e.buf, n) }

// plain is a body that is encoded already.
type plain []byte

func (p plain) encode(e *encoder) { e.buf = append(e.buf, p...) }

func pack(bits []bool) (b byte) {
	for i, v := range bits {
		if v {
			b |= 1 << i
		}
	}
	return b
}

// decoder reads a body. After the first fault everything is zero, and err says
// so; no count is believed further than the bytes that are left.
type decoder struct {
	buf []byte
	err error
}

func (d *decoder) fail() {
	d.buf, d.err = nil, errBody
}

func (d *decoder) byte() byte {
	if len(d.buf) == 0 {
		d.fail()
		return 0
	}
	v := d.buf[0]
	d.buf = d.buf[1:]
	return v
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.buf)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.buf = d.buf[n:]
	return v
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.buf)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.buf = d.buf[n:]
	return v
}

// length is an int that is not negative and fits the platform's.
func (d *decoder) length() int {
	v := d.uint()
	if v > maxMessage {
		d.fail()
		return 0
	}
	return int(v)
}

// count is the number of elements that follow, each of at least size bytes.
func (d *decoder) count(size int) int {
	v := d.uint()
	if v > uint64(len(d.buf)/size) {
		d.fail()
		return 0
	}
	return int(v)
}

func (d *decoder) id() (v [16]byte) {
	if len(d.buf) < len(v) {
		d.fail()
		return v
	}
	copy(v[:], d.buf)
	d.buf = d.buf[len(v):]
	return v
}

// bytes is a slice of the body, nil if empty.
func (d *decoder) bytes() []byte {
	n := d.count(1)
	if n == 0 {
		return nil
	}
	v := d.buf[:n:n]
	d.buf = d.buf[n:]
	return v
}

func (d *decoder) string() string { return string(d.bytes()) }

// flags reads n flags; others must be zero.
func (d *decoder) flags(n int) (v [8]bool) {
	b := d.byte()
	if b>>n != 0 {
		d.fail()
		return v
	}
	for i := range v {
		v[i] = b&(1<<i) != 0
	}
	return v
}

// end is the fault of the whole body: what is left over is one too.
func (d *decoder) end() error {
	if d.err == nil && len(d.buf) > 0 {
		d.fail()
	}
	return d.err
}
