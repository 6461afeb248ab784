package abitest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/stratakv/strata/wasm/abi"
)

// Caller makes calls. Signatures says what each takes.
type Caller interface {
	// Call calls an export. Arguments are doubles, to be converted as the
	// signature says.
	Call(name string, args ...float64) (int32, error)
	// Put writes b to the start of the I/O buffer, as much of it as there is room.
	Put(b []byte)
	// Cells reads the cells, Out what they point to and n bytes behind it.
	Cells() abi.Cells
	Out(c abi.Cells) []byte
}

// Signatures are the parameters of each export: i, 32 bits, or d, a double.
var Signatures = map[string]string{
	"abi_version": "", "buffer": "i", "open": "i", "close": "i", "look": "idd", "get": "iid", "has": "iid",
	"set": "iiiidd", "touch": "iiidd", "delete": "iid", "compare_and_delete": "iidd", "compare_and_set": "iiididd",
	"write": "iid", "get_many": "iid", "scan": "iiiiiid", "delete_prefix": "iiid", "sweep": "iid", "clear": "i",
	"stats": "i", "export_begin": "i", "export_next": "iid", "import_begin": "ii", "import_next": "iid",
	"yield": "", "collect": "", "collections": "",
}

// Names are those of the exports, in order.
func Names() []string { return slices.Sorted(maps.Keys(Signatures)) }

// OpenOptions are the bytes that `open` reads, for a store of maxBytes whose
// batches have at most batchOps.
func OpenOptions(maxBytes float64, flags, batchOps uint32, wall, boot float64) []byte {
	b := make([]byte, 80)
	put := func(at int, v float64) { binary.LittleEndian.PutUint64(b[at:], math.Float64bits(v)) }
	put(0, maxBytes)
	binary.LittleEndian.PutUint32(b[8:], flags)
	binary.LittleEndian.PutUint32(b[20:], batchOps)
	put(56, wall)
	put(64, boot)
	return b
}

// record is what the map holds.
type record struct {
	value    string
	deadline float64
	version  uint64
}

// driver is one run.
type driver struct {
	Caller
	in       []byte
	sound    int32 // the handle of the store beside the map
	wild     int32
	boot     float64
	records  map[string]record
	last     uint64 // the largest version met
	snapshot [][]byte
	restored int // how often that was tried: it is slow
	err      error
}

// wall is what the clock shows at boot 0.
const wall = 1.8e12

// Drive runs the calls that in stands for and returns what went wrong.
func Drive(c Caller, in []byte) error {
	d := &driver{Caller: c, in: in, boot: 1000, records: map[string]record{}}
	d.sound = d.open(256<<10, 0)
	d.wild = d.open(64<<10, uint32(d.byte())&1)
	for len(d.in) > 0 && d.err == nil {
		if d.byte()%3 == 0 {
			d.wildCall()
			continue
		}
		d.soundCall()
	}
	if d.err == nil {
		d.verifyAll()
	}
	d.call("close", float64(d.sound))
	d.call("close", float64(d.wild))
	return d.err
}

func (d *driver) open(maxBytes float64, flags uint32) int32 {
	d.call("buffer", 4096)
	d.Put(OpenOptions(maxBytes, flags, 100, wall, d.boot))
	h := d.call("open", 80)
	if h <= 0 {
		d.fault("open: got %d, want a handle", h)
	}
	return h
}

func (d *driver) call(name string, args ...float64) int32 {
	code, err := d.Call(name, args...)
	if err != nil {
		d.fault("%s%v: %v", name, args, err)
	}
	if code == abi.CodeBroken {
		d.fault("%s%v: a fault inside the module", name, args)
	}
	return code
}

func (d *driver) fault(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
}

func (d *driver) byte() byte {
	if len(d.in) == 0 {
		return 0
	}
	b := d.in[0]
	d.in = d.in[1:]
	return b
}

func (d *driver) take(n int) []byte {
	n = min(n, len(d.in))
	b := d.in[:n]
	d.in = d.in[n:]
	return b
}

// key is one of few, among them an empty and a long one.
func (d *driver) key() string {
	n := d.byte() % 12
	if n == 11 {
		return string(bytes.Repeat([]byte{'k'}, 300))
	}
	return "key 0123456789"[:n]
}

func (d *driver) value() string {
	n := int(d.byte())
	if n > 200 {
		return string(bytes.Repeat([]byte("worth compressing "), n))
	}
	return string(d.take(n))
}

// live is the record of key, as long as its deadline is ahead.
func (d *driver) live(key string) (record, bool) {
	r, ok := d.records[key]
	if ok && r.deadline != 0 && r.deadline <= d.now() {
		return record{}, false
	}
	return r, ok
}

// now is the store's time: no call here tells it the wall clock again.
func (d *driver) now() float64 { return wall + d.boot - 1000 }
