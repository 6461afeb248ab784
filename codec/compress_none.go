//go:build nozstd

package codec

import "errors"

const overAlloc = 0

const canDecompress = false

// compressor is the twin of a build without zstd: it saves nothing, so every
// value is stored as it is.
type compressor struct{}

// short is nothing here.
type short struct{}

func newCompressor(Options, int) (*compressor, error) { return &compressor{}, nil }

func (*compressor) preferred() uint32 { return 0 }

func soundDictionary([]byte) bool { return true }

func (*compressor) knows(id uint32) bool { return id == 0 }

func (*compressor) add([]byte) (*Dictionary, error) { return &Dictionary{}, nil }

func (*compressor) compress(dst, _ []byte, _ *Dictionary) (body []byte, dictionary uint32) {
	return dst, 0
}

func (*compressor) decompress(_, _ []byte) ([]byte, error) {
	return nil, errors.New("this build has no zstd")
}
