//go:build !nozstd

package codec

import (
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// overAlloc is the room behind a value with which the decoder may use its
// fast, unguarded copies for the last block.
const overAlloc = 16

const canDecompress = true

// compressor holds the zstd coders. Each is made at its first use; their
// number is fixed, so that many callers at once wait instead of taking more
// memory. (A sync.Pool of single coders was rejected for that reason, and
// because every GC would throw the tables away.)
type compressor struct {
	encoder func() *zstd.Encoder
	decoder func() *zstd.Decoder

	dictionary uint32   // the one that compresses, 0: none
	known      []uint32 // those that can be read
}

// newCompressor makes the coders of sound options.
func newCompressor(opts Options, maxValue int) *compressor {
	z := &compressor{}
	for _, dict := range opts.Dictionaries {
		z.dictionary = dictionaryID(dict)
		z.known = append(z.known, z.dictionary)
	}
	z.encoder = sync.OnceValue(func() *zstd.Encoder { return newEncoder(opts) })
	z.decoder = sync.OnceValue(func() *zstd.Decoder { return newDecoder(opts, maxValue) })
	return z
}

// soundDictionary reports whether both coders take dict.
func soundDictionary(dict []byte) bool {
	d, err := zstd.InspectDictionary(dict)
	return err == nil && d.ID() != 0
}

// dictionaryID is the id of a sound dictionary.
func dictionaryID(dict []byte) uint32 {
	d, err := zstd.InspectDictionary(dict)
	if err != nil {
		panic("codec: P9: a dictionary was not checked: " + err.Error())
	}
	return d.ID()
}

// knows reports whether a body with this dictionary can be read; 0 is none.
func (z *compressor) knows(id uint32) bool { return id == 0 || slices.Contains(z.known, id) }

// newEncoder makes encoders without a checksum of their own, as the frame has
// one, and with a small window: values are short, and the window's size is
// what an encoder keeps and what it clears from time to time.
func newEncoder(opts Options) *zstd.Encoder {
	settings := []zstd.EOption{
		zstd.WithEncoderLevel(zstd.EncoderLevel(opts.Level)),
		zstd.WithEncoderConcurrency(encoders(opts.Level)),
		zstd.WithEncoderCRC(false),
		zstd.WithLowerEncoderMem(true),
		zstd.WithWindowSize(windowBytes),
	}
	if n := len(opts.Dictionaries); n > 0 {
		settings = append(settings, zstd.WithEncoderDict(opts.Dictionaries[n-1]))
	}
	e, err := zstd.NewWriter(nil, settings...)
	if err != nil {
		panic("codec: P10: encoder options: " + err.Error())
	}
	return e
}

// minDecoderMemory is above any window that an encoder may announce for a
// short value; the decoder's limit is one for windows, too.
const minDecoderMemory = 1 << 20

// newDecoder makes decoders that stop at the capacity of the buffer they are
// given, and near maxValue.
func newDecoder(opts Options, maxValue int) *zstd.Decoder {
	d, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(decoders()),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecodeAllCapLimit(true),
		zstd.WithDecoderMaxMemory(uint64(max(maxValue, minDecoderMemory)+overAlloc)),
		zstd.WithDecoderDicts(opts.Dictionaries...),
	)
	if err != nil {
		panic("codec: P10: decoder options: " + err.Error())
	}
	return d
}

// compress appends src's compressed form to dst.
func (z *compressor) compress(dst, src []byte) []byte { return z.encoder().EncodeAll(src, dst) }

// decompress appends body's value to dst, up to its capacity.
func (z *compressor) decompress(dst, body []byte) ([]byte, error) {
	return z.decoder().DecodeAll(body, dst)
}
