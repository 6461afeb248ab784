package exact

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/big"
	"reflect"
	"slices"
	"time"
)

// The major types of CBOR, and the items of one byte.
const (
	majorUint   byte = 0
	majorNeg    byte = 1
	majorBytes  byte = 2
	majorText   byte = 3
	majorArray  byte = 4
	majorMap    byte = 5
	majorTag    byte = 6
	majorSimple byte = 7

	itemFalse byte = 0xf4
	itemTrue  byte = 0xf5
	itemNull  byte = 0xf6
	itemF32   byte = 0xfa
	itemF64   byte = 0xfb
)

// The tags of RFC 8949 that are understood.
const (
	tagTimeText = 0
	tagBigPos   = 2
	tagBigNeg   = 3
)

// encoder appends items to out.
type encoder struct {
	codec *Codec
	out   []byte
}

// value appends v with what says its type.
func (e *encoder) value(v any, depth int) error {
	switch x := v.(type) {
	case nil:
		e.out = append(e.out, itemNull)
		return nil
	case bool:
		e.bool(x)
		return nil
	case int:
		e.int(int64(x))
		return nil
	case string:
		e.text(x)
		return nil
	case float64:
		e.float64(x)
		return nil
	case float32:
		e.float32(x)
		return nil
	case []byte:
		if x != nil {
			e.bytes(x)
			return nil
		}
	case *big.Int:
		if x != nil {
			e.big(x)
			return nil
		}
	case []any:
		if x != nil {
			return e.slice(reflect.ValueOf(v), depth)
		}
	case map[string]any:
		if x != nil {
			return e.mapping(reflect.ValueOf(v), depth)
		}
	}
	return e.tagged(v, depth)
}

// tagged appends v behind the tags of its type.
func (e *encoder) tagged(v any, depth int) error {
	rv := reflect.ValueOf(v)
	var room [2*maxTypeLevels + 2]byte
	codes, ok := appendType(room[:0], rv.Type(), maxTypeLevels)
	if !ok {
		return e.other(v, depth)
	}
	for _, c := range codes {
		e.head(majorTag, firstTag+uint64(c))
	}
	return e.typed(rv, depth)
}

// other appends a v that is not exact. What Decode would refuse is refused.
func (e *encoder) other(v any, depth int) error {
	data, err := e.codec.enc.Marshal(v)
	if err == nil {
		d := decoder{codec: e.codec, data: data}
		if _, err = d.value(depth); err == nil {
			err = d.end()
		}
	}
	if err != nil {
		return &valueError{what: "value cannot be stored", typ: reflect.TypeOf(v), cause: err}
	}
	if len(e.out) == 1 {
		e.out[0] = formOther
	}
	e.out = append(e.out, data...)
	return nil
}

// typed appends rv, whose type is known to whoever decodes it.
func (e *encoder) typed(rv reflect.Value, depth int) error {
	switch kind := rv.Kind(); kind {
	case reflect.Interface:
		return e.value(rv.Interface(), depth)
	case reflect.Bool:
		e.bool(rv.Bool())
	case reflect.String:
		e.text(rv.String())
	case reflect.Float32:
		e.float32(float32(rv.Float()))
	case reflect.Float64:
		e.float64(rv.Float())
	case reflect.Struct:
		return e.time(rv.Interface().(time.Time))
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return e.nillable(rv, depth)
	default:
		if rv.CanInt() {
			e.int(rv.Int())
		} else {
			e.head(majorUint, rv.Uint())
		}
	}
	return nil
}

func (e *encoder) nillable(rv reflect.Value, depth int) error {
	switch {
	case rv.IsNil():
		e.out = append(e.out, itemNull)
		return nil
	case rv.Kind() == reflect.Map:
		return e.mapping(rv, depth)
	case rv.Type() == bytesType:
		e.bytes(rv.Bytes())
		return nil
	case rv.Kind() == reflect.Slice:
		return e.slice(rv, depth)
	}
	e.big(rv.Interface().(*big.Int))
	return nil
}

func (e *encoder) slice(rv reflect.Value, depth int) error {
	if err := enter(rv, depth); err != nil {
		return err
	}
	e.head(majorArray, uint64(rv.Len()))
	for i := range rv.Len() {
		if err := e.typed(rv.Index(i), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// mapping appends a map in the order of its keys' encoded bytes.
func (e *encoder) mapping(rv reflect.Value, depth int) error {
	if err := enter(rv, depth); err != nil {
		return err
	}
	type entry struct {
		key  []byte
		elem reflect.Value
	}
	entries := make([]entry, 0, rv.Len())
	keys := encoder{codec: e.codec}
	for it := rv.MapRange(); it.Next(); {
		if !isKey(it.Key()) {
			return &valueError{what: "key of a map cannot be stored", typ: rv.Type()}
		}
		from := len(keys.out)
		if err := keys.typed(it.Key(), depth+1); err != nil {
			return err
		}
		entries = append(entries, entry{keys.out[from:len(keys.out):len(keys.out)], it.Value()})
	}
	slices.SortFunc(entries, func(a, b entry) int { return bytes.Compare(a.key, b.key) })
	e.head(majorMap, uint64(len(entries)))
	for _, en := range entries {
		e.out = append(e.out, en.key...)
		if err := e.typed(en.elem, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// enter refuses a container that Decode would refuse.
func enter(rv reflect.Value, depth int) error {
	switch {
	case depth >= maxDepth:
		return &valueError{what: "value nests too deep", typ: rv.Type()}
	case rv.Len() > maxElements:
		return &valueError{what: "value has too many elements", typ: rv.Type()}
	}
	return nil
}

// isKey reports whether a map's key comes back as it is.
func isKey(key reflect.Value) bool {
	if key.Kind() == reflect.Interface {
		if key.IsNil() {
			return true
		}
		key = key.Elem()
	}
	c, ok := leafCode(key.Type())
	return ok && isKeyCode(c) && !(key.CanFloat() && math.IsNaN(key.Float()))
}

func (e *encoder) time(t time.Time) error {
	if t.Location() == time.UTC {
		e.head(majorArray, 2)
	} else {
		e.head(majorArray, 4)
	}
	e.int(t.Unix())
	e.head(majorUint, uint64(t.Nanosecond()))
	if t.Location() == time.UTC {
		return nil
	}
	name, offset := t.Zone()
	if int64(offset) != int64(int32(offset)) {
		return &valueError{what: "offset of the zone is out of range", typ: timeType}
	}
	e.int(int64(offset))
	e.text(name)
	return nil
}

func (e *encoder) big(n *big.Int) {
	if n.Sign() >= 0 {
		e.head(majorTag, tagBigPos)
		e.bytes(n.Bytes())
		return
	}
	e.head(majorTag, tagBigNeg)
	e.bytes(new(big.Int).Not(n).Bytes())
}

func (e *encoder) bool(b bool) {
	if b {
		e.out = append(e.out, itemTrue)
		return
	}
	e.out = append(e.out, itemFalse)
}

func (e *encoder) int(n int64) {
	if n < 0 {
		e.head(majorNeg, uint64(^n))
		return
	}
	e.head(majorUint, uint64(n))
}

func (e *encoder) float32(f float32) {
	e.out = binary.BigEndian.AppendUint32(append(e.out, itemF32), math.Float32bits(f))
}

func (e *encoder) float64(f float64) {
	e.out = binary.BigEndian.AppendUint64(append(e.out, itemF64), math.Float64bits(f))
}

func (e *encoder) text(s string) {
	e.head(majorText, uint64(len(s)))
	e.out = append(e.out, s...)
}

func (e *encoder) bytes(b []byte) {
	e.head(majorBytes, uint64(len(b)))
	e.out = append(e.out, b...)
}

// head appends an item's head in its shortest form.
func (e *encoder) head(major byte, arg uint64) {
	major <<= 5
	switch {
	case arg < 24:
		e.out = append(e.out, major|byte(arg))
	case arg <= math.MaxUint8:
		e.out = append(e.out, major|24, byte(arg))
	case arg <= math.MaxUint16:
		e.out = binary.BigEndian.AppendUint16(append(e.out, major|25), uint16(arg))
	case arg <= math.MaxUint32:
		e.out = binary.BigEndian.AppendUint32(append(e.out, major|26), uint32(arg))
	default:
		e.out = binary.BigEndian.AppendUint64(append(e.out, major|27), arg)
	}
}
