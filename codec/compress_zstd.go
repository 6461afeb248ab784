//go:build !nozstd

package codec

import (
	"bytes"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

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
//
// One pool of decoders serves all dictionaries. Those that are known are
// published as a whole, after the decoders have them: readers take no lock.
type compressor struct {
	encoder func() *zstd.Encoder // with the last given dictionary
	given   *Dictionary          // that one, nil: none
	plain   *short               // without a dictionary, nil: not at this level
	newest  func() *zstd.Decoder // a decoder of all of dicts

	decoder atomic.Pointer[zstd.Decoder] // written under mu, nil: not made yet
	known   atomic.Pointer[knownDictionaries]

	mu    sync.Mutex // guards dicts, and the writing of decoder and known
	dicts [][]byte
}

// knownDictionaries are those that can be read, by their ids. It is read-only.
type knownDictionaries map[uint32]*Dictionary

// newCompressor makes the coders of sound options. ErrDictionary: two of the
// dictionaries have one id.
func newCompressor(opts Options, maxValue int) (*compressor, error) {
	z := &compressor{}
	z.known.Store(&knownDictionaries{})
	var last []byte // of z.dicts: the caller's may change before the encoder is made
	z.encoder = sync.OnceValue(func() *zstd.Encoder { return newEncoder(opts.Level, last) })
	z.newest = func() *zstd.Decoder { return newDecoder(z.dicts, maxValue) }
	if opts.Level == 1 {
		z.plain = newShort()
	}
	for _, dict := range opts.Dictionaries {
		d, err := z.add(dict)
		if err != nil {
			return nil, err
		}
		z.given = d
		last = z.dicts[slices.IndexFunc(z.dicts, func(own []byte) bool { return bytes.Equal(own, dict) })]
	}
	return z, nil
}

// soundDictionary reports whether both coders take dict.
func soundDictionary(dict []byte) bool { return dictionaryID(dict) != 0 }

// dictionaryID is the id of a sound dictionary, 0 of another one.
func dictionaryID(dict []byte) uint32 {
	d, err := zstd.InspectDictionary(dict)
	if err != nil {
		return 0
	}
	return d.ID()
}

// add makes a dictionary known.
func (z *compressor) add(dict []byte) (*Dictionary, error) {
	id := dictionaryID(dict)
	if id == 0 {
		return nil, ErrDictionary
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	known := *z.known.Load()
	if d := known[id]; d != nil {
		if !slices.ContainsFunc(z.dicts, func(old []byte) bool { return bytes.Equal(old, dict) }) {
			return nil, ErrDictionary
		}
		return d, nil
	}
	dict = bytes.Clone(dict)
	if decoder := z.decoder.Load(); decoder != nil {
		if err := decoder.ResetWithOptions(nil, zstd.WithDecoderDicts(dict)); err != nil {
			return nil, ErrDictionary
		}
	}
	z.dicts = append(z.dicts, dict)
	more := maps.Clone(known)
	more[id] = &Dictionary{id: id, short: newShortWith(dict, id)}
	z.known.Store(&more)
	return more[id], nil
}

// knows reports whether a body with this dictionary can be read; 0 is none.
func (z *compressor) knows(id uint32) bool { return id == 0 || (*z.known.Load())[id] != nil }

// newEncoder makes encoders without a checksum of their own, as the frame has
// one, and with a small window: values are short, and the window's size is
// what an encoder keeps and what it clears from time to time.
func newEncoder(level int, dict []byte) *zstd.Encoder {
	settings := []zstd.EOption{
		zstd.WithEncoderLevel(zstd.EncoderLevel(level)),
		zstd.WithEncoderConcurrency(encoders(level)),
		zstd.WithEncoderCRC(false),
		zstd.WithLowerEncoderMem(true),
		zstd.WithWindowSize(windowBytes),
	}
	if dict != nil {
		settings = append(settings, zstd.WithEncoderDict(dict))
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
func newDecoder(dicts [][]byte, maxValue int) *zstd.Decoder {
	d, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(decoders()),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecodeAllCapLimit(true),
		zstd.WithDecoderMaxMemory(uint64(max(maxValue, minDecoderMemory)+overAlloc)),
		zstd.WithDecoderDicts(dicts...),
	)
	if err != nil {
		panic("codec: P10: decoder options: " + err.Error())
	}
	return d
}

// compress appends value's compressed form to dst, and tells the dictionary
// that it needs. d nil: the given one, or none.
func (z *compressor) compress(dst, value []byte, d *Dictionary) (body []byte, dictionary uint32) {
	if d == nil {
		d = z.given
	}
	s := z.plain
	if d != nil {
		s = d.short
	}
	if s != nil && len(value) <= maxShort {
		if body, worthwhile := s.encode(dst, value); !worthwhile {
			return body, s.id
		}
	}
	return z.encoder().EncodeAll(value, dst), z.preferred()
}

// preferred is the id that compress tells where no dictionary is asked for.
func (z *compressor) preferred() uint32 {
	if z.given == nil {
		return 0
	}
	return z.given.id
}

// decompress appends body's value to dst, up to its capacity.
func (z *compressor) decompress(dst, body []byte) ([]byte, error) {
	decoder := z.decoder.Load()
	if decoder == nil {
		decoder = z.makeDecoder()
	}
	return decoder.DecodeAll(body, dst)
}

func (z *compressor) makeDecoder() *zstd.Decoder {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.decoder.Load() == nil {
		z.decoder.Store(z.newest())
	}
	return z.decoder.Load()
}
