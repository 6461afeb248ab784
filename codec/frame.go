package codec

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"strconv"
	"unsafe"

	"github.com/stratakv/strata/tiered/tier"
)

// HeaderSize is the number of bytes that a frame has before its body.
const HeaderSize = 36

// MaxValue is the longest value that the format allows: its frame's length
// fits an int on every platform.
const MaxValue = math.MaxInt32 - HeaderSize

const format = 1

const flagZstd = 1 << 0

// Where the header's fields begin.
const (
	atFormat     = 0
	atFlags      = 1
	atZero       = 2
	atDictionary = 4
	atDeadline   = 8
	atVersion    = 16
	atRawLen     = 24
	atBodyCRC    = 28
	atHeadCRC    = 32
)

// castagnoli is immutable; crc32 answers it with the CPU's own instruction.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// begin writes all of the header that is known before sealing; the body is in
// place.
func begin(frame []byte, flags uint8, dictionary uint32, rawLen int) {
	clear(frame[:HeaderSize])
	frame[atFormat] = format
	frame[atFlags] = flags
	binary.LittleEndian.PutUint32(frame[atDictionary:], dictionary)
	binary.LittleEndian.PutUint32(frame[atRawLen:], uint32(rawLen))
	binary.LittleEndian.PutUint32(frame[atBodyCRC:], crc32.Checksum(frame[HeaderSize:], castagnoli))
}

// Unsealed checks the header of a frame that a [Codec] of another process has
// encoded, and returns the length of its value: [Seal] panics at what is none.
// The body is not read. Errors match [tier.ErrCorrupt].
func Unsealed(frame []byte) (rawLen int, err error) {
	if err := checkForm(frame); err != nil {
		return 0, err
	}
	if err := checkHeader(frame); err != nil {
		return 0, err
	}
	return head(frame).RawLen, nil
}

// Seal completes in place a frame that [Codec.Encode] made, and returns its
// head. The frame is then bound to key: under another one it is refused. It
// must not be changed any more, but may be sealed again while its owner alone
// knows it. version is at least 1; deadline 0 means never.
func Seal(frame []byte, key string, version uint64, deadline int64) tier.Head {
	if len(frame) < HeaderSize || frame[atFormat] != format {
		panic("codec: P9: seal of something that is no frame")
	}
	if version == 0 {
		panic("codec: P9: version 0 stands for absence")
	}
	binary.LittleEndian.PutUint64(frame[atDeadline:], uint64(deadline))
	binary.LittleEndian.PutUint64(frame[atVersion:], version)
	binary.LittleEndian.PutUint32(frame[atHeadCRC:], headCRC(key, frame))
	return head(frame)
}

// Reseal returns a copy of frame with another version and deadline, and its
// head. The body is copied as it is, without a look at it, so damage there
// stays visible to [Codec.Decode]. The frame must have passed [Head]: what its
// header says is sealed again.
func Reseal(frame []byte, key string, version uint64, deadline int64) ([]byte, tier.Head) {
	fresh := make([]byte, len(frame))
	copy(fresh, frame)
	return fresh, Seal(fresh, key, version, deadline)
}

// Head returns what a sealed frame says of key's record, after checking the
// header and its checksum; the body is not read. The frame must not change
// during the call. Errors match [tier.ErrCorrupt]; the head is then zero.
func Head(key string, frame []byte) (tier.Head, error) {
	if err := checkForm(frame); err != nil {
		return tier.Head{}, err
	}
	if binary.LittleEndian.Uint32(frame[atHeadCRC:]) != headCRC(key, frame) {
		return tier.Head{}, corrupt(atHeadCRC, "header checksum or key does not match")
	}
	if err := checkHeader(frame); err != nil {
		return tier.Head{}, err
	}
	if binary.LittleEndian.Uint64(frame[atVersion:]) == 0 {
		return tier.Head{}, corrupt(atVersion, "frame without version")
	}
	return head(frame), nil
}

// checkForm refuses what has no header that checkHeader could read.
func checkForm(frame []byte) error {
	if len(frame) < HeaderSize {
		return corrupt(len(frame), "frame ends in its header")
	}
	if frame[atFormat] != format {
		return corrupt(atFormat, "unknown frame format")
	}
	return nil
}

// checkHeader refuses a header that no encoder of this format writes. Where its
// checksum is right, this is a newer writer or a forger.
func checkHeader(frame []byte) error {
	flags := frame[atFlags]
	rawLen := binary.LittleEndian.Uint32(frame[atRawLen:])
	bodyLen := len(frame) - HeaderSize
	switch {
	case flags&^flagZstd != 0:
		return corrupt(atFlags, "unknown frame flags")
	case binary.LittleEndian.Uint16(frame[atZero:]) != 0:
		return corrupt(atZero, "reserved bytes are not zero")
	case rawLen > MaxValue:
		return corrupt(atRawLen, "raw length is above the format's limit")
	case flags&flagZstd == 0 && binary.LittleEndian.Uint32(frame[atDictionary:]) != 0:
		return corrupt(atDictionary, "dictionary of a body that is not compressed")
	case flags&flagZstd == 0 && bodyLen != int(rawLen):
		return corrupt(atRawLen, "raw length is not the body's")
	case flags&flagZstd != 0 && (bodyLen == 0 || bodyLen >= int(rawLen)):
		return corrupt(atRawLen, "raw length is not above the compressed body's")
	}
	return nil
}

// head reads a header that was checked or written here.
func head(frame []byte) tier.Head {
	return tier.Head{
		Version:  binary.LittleEndian.Uint64(frame[atVersion:]),
		Deadline: int64(binary.LittleEndian.Uint64(frame[atDeadline:])),
		RawLen:   int(binary.LittleEndian.Uint32(frame[atRawLen:])),
		FrameLen: len(frame),
	}
}

func headCRC(key string, frame []byte) uint32 {
	crc := crc32.Checksum(frame[:atHeadCRC], castagnoli)
	// The key's bytes are only read, and not kept: no need to copy them.
	return crc32.Update(crc, castagnoli, unsafe.Slice(unsafe.StringData(key), len(key)))
}

// frameError says where in a frame which rule is broken.
type frameError struct {
	at    int
	rule  string
	cause error
}

func corrupt(at int, rule string) error { return &frameError{at: at, rule: rule} }

func (e *frameError) Error() string {
	msg := tier.ErrCorrupt.Error() + ": frame offset " + strconv.Itoa(e.at) + ": " + e.rule
	if e.cause != nil {
		msg += ": " + e.cause.Error()
	}
	return msg
}

func (e *frameError) Unwrap() []error {
	if e.cause == nil {
		return []error{tier.ErrCorrupt}
	}
	return []error{tier.ErrCorrupt, e.cause}
}
