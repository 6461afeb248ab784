package gorilla

import (
	"bytes"
	"encoding/gob"
	"errors"

	"github.com/stratakv/strata/codec/value"
)

// Gob returns gorilla's own encoding of Values: keys and values of any types,
// which come back as they were. Types other than Go's basic ones need
// gob.Register, in each program that reads the sessions; nil cannot be a value.
func Gob() value.Codec[map[any]any] { return gobCodec{} }

type gobCodec struct{}

func (gobCodec) Encode(v map[any]any) ([]byte, error) {
	var buf bytes.Buffer
	err := gob.NewEncoder(&buf).Encode(v)
	return buf.Bytes(), err
}

func (gobCodec) Decode(data []byte, v *map[any]any) error {
	var values map[any]any
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&values); err != nil {
		return err
	}
	*v = values
	return nil
}

// CBOR returns an encoding of Values that other languages can read, and that is
// shorter and needs no registration. Keys must be strings. What comes back of a
// value is what package value says of CBOR into any: integers as int64, structs
// as map[string]any; strings, bytes, booleans, floats, times and nil as they
// were.
func CBOR() value.Codec[map[any]any] { return cborCodec{value.CBOR[map[string]any]()} }

type cborCodec struct{ inner value.Codec[map[string]any] }

var errKey = errors.New("a key is not a string")

func (c cborCodec) Encode(v map[any]any) ([]byte, error) {
	m := make(map[string]any, len(v))
	for k, x := range v {
		name, ok := k.(string)
		if !ok {
			return nil, errKey
		}
		m[name] = x
	}
	return c.inner.Encode(m)
}

func (c cborCodec) Decode(data []byte, v *map[any]any) error {
	var m map[string]any
	if err := c.inner.Decode(data, &m); err != nil {
		return err
	}
	values := make(map[any]any, len(m))
	for k, x := range m {
		values[k] = x
	}
	*v = values
	return nil
}
