package exact

import (
	"math/big"
	"reflect"
	"time"
)

// The codes of types: firstTag plus the code is the tag that stands for the
// type. They are a format: never renumber them.
const (
	codeAny byte = iota
	codeBool
	codeInt
	codeInt8
	codeInt16
	codeInt32
	codeInt64
	codeUint
	codeUint8
	codeUint16
	codeUint32
	codeUint64
	codeFloat32
	codeFloat64
	codeString
	codeBytes
	codeBig
	codeTime
	codeSlice // the element's type follows
	codeMap   // the key's and the element's type follow
)

// firstTag is in a range of which nothing is registered.
const firstTag = 160

// maxTypeLevels bounds how deep a type itself may nest, and so how many types
// damaged data can make the process remember.
const maxTypeLevels = 8

// leaves are the types that do not consist of others, by code.
var leaves = [...]reflect.Type{
	codeAny:     reflect.TypeFor[any](),
	codeBool:    reflect.TypeFor[bool](),
	codeInt:     reflect.TypeFor[int](),
	codeInt8:    reflect.TypeFor[int8](),
	codeInt16:   reflect.TypeFor[int16](),
	codeInt32:   reflect.TypeFor[int32](),
	codeInt64:   reflect.TypeFor[int64](),
	codeUint:    reflect.TypeFor[uint](),
	codeUint8:   reflect.TypeFor[uint8](),
	codeUint16:  reflect.TypeFor[uint16](),
	codeUint32:  reflect.TypeFor[uint32](),
	codeUint64:  reflect.TypeFor[uint64](),
	codeFloat32: reflect.TypeFor[float32](),
	codeFloat64: reflect.TypeFor[float64](),
	codeString:  reflect.TypeFor[string](),
	codeBytes:   bytesType,
	codeBig:     bigType,
	codeTime:    timeType,
}

var (
	bytesType = reflect.TypeFor[[]byte]()
	bigType   = reflect.TypeFor[*big.Int]()
	timeType  = reflect.TypeFor[time.Time]()
)

// leafCode is t's code among the leaves.
func leafCode(t reflect.Type) (byte, bool) {
	for c, leaf := range leaves {
		if leaf == t {
			return byte(c), true
		}
	}
	return 0, false
}

// isKeyCode reports whether the leaf may be the key type of a map.
func isKeyCode(c byte) bool { return c <= codeString }

// appendType appends the codes of t; false, and dst of no use, if it is not
// exact.
func appendType(dst []byte, t reflect.Type, levels int) ([]byte, bool) {
	if c, ok := leafCode(t); ok {
		return append(dst, c), true
	}
	if levels == 0 || t.Name() != "" {
		return dst, false
	}
	switch t.Kind() {
	case reflect.Slice:
		return appendType(append(dst, codeSlice), t.Elem(), levels-1)
	case reflect.Map:
		key, ok := leafCode(t.Key())
		if !ok || !isKeyCode(key) {
			return dst, false
		}
		return appendType(append(dst, codeMap, key), t.Elem(), levels-1)
	}
	return dst, false
}

// typeOf is the inverse of appendType; next gives one code after another.
func typeOf(next func() (byte, bool), levels int) (reflect.Type, bool) {
	c, ok := next()
	switch {
	case !ok:
		return nil, false
	case int(c) < len(leaves):
		return leaves[c], true
	case levels == 0:
		return nil, false
	}
	var key byte
	if c == codeMap {
		if key, ok = next(); !ok || !isKeyCode(key) {
			return nil, false
		}
	}
	elem, ok := typeOf(next, levels-1)
	switch {
	case ok && c == codeMap:
		return reflect.MapOf(leaves[key], elem), true
	case ok && c == codeSlice:
		return reflect.SliceOf(elem), true
	}
	return nil, false
}
