package exact

import (
	"math"
	"math/big"
	"reflect"
	"time"
)

// tagged reads a value behind the first of the tags of its type.
func (d *decoder) tagged(first byte, depth int) (any, error) {
	started := false
	t, ok := typeOf(func() (byte, bool) {
		if !started {
			started = true
			return first, true
		}
		it, err := d.head()
		code := it.arg - firstTag // wraps for a lower tag
		return byte(code), err == nil && it.major == majorTag && code <= uint64(codeMap)
	}, maxTypeLevels)
	if !ok || t == leaves[codeAny] {
		return nil, d.corrupt("unknown type")
	}
	rv := reflect.New(t).Elem()
	if err := d.typed(rv, depth); err != nil {
		return nil, err
	}
	return rv.Interface(), nil
}

// typed reads a value of rv's type into rv, which is zero.
func (d *decoder) typed(rv reflect.Value, depth int) error {
	kind := rv.Kind()
	if kind == reflect.Interface {
		v, err := d.value(depth)
		if err == nil && v != nil {
			rv.Set(reflect.ValueOf(v))
		}
		return err
	}
	nillable := kind == reflect.Slice || kind == reflect.Map || kind == reflect.Pointer
	if nillable && d.at < len(d.data) && d.data[d.at] == itemNull {
		d.at++
		return nil
	}
	it, err := d.head()
	if err != nil {
		return err
	}
	switch {
	case kind == reflect.Slice && rv.Type() != bytesType && it.major == majorArray:
		return d.slice(rv, it.arg, depth)
	case kind == reflect.Map && it.major == majorMap:
		return d.mapping(rv, it.arg, depth)
	case kind == reflect.Struct && it.major == majorArray:
		t, err := d.time(it.arg)
		rv.Set(reflect.ValueOf(t))
		return err
	}
	return d.leaf(rv, it)
}

// leaf sets rv, which is no container, from an item whose head is it.
func (d *decoder) leaf(rv reflect.Value, it item) error {
	switch kind := rv.Kind(); {
	case kind == reflect.Bool && it.major == majorSimple && (it.arg == 20 || it.arg == 21) && it.info < 24:
		rv.SetBool(it.arg == 21)
		return nil
	case kind == reflect.String && it.major == majorText:
		b, err := d.take(it.arg)
		rv.SetString(string(b))
		return err
	case rv.Type() == bytesType && it.major == majorBytes:
		b, err := d.take(it.arg)
		rv.SetBytes(append([]byte{}, b...))
		return err
	case kind == reflect.Float32 && it.major == majorSimple && it.info == 26:
		rv.Set(reflect.ValueOf(math.Float32frombits(uint32(it.arg))))
		return nil
	case kind == reflect.Float64 && it.major == majorSimple && it.info == 27:
		rv.SetFloat(math.Float64frombits(it.arg))
		return nil
	case kind == reflect.Pointer && it.major == majorTag && (it.arg == tagBigPos || it.arg == tagBigNeg):
		n, err := d.bigBytes(it.arg)
		rv.Set(reflect.ValueOf(n))
		return err
	}
	return d.integer(rv, it)
}

func (d *decoder) integer(rv reflect.Value, it item) error {
	switch {
	case rv.CanUint() && it.major == majorUint:
		if !rv.OverflowUint(it.arg) {
			rv.SetUint(it.arg)
			return nil
		}
	case rv.CanInt() && (it.major == majorUint || it.major == majorNeg) && it.arg <= math.MaxInt64:
		n := int64(it.arg)
		if it.major == majorNeg {
			n = ^n
		}
		if !rv.OverflowInt(n) {
			rv.SetInt(n)
			return nil
		}
	default:
		return d.corrupt("not of its type")
	}
	if kind := rv.Kind(); kind == reflect.Int || kind == reflect.Uint {
		return &valueError{what: "value does not fit this machine", typ: rv.Type()}
	}
	return d.corrupt("integer out of range")
}

func (d *decoder) slice(rv reflect.Value, n uint64, depth int) error {
	count, err := d.enter(n, 1, depth)
	if err != nil {
		return err
	}
	rv.Set(reflect.MakeSlice(rv.Type(), 0, room(count)))
	for i := range count {
		if i == rv.Cap() {
			rv.Grow(1)
		}
		rv.SetLen(i + 1)
		if err := d.typed(rv.Index(i), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) mapping(rv reflect.Value, n uint64, depth int) error {
	count, err := d.enter(n, 2, depth)
	if err != nil {
		return err
	}
	t := rv.Type()
	rv.Set(reflect.MakeMapWithSize(t, room(count)))
	for i := range count {
		key, elem := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		if err := d.typed(key, depth+1); err != nil {
			return err
		}
		if !isKey(key) {
			return d.corrupt("no key of a map")
		}
		if err := d.typed(elem, depth+1); err != nil {
			return err
		}
		rv.SetMapIndex(key, elem)
		if rv.Len() != i+1 {
			return d.corrupt("key twice")
		}
	}
	return nil
}

func (d *decoder) bigBytes(tag uint64) (*big.Int, error) {
	it, err := d.head()
	if err != nil {
		return nil, err
	}
	if it.major != majorBytes {
		return nil, d.corrupt("not a big integer")
	}
	b, err := d.take(it.arg)
	if err != nil {
		return nil, err
	}
	n := new(big.Int).SetBytes(b)
	if tag == tagBigNeg {
		n.Not(n)
	}
	return n, nil
}

// time reads an array of n elements: seconds, nanoseconds and, unless in UTC,
// the offset and the abbreviation of the zone.
func (d *decoder) time(n uint64) (time.Time, error) {
	var sec, nsec int64
	var offset int32
	var name string
	fields := []any{&sec, &nsec, &offset, &name}
	if n != 2 && n != 4 {
		return time.Time{}, d.corrupt("not a time")
	}
	for _, f := range fields[:n] {
		it, err := d.head()
		if err == nil {
			err = d.leaf(reflect.ValueOf(f).Elem(), it)
		}
		if err != nil {
			return time.Time{}, err
		}
	}
	if nsec < 0 || nsec >= int64(time.Second) {
		return time.Time{}, d.corrupt("not a time")
	}
	t := time.Unix(sec, nsec)
	if n == 2 {
		return t.UTC(), nil
	}
	return t.In(time.FixedZone(name, int(offset))), nil
}

// timeText reads a time as package cbor writes it.
func (d *decoder) timeText() (time.Time, error) {
	it, err := d.head()
	if err != nil {
		return time.Time{}, err
	}
	if it.major != majorText {
		return time.Time{}, d.corrupt("not a time")
	}
	b, err := d.take(it.arg)
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.ParseInLocation(time.RFC3339Nano, string(b), time.UTC)
	if err != nil {
		return time.Time{}, d.corrupt("not a time")
	}
	return t, nil
}
