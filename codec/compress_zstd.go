//go:build !nozstd

package codec

import (
	"sync"

	"github.com/klauspost/compress/zstd"
)

// overAlloc is the room behind a value with which the decoder may use its
// fast, unguarded copies for the last block.
const overAlloc = 16

// compressor holds the zstd coders. Each is made at its first use; their
// number is fixed, so that many callers at once wait instead of taking more
// memory. (A sync.Pool of single coders was rejected for that reason, and
// because every GC would throw the tables away.)
type compressor struct {
	encoder func() *zstd.Encoder
	decoder func() *zstd.Decoder
}

func newCompressor(level, maxValue int) *compressor {
	return &compressor{
		encoder: sync.OnceValue(func() *zstd.Encoder { return newEncoder(level) }),
		decoder: sync.OnceValue(func() *zstd.Decoder { return newDecoder(maxValue) }),
	}
}

// newEncoder makes encoders without a checksum of their own, as the frame has
// one, and with a small window: values are short, and the window's size is
// what an encoder keeps and what it clears from time to time.
func newEncoder(level int) *zstd.Encoder {
	e, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.EncoderLevel(level)),
		zstd.WithEncoderConcurrency(encoders(level)),
		zstd.WithEncoderCRC(false),
		zstd.WithLowerEncoderMem(true),
		zstd.WithWindowSize(windowBytes),
	)
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
func newDecoder(maxValue int) *zstd.Decoder {
	d, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(decoders()),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecodeAllCapLimit(true),
		zstd.WithDecoderMaxMemory(uint64(max(maxValue, minDecoderMemory)+overAlloc)),
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
