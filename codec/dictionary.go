package codec

import (
	"encoding/binary"
	"errors"
)

// Dictionary is one that a Codec knows, for [Codec.EncodeWith]. It is read-only.
type Dictionary struct {
	id    uint32
	short *short // nil: none for this build or these options
}

// ID is the id that frames name it by.
func (d *Dictionary) ID() uint32 { return d.id }

// ErrDictionary: no zstd dictionary, or another one of the same id is known.
var ErrDictionary = errors.New("codec: not a dictionary, or its id is taken")

// ErrUnknownDictionary: a frame needs a dictionary that is not known; it goes
// with tier.ErrCorrupt.
var ErrUnknownDictionary = errors.New("unknown dictionary")

// DictionaryOf is the id of the dictionary that a frame needs, 0: none. Of what
// is no frame it says anything.
func DictionaryOf(frame []byte) uint32 {
	if len(frame) < HeaderSize {
		return 0
	}
	return binary.LittleEndian.Uint32(frame[atDictionary:])
}

// Add makes a dictionary known, a copy of dict: from then on frames that name
// it can be read. It may be called while the codec is in use. One that is known
// already is given again; another one of its id is ErrDictionary.
func (c *Codec) Add(dict []byte) (*Dictionary, error) { return c.zstd.add(dict) }

// Knows reports whether a dictionary of this id is known.
func (c *Codec) Knows(id uint32) bool { return c.zstd.knows(id) }

// EncodeWith is [Codec.Encode] with a dictionary, one of c's own; nil: Encode. A
// value that is too long to gain by it is compressed without.
func (c *Codec) EncodeWith(d *Dictionary, value []byte) []byte { return c.encode(d, value) }
