// Package exacttest makes and compares values for the tests of package exact's
// law.
package exacttest

import (
	"math"
	"math/big"
	"reflect"
	"time"

	"pgregory.net/rapid"
)

// Values generates values of the law's whole domain; their containers nest at
// most levels deep. Where Exact says so they come back deeply equal.
func Values(levels int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any { return anyValue(t, levels) })
}

// anyValue is nil or of a type of its own.
func anyValue(t *rapid.T, levels int) any {
	if rapid.IntRange(0, 9).Draw(t, "nil") == 0 {
		return nil
	}
	typ := typeOf(t, levels)
	if typ == anyType {
		return nil
	}
	return value(t, typ, levels).Interface()
}

var (
	anyType   = reflect.TypeFor[any]()
	bytesType = reflect.TypeFor[[]byte]()
	bigType   = reflect.TypeFor[*big.Int]()
	timeType  = reflect.TypeFor[time.Time]()
)

var scalars = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[string](),
	reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
	reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](),
	reflect.TypeFor[float32](), reflect.TypeFor[float64](),
}

// typeOf draws a type: a container as often as anything else, while it may.
func typeOf(t *rapid.T, levels int) reflect.Type {
	kinds := 3
	if levels > 0 {
		kinds = 7
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0, 1:
		return rapid.SampledFrom(scalars).Draw(t, "scalar")
	case 2:
		return rapid.SampledFrom([]reflect.Type{bytesType, bigType, timeType, anyType}).Draw(t, "type")
	case 3:
		return reflect.TypeFor[map[string]any]()
	case 4:
		return reflect.TypeFor[[]any]()
	case 5:
		return reflect.SliceOf(typeOf(t, levels-1))
	}
	key := rapid.SampledFrom(append([]reflect.Type{anyType}, scalars...)).Draw(t, "key")
	return reflect.MapOf(key, typeOf(t, levels-1))
}

// value draws a value of typ.
func value(t *rapid.T, typ reflect.Type, levels int) reflect.Value {
	v := reflect.New(typ).Elem()
	switch kind := typ.Kind(); {
	case kind == reflect.Interface:
		if x := anyValue(t, levels); x != nil {
			v.Set(reflect.ValueOf(x))
		}
	case typ == timeType:
		v.Set(reflect.ValueOf(timeValue(t)))
	case kind == reflect.Pointer, kind == reflect.Slice, kind == reflect.Map:
		if rapid.IntRange(0, 9).Draw(t, "nil") > 0 {
			fill(t, v, levels)
		}
	default:
		scalar(t, v)
	}
	return v
}

func fill(t *rapid.T, v reflect.Value, levels int) {
	typ := v.Type()
	switch {
	case typ == bigType:
		v.Set(reflect.ValueOf(bigValue(t)))
		return
	case typ == bytesType:
		v.SetBytes(append([]byte{}, rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bytes")...))
		return
	}
	n := rapid.IntRange(0, 4).Draw(t, "len")
	if typ.Kind() == reflect.Slice {
		v.Set(reflect.MakeSlice(typ, n, n))
		for i := range n {
			v.Index(i).Set(value(t, typ.Elem(), levels-1))
		}
		return
	}
	v.Set(reflect.MakeMap(typ))
	for range n {
		v.SetMapIndex(keyValue(t, typ.Key()), value(t, typ.Elem(), levels-1))
	}
}

func keyValue(t *rapid.T, typ reflect.Type) reflect.Value {
	v := reflect.New(typ).Elem()
	key := v
	if typ == anyType {
		if rapid.IntRange(0, 9).Draw(t, "nil key") == 0 {
			return v
		}
		key = reflect.New(rapid.SampledFrom(scalars).Draw(t, "key type")).Elem()
	}
	scalar(t, key)
	if key.CanFloat() && math.IsNaN(key.Float()) {
		key.SetZero()
	}
	v.Set(key)
	return v
}

func scalar(t *rapid.T, v reflect.Value) {
	switch {
	case v.Kind() == reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case v.Kind() == reflect.String:
		v.SetString(text(t))
	case v.CanInt():
		n := rapid.Int64().Draw(t, "int")
		v.SetInt(n >> (64 - v.Type().Bits()))
	case v.CanUint():
		n := rapid.Uint64().Draw(t, "uint")
		v.SetUint(n >> (64 - v.Type().Bits()))
	case v.CanFloat():
		v.SetFloat(floatValue(t))
	}
}

func text(t *rapid.T) string {
	if rapid.Bool().Draw(t, "utf8") {
		return rapid.StringN(0, 12, -1).Draw(t, "text")
	}
	return string(rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "any bytes"))
}

func floatValue(t *rapid.T) float64 {
	special := []float64{0, math.Copysign(0, -1), 1, math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64, math.SmallestNonzeroFloat64}
	if i := rapid.IntRange(0, 2*len(special)).Draw(t, "float kind"); i < len(special) {
		return special[i]
	}
	return rapid.Float64().Draw(t, "float")
}

// bigValue is canonical: its zero has no words.
func bigValue(t *rapid.T) *big.Int {
	n := new(big.Int)
	if b := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "big"); len(b) > 0 {
		n.SetBytes(b)
	}
	if n.Sign() == 0 {
		return new(big.Int)
	}
	if rapid.Bool().Draw(t, "negative") {
		n.Neg(n)
	}
	return n
}

// timeValue is in UTC or a fixed zone, without a monotonic reading.
func timeValue(t *rapid.T) time.Time {
	nsec := rapid.Int64Range(0, 999_999_999).Draw(t, "nsec")
	at := time.Unix(rapid.Int64().Draw(t, "sec"), nsec)
	if rapid.Bool().Draw(t, "utc") {
		return at.UTC()
	}
	offset := rapid.IntRange(-15*3600, 15*3600).Draw(t, "offset")
	return at.In(time.FixedZone(rapid.SampledFrom([]string{"", "CET", "UTC", "-03", "\xff"}).Draw(t, "zone"), offset))
}

// Equal is reflect.DeepEqual, but that NaN is equal to NaN, big integers are
// compared by Cmp, and so is all that they are in.
func Equal(a, b any) bool { return equal(reflect.ValueOf(a), reflect.ValueOf(b)) }

func equal(a, b reflect.Value) bool {
	if !a.IsValid() || !b.IsValid() || a.Type() != b.Type() {
		return a.IsValid() == b.IsValid() && !a.IsValid()
	}
	switch a.Kind() {
	case reflect.Float32, reflect.Float64:
		x, y := a.Float(), b.Float()
		return math.IsNaN(x) && math.IsNaN(y) || x == y && math.Signbit(x) == math.Signbit(y)
	case reflect.Interface:
		return equal(a.Elem(), b.Elem())
	case reflect.Slice, reflect.Map, reflect.Pointer:
		if a.IsNil() != b.IsNil() {
			return false
		}
	}
	switch {
	case a.Type() == bigType && !a.IsNil():
		return a.Interface().(*big.Int).Cmp(b.Interface().(*big.Int)) == 0
	case a.Kind() == reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !equal(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case a.Kind() == reflect.Map:
		if a.Len() != b.Len() {
			return false
		}
		for it := a.MapRange(); it.Next(); {
			other := b.MapIndex(it.Key())
			if !other.IsValid() || !equal(it.Value(), other) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

// HasNaN reports whether a NaN keeps v from being deeply equal to itself.
func HasNaN(v any) bool { return !reflect.DeepEqual(v, v) || hasNaN(reflect.ValueOf(v)) }

func hasNaN(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		return math.IsNaN(v.Float())
	case reflect.Interface:
		return hasNaN(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			if hasNaN(v.Index(i)) {
				return true
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if hasNaN(it.Value()) {
				return true
			}
		}
	}
	return false
}
