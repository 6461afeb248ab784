package exact

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/fxamacker/cbor/v2"

	"github.com/stratakv/strata/tiered/tier"
)

// ErrValue: a value cannot be stored, or a stored value does not fit what it
// is to be decoded into.
var ErrValue = errors.New("value cannot be stored or does not fit")

// The limits of what is encoded and decoded.
const (
	maxDepth    = 64
	maxElements = 1 << 20
)

// The first byte of encoded data.
const (
	formExact byte = 1 // what follows was of an exact type
	formOther byte = 2 // it is as package cbor made it
)

// Codec encodes and decodes. It is safe for concurrent use.
type Codec struct {
	enc cbor.EncMode
	dec cbor.DecMode
}

// New makes a Codec.
func New() *Codec {
	eo := cbor.CoreDetEncOptions()
	eo.ShortestFloat = cbor.ShortestFloatNone // a float32 is not a float64
	eo.BigIntConvert = cbor.BigIntConvertNone
	eo.Time = cbor.TimeRFC3339Nano
	eo.TimeTag = cbor.EncTagRequired
	enc, err := eo.EncMode()
	if err != nil {
		panic("exact: P9: cbor encode options: " + err.Error())
	}
	dec, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		MaxNestedLevels:   2 * maxDepth, // tags of types that marshal themselves count too
		MaxArrayElements:  maxElements,
		MaxMapPairs:       maxElements,
		IntDec:            cbor.IntDecConvertSignedOrBigInt,
		DefaultMapType:    reflect.TypeFor[map[string]any](),
		TimeTag:           cbor.DecTagRequired,
		TimeTagToAny:      cbor.TimeTagToTime,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		UTF8:              cbor.UTF8DecodeInvalid,
	}.DecMode()
	if err != nil {
		panic("exact: P9: cbor decode options: " + err.Error())
	}
	return &Codec{enc: enc, dec: dec}
}

// Encode gives v's bytes, the caller's own. ErrValue: v cannot be stored.
func (c *Codec) Encode(v any) ([]byte, error) {
	e := encoder{codec: c, out: []byte{formExact}}
	if err := e.value(v, 0); err != nil {
		return nil, err
	}
	return e.out, nil
}

// Decode gives the value that Encode was given, or what it consists of if its
// type is not exact. tier.ErrCorrupt: Encode has not made data.
func (c *Codec) Decode(data []byte) (any, error) {
	d := decoder{codec: c, data: data}
	if _, err := d.form(); err != nil {
		return nil, err
	}
	v, err := d.value(0)
	if err == nil {
		err = d.end()
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// DecodeInto sets what the pointer into points to. It becomes deeply equal to
// what Encode was given if it is of the same type, or if that is exact and what
// into points to can hold it; a struct takes a map with its fields, a wider
// integer a narrower one, as package codec/value's CBOR does. With an error it
// stays as it was. ErrValue: the value does not fit; tier.ErrCorrupt as for
// Decode.
func (c *Codec) DecodeInto(data []byte, into any) error {
	ptr := reflect.ValueOf(into)
	if ptr.Kind() != reflect.Pointer || ptr.IsNil() {
		return &valueError{what: "not a pointer to decode into", typ: reflect.TypeOf(into)}
	}
	d := decoder{codec: c, data: data}
	form, err := d.form()
	if err != nil {
		return err
	}
	target := ptr.Elem()
	if form == formOther && target.Kind() != reflect.Interface {
		if err := d.lengths(); err != nil {
			return err
		}
		return c.unmarshal(data[1:], target)
	}
	v, err := c.Decode(data)
	if err != nil {
		return err
	}
	switch t := reflect.TypeOf(v); {
	case v == nil:
		target.SetZero()
		return nil
	case t.AssignableTo(target.Type()):
		target.Set(reflect.ValueOf(v))
		return nil
	}
	plain, err := c.enc.Marshal(v)
	if err != nil {
		return &valueError{what: "value does not fit", typ: target.Type(), cause: err}
	}
	return c.unmarshal(plain, target)
}

// unmarshal decodes CBOR into a fresh value and sets target to it.
func (c *Codec) unmarshal(data []byte, target reflect.Value) error {
	if err := c.dec.Wellformed(data); err != nil {
		return fmt.Errorf("%w: session value: %v", tier.ErrCorrupt, err)
	}
	fresh := reflect.New(target.Type())
	if err := c.dec.Unmarshal(data, fresh.Interface()); err != nil {
		return &valueError{what: "value does not fit", typ: target.Type(), cause: err}
	}
	target.Set(fresh.Elem())
	return nil
}

// valueError is an ErrValue. Its text holds no part of a value; its cause's may.
type valueError struct {
	what  string
	typ   reflect.Type // nil: of nil
	cause error        // may be nil
}

func (e *valueError) Error() string {
	if e.typ == nil {
		return e.what
	}
	return e.what + ": type " + e.typ.String()
}

func (e *valueError) Unwrap() []error {
	if e.cause == nil {
		return []error{ErrValue}
	}
	return []error{ErrValue, e.cause}
}
