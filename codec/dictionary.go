package codec

import "errors"

// Dictionary is one that a Codec knows, for [Codec.EncodeWith]. It is read-only.
type Dictionary struct {
	id    uint32
	short *short // nil: none for this build or these options
}

// ID is the id that frames name it by.
func (d *Dictionary) ID() uint32 { return d.id }

// ErrDictionary: no zstd dictionary, or another one of the same id is known.
var ErrDictionary = errors.New("codec: not a dictionary, or its id is taken")

// Add makes a dictionary known, a copy of dict: from then on frames that name
// it can be read. It may be called while the codec is in use. One that is known
// already is given again; another one of its id is ErrDictionary.
func (c *Codec) Add(dict []byte) (*Dictionary, error) { return c.zstd.add(dict) }

// EncodeWith is [Codec.Encode] with a dictionary, one of c's own; nil: Encode. A
// value that is too long to gain by it is compressed without.
func (c *Codec) EncodeWith(d *Dictionary, value []byte) []byte { return c.encode(d, value) }
