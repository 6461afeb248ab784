package session

import (
	"encoding/binary"
	"unicode/utf8"
)

// The part of CBOR (RFC 8949) that records are made of: unsigned integers, byte
// strings, text and arrays, each with a definite length in its shortest form.
// Reading is as strict as that, so that equal records have equal bytes and
// nothing else is a record.
const (
	cborUint  = 0
	cborBytes = 2
	cborText  = 3
	cborArray = 4
)

// maxInteger is the largest integer in a record: what JavaScript's numbers hold.
const maxInteger = 1<<53 - 1

func appendHead(b []byte, major byte, n uint64) []byte {
	major <<= 5
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n < 1<<8:
		return append(b, major|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

func appendInt(b []byte, n int64) []byte { return appendHead(b, cborUint, uint64(n)) }

func appendText(b []byte, s string) []byte {
	return append(appendHead(b, cborText, uint64(len(s))), s...)
}

func appendBytes(b, s []byte) []byte {
	return append(appendHead(b, cborBytes, uint64(len(s))), s...)
}

// reader takes a record apart. After the first fault bad is set and all it
// gives is zero.
type reader struct {
	rest []byte
	bad  bool
}

// head reads the head of an item of the given kind.
func (r *reader) head(major byte) uint64 {
	if r.bad || len(r.rest) == 0 || r.rest[0]>>5 != major {
		return r.fail()
	}
	info := r.rest[0] & 31
	if info < 24 {
		r.rest = r.rest[1:]
		return uint64(info)
	}
	size := 1 << (info - 24)
	if info > 27 || len(r.rest) < 1+size {
		return r.fail()
	}
	var n uint64
	for _, c := range r.rest[1 : 1+size] {
		n = n<<8 | uint64(c)
	}
	shorter := [4]uint64{24, 1 << 8, 1 << 16, 1 << 32}
	if n < shorter[info-24] {
		return r.fail()
	}
	r.rest = r.rest[1+size:]
	return n
}

func (r *reader) fail() uint64 {
	r.bad, r.rest = true, nil
	return 0
}

// integer reads an unsigned integer.
func (r *reader) integer() int64 {
	n := r.head(cborUint)
	if n > maxInteger {
		n = r.fail()
	}
	return int64(n)
}

// array reads the head of an array; each item takes a byte at least.
func (r *reader) array() int {
	n := r.head(cborArray)
	if n > uint64(len(r.rest)) {
		n = r.fail()
	}
	return int(n)
}

// bytes reads a byte string; it is part of what is read.
func (r *reader) bytes() []byte { return r.string(cborBytes) }

func (r *reader) text() string {
	s := r.string(cborText)
	if !utf8.Valid(s) {
		r.fail()
		return ""
	}
	return string(s)
}

func (r *reader) string(major byte) []byte {
	n := r.head(major)
	if n > uint64(len(r.rest)) {
		r.fail()
		return nil
	}
	s := r.rest[:n:n]
	r.rest = r.rest[n:]
	return s
}
