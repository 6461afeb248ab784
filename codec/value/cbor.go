package value

import (
	"reflect"

	"github.com/fxamacker/cbor/v2"
)

// The limits of what is decoded, and so of what is encoded.
const (
	maxNesting  = 64
	maxElements = 1 << 20
)

// CBOR returns the codec of RFC 8949 in its core deterministic form: equal
// values give equal bytes, map order included. Struct tags `cbor` and `json`
// hold. Data after the value, items of indefinite length and duplicate map keys
// are refused, and so is, in both directions, nesting deeper than 64 or
// more than 1,048,576 elements in one array or map. A value that contains
// itself must not be encoded.
func CBOR[T any]() Codec[T] {
	enc, err := encOptions().EncMode()
	if err != nil {
		panic("value: P9: cbor encode options: " + err.Error())
	}
	dec, err := decOptions().DecMode()
	if err != nil {
		panic("value: P9: cbor decode options: " + err.Error())
	}
	return cborCodec[T]{enc: enc, dec: dec}
}

func encOptions() cbor.EncOptions {
	o := cbor.CoreDetEncOptions()
	o.Time = cbor.TimeRFC3339Nano
	o.TimeTag = cbor.EncTagRequired
	return o
}

func decOptions() cbor.DecOptions {
	return cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		MaxNestedLevels:   maxNesting,
		MaxArrayElements:  maxElements,
		MaxMapPairs:       maxElements,
		IntDec:            cbor.IntDecConvertSignedOrBigInt,
		DefaultMapType:    reflect.TypeFor[map[string]any](),
		TimeTag:           cbor.DecTagRequired,
		TimeTagToAny:      cbor.TimeTagToTime,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		// Go strings hold any bytes; what went in must come out.
		UTF8: cbor.UTF8DecodeInvalid,
	}
}

type cborCodec[T any] struct {
	enc cbor.EncMode
	dec cbor.DecMode
}

func (c cborCodec[T]) Encode(v T) ([]byte, error) {
	data, err := c.enc.Marshal(v)
	if err == nil {
		err = c.check(data)
	}
	if err != nil {
		return nil, fault[T]("encode", "cbor", err)
	}
	return data, nil
}

// check finds what Decode would refuse, so that it is not stored.
func (c cborCodec[T]) check(data []byte) error {
	if err := checkLengths(data); err != nil {
		return err
	}
	if err := c.dec.Wellformed(data); err != nil {
		return err
	}
	return checkTimes(data)
}

func (c cborCodec[T]) Decode(data []byte, v *T) error {
	var fresh T
	err := checkLengths(data)
	if err == nil {
		err = c.dec.Unmarshal(data, &fresh)
	}
	if err != nil {
		return fault[T]("decode", "cbor", err)
	}
	*v = fresh
	return nil
}
