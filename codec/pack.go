package codec

import (
	"encoding/binary"
	"slices"

	"github.com/stratakv/strata/tiered/tier"
)

// A packed value is a frame less what a store in memory keeps beside it anyway,
// or can do without: version, deadline, raw length and checksums. It begins with
// one of these, and a dictionary's id if there is one.
const (
	packedRaw        = 0 // the value
	packedZstd       = 1 // its zstd form
	packedDictionary = 2 // u32 id of a dictionary, its zstd form
)

// zstdOverhead is by how much a value that does not compress may grow, from a
// frame's header and those of its blocks, as long as it is short.
const zstdOverhead = 64

// Pack appends value's packed form to dst. It is for memory alone: nothing in it
// finds damage. value must not be longer than the codec's limit.
func (c *Codec) Pack(dst, value []byte) []byte {
	if len(value) > c.maxValue {
		panic("codec: P10: value above the limit was not refused")
	}
	at := len(dst)
	dst = slices.Grow(dst, 5+len(value)+zstdOverhead)
	if c.compresses(value) {
		body := appendForm(dst, flagZstd, c.zstd.preferred())
		start := len(body)
		if body, _ = c.zstd.compress(body, value, nil); saves(body[start:], value) {
			return body
		}
	}
	return append(appendForm(dst[:at], 0, 0), value...)
}

// appendForm appends what a packed value begins with.
func appendForm(dst []byte, flags uint8, dictionary uint32) []byte {
	switch {
	case flags&flagZstd == 0:
		return append(dst, packedRaw)
	case dictionary == 0:
		return append(dst, packedZstd)
	}
	return binary.LittleEndian.AppendUint32(append(dst, packedDictionary), dictionary)
}

// Unpack appends the value of rawLen bytes that Pack or PackFrame made packed of
// to dst. Errors match [tier.ErrCorrupt]: its body does not decode, which
// PackFrame does not look at.
func (c *Codec) Unpack(dst, packed []byte, rawLen int) ([]byte, error) {
	flags, _, body := form(packed)
	if flags&flagZstd == 0 {
		return append(dst, body...), nil
	}
	return c.decodeZstd(dst, body, rawLen)
}

// form reads what a packed value begins with.
func form(packed []byte) (flags uint8, dictionary uint32, body []byte) {
	switch packed[0] {
	case packedRaw:
		return 0, 0, packed[1:]
	case packedZstd:
		return flagZstd, 0, packed[1:]
	}
	return flagZstd, binary.LittleEndian.Uint32(packed[1:]), packed[5:]
}

// PackFrame appends the packed form of a frame that has passed [Codec.Check].
func PackFrame(dst, frame []byte) []byte {
	dst = appendForm(dst, frame[atFlags]&flagZstd, binary.LittleEndian.Uint32(frame[atDictionary:]))
	return append(dst, frame[HeaderSize:]...)
}

// AppendFrame appends the sealed frame of a packed value under key. Of head,
// version, deadline and raw length are used.
func AppendFrame(dst, packed []byte, key string, head tier.Head) []byte {
	flags, dictionary, body := form(packed)
	at := len(dst)
	dst = slices.Grow(dst, HeaderSize+len(body))[:at+HeaderSize]
	dst = append(dst, body...)
	begin(dst[at:], flags, dictionary, head.RawLen)
	Seal(dst[at:], key, head.Version, head.Deadline)
	return dst
}
