package exact

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"

	"github.com/stratakv/strata/tiered/tier"
)

// decoder reads items from data.
//
//  1. at never passes the end of data: head and take alone move it.
//  2. What is allocated for an item is in proportion to the bytes left.
//  3. Each container, and each tag that is not ours, makes depth grow, which is
//     bounded.
type decoder struct {
	codec *Codec
	data  []byte
	at    int
}

// item is the head of an item.
type item struct {
	major byte
	info  byte   // the lower five bits of the first byte
	arg   uint64 // a number, a length, or the bits of a float
}

func (d *decoder) corrupt(what string) error {
	return fmt.Errorf("%w: session value: %s at byte %d", tier.ErrCorrupt, what, d.at)
}

// form reads the first byte.
func (d *decoder) form() (byte, error) {
	if len(d.data) == 0 || d.data[0] != formExact && d.data[0] != formOther {
		return 0, d.corrupt("unknown form")
	}
	d.at = 1
	return d.data[0], nil
}

// end refuses bytes behind the value.
func (d *decoder) end() error {
	if d.at != len(d.data) {
		return d.corrupt("more data")
	}
	return nil
}

func (d *decoder) head() (item, error) {
	left := d.data[d.at:]
	if len(left) == 0 {
		return item{}, d.corrupt("cut off")
	}
	it := item{major: left[0] >> 5, info: left[0] & 0x1f}
	size := 0
	switch {
	case it.info < 24:
		it.arg = uint64(it.info)
	case it.info < 28:
		size = 1 << (it.info - 24)
	default:
		return item{}, d.corrupt("reserved or indefinite length")
	}
	if len(left) < 1+size {
		return item{}, d.corrupt("cut off")
	}
	for _, b := range left[1 : 1+size] {
		it.arg = it.arg<<8 | uint64(b)
	}
	d.at += 1 + size
	return it, nil
}

// take reads the n bytes of a string, lent.
func (d *decoder) take(n uint64) ([]byte, error) {
	if n > uint64(len(d.data)-d.at) {
		return nil, d.corrupt("length beyond the end")
	}
	from := d.at
	d.at += int(n)
	return d.data[from:d.at:d.at], nil
}

// enter checks the head of a container of n elements, each at least size bytes
// long. It takes n's word for nothing beyond that: see room.
func (d *decoder) enter(n uint64, size, depth int) (int, error) {
	switch {
	case depth >= maxDepth:
		return 0, d.corrupt("nested too deep")
	case n > maxElements:
		return 0, d.corrupt("too many elements")
	case n > uint64((len(d.data)-d.at)/size):
		return 0, d.corrupt("length beyond the end")
	}
	return int(n), nil
}

// room is how many elements are made room for at once: containers within each
// other may all count the same bytes.
func room(count int) int { return min(count, 256) }

// lengths refuses lengths that are beyond the end: package cbor cuts them to an
// int first. Else it leaves well-formedness to it.
func (d *decoder) lengths() error {
	for d.at < len(d.data) {
		it, err := d.head()
		switch {
		case err != nil:
			return err
		case it.major == majorBytes || it.major == majorText:
			if _, err := d.take(it.arg); err != nil {
				return err
			}
		case it.major == majorArray || it.major == majorMap:
			if _, err := d.enter(it.arg, 1, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// value reads an item that says its type.
func (d *decoder) value(depth int) (any, error) {
	it, err := d.head()
	if err != nil {
		return nil, err
	}
	switch it.major {
	case majorUint:
		switch {
		case it.arg <= math.MaxInt:
			return int(it.arg), nil
		case it.arg <= math.MaxInt64:
			return int64(it.arg), nil
		}
		return it.arg, nil
	case majorNeg:
		n := ^int64(it.arg)
		switch {
		case it.arg > math.MaxInt64:
			return nil, d.corrupt("integer out of range")
		case n >= math.MinInt:
			return int(n), nil
		}
		return n, nil
	case majorBytes:
		b, err := d.take(it.arg)
		return append([]byte{}, b...), err
	case majorText:
		b, err := d.take(it.arg)
		return string(b), err
	case majorArray:
		return d.list(it.arg, depth)
	case majorMap:
		return d.dict(it.arg, depth)
	case majorTag:
		return d.tag(it.arg, depth)
	}
	return d.simple(it)
}

func (d *decoder) list(n uint64, depth int) (any, error) {
	count, err := d.enter(n, 1, depth)
	if err != nil {
		return nil, err
	}
	list := make([]any, 0, room(count))
	for range count {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// dict reads a map: a map[string]any unless a key is no string, as only types
// that are not exact have it.
func (d *decoder) dict(n uint64, depth int) (any, error) {
	count, err := d.enter(n, 2, depth)
	if err != nil {
		return nil, err
	}
	texts := make(map[string]any, room(count))
	var all map[any]any
	for i := range count {
		key, err := d.key(depth)
		if err != nil {
			return nil, err
		}
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		text, ok := key.(string)
		if !ok && all == nil {
			all = make(map[any]any, room(count))
			for k, v := range texts {
				all[k] = v
			}
		}
		size := 0
		if all == nil {
			texts[text] = v
			size = len(texts)
		} else {
			all[key] = v
			size = len(all)
		}
		if size != i+1 {
			return nil, d.corrupt("key twice")
		}
	}
	if all != nil {
		return all, nil
	}
	return texts, nil
}

// key reads a map's key that says its type.
func (d *decoder) key(depth int) (any, error) {
	key, err := d.value(depth + 1)
	if err == nil && key != nil && !isKey(reflect.ValueOf(key)) {
		err = d.corrupt("no key of a map")
	}
	return key, err
}

// tag reads what follows a tag.
func (d *decoder) tag(tag uint64, depth int) (any, error) {
	switch {
	case tag >= firstTag && tag <= firstTag+uint64(codeMap):
		return d.tagged(byte(tag-firstTag), depth)
	case tag == tagBigPos || tag == tagBigNeg:
		return d.bigBytes(tag)
	case tag == tagTimeText:
		return d.timeText()
	case depth >= maxDepth:
		return nil, d.corrupt("nested too deep")
	}
	return d.value(depth + 1)
}

func (d *decoder) simple(it item) (any, error) {
	switch it.info {
	case 20, 21:
		return it.info == 21, nil
	case 22, 23: // null, undefined
		return nil, nil
	case 25:
		var f float64
		half := binary.BigEndian.AppendUint16([]byte{0xf9}, uint16(it.arg))
		err := d.codec.dec.Unmarshal(half, &f)
		return f, err
	case 26:
		return math.Float32frombits(uint32(it.arg)), nil
	case 27:
		return math.Float64frombits(it.arg), nil
	}
	return nil, d.corrupt("unknown simple value")
}
