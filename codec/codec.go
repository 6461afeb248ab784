package codec

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"strconv"
	"sync"

	"github.com/stratakv/strata/tiered/tier"
)

// Options says how values are compressed. The zero Options are sound.
type Options struct {
	// Level is the effort: 0 is zstd's fastest; 1 to 4 are fastest, default,
	// better and best; negative never compresses. An encoder keeps about 0.3,
	// 1.4, 4.7 and 36 MiB at 1 to 4, and 0.4 MiB more once it has met a value
	// above 128 KiB. All are made when the first value needs one: GOMAXPROCS
	// of them, but at most 8, 8, 4 and 2; one under WebAssembly. What was
	// compressed can be read at any Level. Short values that a dictionary
	// compresses are compressed in one way at all Levels.
	Level int
	// MinBytes is the length from which on a value may be compressed; 0: 128.
	MinBytes int
	// Dictionaries are trained ones, in zstd's own form (package train,
	// Zstandard's --train, or zstd.BuildDict of klauspost/compress), each of an
	// id of its own. The last of them compresses, all are used to read. What a
	// dictionary compressed can be read only where it is given again. A build
	// without zstd does not look at them.
	Dictionaries [][]byte
	// NoTraining keeps a store from training dictionaries of its own. Those that
	// it has are used all the same. A codec alone trains none.
	NoTraining bool
}

// DefaultMinBytes is what Options.MinBytes stands for unless it is set.
const DefaultMinBytes = 128

const maxLevel = 4

func (o Options) withDefaults() Options {
	if o.Level == 0 {
		o.Level = 1
	}
	if o.MinBytes == 0 {
		o.MinBytes = DefaultMinBytes
	}
	return o
}

func (o Options) validate() error {
	var errs []error
	if o.Level > maxLevel {
		errs = append(errs, errors.New("codec: Level "+strconv.Itoa(o.Level)+" is above "+strconv.Itoa(maxLevel)))
	}
	if o.MinBytes < 0 {
		errs = append(errs, errors.New("codec: MinBytes "+strconv.Itoa(o.MinBytes)+" is negative"))
	}
	for i, dict := range o.Dictionaries {
		if !soundDictionary(dict) {
			errs = append(errs, errors.New("codec: Dictionaries["+strconv.Itoa(i)+"] is no zstd dictionary"))
		}
	}
	return errors.Join(errs...)
}

// Codec makes frames of values and values of frames.
//
//  1. A value is compressed from MinBytes on, and kept so only if that saves
//     at least 1/16 of it: below, reading would pay for nothing.
//  2. A frame has exactly the length it needs: it may be kept for long.
//  3. Nothing longer than the limit is ever allocated for a value.
type Codec struct {
	opts     Options
	maxValue int
	zstd     *compressor
	scratch  sync.Pool // *[]byte, where bodies are compressed before their length is known
}

// maxScratch is the largest buffer that is kept for the next value.
const maxScratch = 256 << 10

// New returns a codec for values of at most maxValue bytes, 1 to [MaxValue].
// The error names every option that is out of range.
func New(opts Options, maxValue int) (*Codec, error) {
	opts = opts.withDefaults()
	err := opts.validate()
	if maxValue < 1 || maxValue > MaxValue {
		err = errors.Join(err, errors.New("codec: limit of "+strconv.Itoa(maxValue)+" bytes a value is out of range"))
	}
	if err != nil {
		return nil, err
	}
	coders, err := newCompressor(opts, maxValue)
	if err != nil {
		return nil, err
	}
	c := &Codec{opts: opts, maxValue: maxValue, zstd: coders}
	c.scratch.New = func() any { return new([]byte) }
	return c, nil
}

// Encode returns an unsealed frame of a copy of value, for [Seal]. It is the
// caller's. value must not be longer than the codec's limit: the caller has
// answered ErrTooLarge before.
func (c *Codec) Encode(value []byte) []byte { return c.encode(nil, value) }

func (c *Codec) encode(d *Dictionary, value []byte) []byte {
	if len(value) > c.maxValue {
		panic("codec: P10: value above the limit was not refused")
	}
	if c.compresses(value) {
		if frame := c.encodeZstd(d, value); frame != nil {
			return frame
		}
	}
	return c.EncodePlain(value)
}

// EncodePlain is Encode without compression.
func (c *Codec) EncodePlain(value []byte) []byte { return newFrame(value, 0, 0, len(value)) }

func (c *Codec) compresses(value []byte) bool {
	return c.opts.Level > 0 && len(value) >= c.opts.MinBytes
}

// saves reports whether body is worth keeping in value's place (1).
func saves(body, value []byte) bool {
	return len(body) > 0 && len(body) <= len(value)-len(value)/16 && len(body) < len(value)
}

// encodeZstd returns nil if compression does not save enough.
func (c *Codec) encodeZstd(d *Dictionary, value []byte) []byte {
	scratch := c.scratch.Get().(*[]byte)
	body, dictionary := c.zstd.compress((*scratch)[:0], value, d)
	var frame []byte
	if saves(body, value) {
		frame = newFrame(body, flagZstd, dictionary, len(value))
	}
	if cap(body) <= maxScratch {
		*scratch = body
		c.scratch.Put(scratch)
	}
	return frame
}

func newFrame(body []byte, flags uint8, dictionary uint32, rawLen int) []byte {
	frame := make([]byte, HeaderSize+len(body))
	copy(frame[HeaderSize:], body)
	begin(frame, flags, dictionary, rawLen)
	return frame
}

// Decode checks the whole of key's sealed frame and appends the value to dst.
// The result never shares memory with frame, which must not change during the
// call. Errors match [tier.ErrCorrupt]; dst is then returned as it was, but
// the room behind its length may have been written to.
func (c *Codec) Decode(dst []byte, key string, frame []byte) ([]byte, error) {
	value, _, err := c.DecodeRecord(dst, key, frame)
	return value, err
}

// DecodeRecord is Decode with the frame's head, as [Head] gives it; with an
// error it is zero.
func (c *Codec) DecodeRecord(dst []byte, key string, frame []byte) ([]byte, tier.Head, error) {
	h, err := c.Check(key, frame)
	if err != nil {
		return dst, tier.Head{}, err
	}
	body := frame[HeaderSize:]
	if frame[atFlags]&flagZstd == 0 {
		return append(dst, body...), h, nil
	}
	value, err := c.decodeZstd(dst, body, h.RawLen)
	if err != nil {
		return dst, tier.Head{}, err
	}
	return value, h, nil
}

// Check is Decode without the value: it checks the whole of key's sealed frame,
// and whether this codec has what its body needs, but does not decompress. It
// allocates nothing and returns the head. Errors match [tier.ErrCorrupt].
func (c *Codec) Check(key string, frame []byte) (tier.Head, error) {
	h, err := Head(key, frame)
	switch {
	case err != nil:
		return tier.Head{}, err
	case h.RawLen > c.maxValue:
		return tier.Head{}, corrupt(atRawLen, "raw length is above the limit")
	case binary.LittleEndian.Uint32(frame[atBodyCRC:]) != crc32.Checksum(frame[HeaderSize:], castagnoli):
		return tier.Head{}, corrupt(atBodyCRC, "body checksum does not match")
	case frame[atFlags]&flagZstd != 0 && !c.zstd.knows(binary.LittleEndian.Uint32(frame[atDictionary:])):
		return tier.Head{}, &frameError{at: atDictionary, rule: "body", cause: ErrUnknownDictionary}
	case frame[atFlags]&flagZstd != 0 && !canDecompress:
		return tier.Head{}, corrupt(atFlags, "this build has no zstd")
	}
	return h, nil
}

// decodeZstd appends rawLen bytes to dst, or nothing. The decoder may fill the
// room that it is given, and no further; a dst with room for exactly the value
// is not replaced for the sake of a faster last block.
func (c *Codec) decodeZstd(dst, body []byte, rawLen int) ([]byte, error) {
	n := len(dst)
	grown := dst
	switch {
	case n == 0 && cap(dst) < rawLen:
		grown = make([]byte, 0, rawLen+overAlloc)
	case cap(dst)-n < rawLen:
		grown = slices.Grow(dst, rawLen+overAlloc)
	}
	room := grown[n:n:min(cap(grown), n+rawLen+overAlloc)]
	value, err := c.zstd.decompress(room, body)
	if err != nil {
		return dst, &frameError{at: HeaderSize, rule: "body does not decode", cause: err}
	}
	if len(value) != rawLen {
		return dst, corrupt(atRawLen, "body does not decode to the raw length")
	}
	if &value[0] != &room[:1][0] {
		return append(dst, value...), nil
	}
	return grown[:n+rawLen], nil
}
