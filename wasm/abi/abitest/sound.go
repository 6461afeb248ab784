package abitest

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/stratakv/strata/wasm/abi"
)

// soundCall makes one call whose answer the map knows.
func (d *driver) soundCall() {
	key := d.key()
	switch d.byte() % 12 {
	case 0, 1, 2:
		d.set(key)
	case 3:
		d.touch(key)
	case 4:
		d.remove(key)
	case 5:
		d.compareAndSet(key)
	case 6:
		d.batch()
	case 7:
		d.boot += float64(d.byte())
	case 8:
		d.scan(key)
	case 9:
		d.export()
	case 10:
		d.restore()
	default:
		d.call("sweep", float64(d.sound), float64(d.byte()), d.boot)
	}
	d.verify(key)
}

func (d *driver) text(parts ...string) {
	d.call("buffer", float64(len(strings.Join(parts, ""))))
	d.Put([]byte(strings.Join(parts, "")))
}

// wrote takes a new version from the cells into the map.
func (d *driver) wrote(name, key string, r record) {
	c := d.Cells()
	if c.Version <= d.last || c.Deadline != r.deadline {
		d.fault("%s: got version %d after %d and deadline %v, want %v", name, c.Version, d.last, c.Deadline, r.deadline)
	}
	d.last, r.version = c.Version, c.Version
	d.records[key] = r
}

func (d *driver) ttl() (ms, deadline float64) {
	if ms = float64(d.byte()); ms != 0 {
		deadline = d.now() + ms
	}
	return ms, deadline
}

func (d *driver) set(key string) {
	value := d.value()
	ms, deadline := d.ttl()
	d.text(key, value)
	code := d.call("set", float64(d.sound), float64(len(key)), float64(len(value)), 1, ms, d.boot)
	if code == abi.CodeFull {
		return // the map does not know how much room there is; what was there must stay
	}
	if code != 0 {
		d.fault("set: got %d, want 0", code)
		return
	}
	d.wrote("set", key, record{value: value, deadline: deadline})
}

func (d *driver) touch(key string) {
	r, ok := d.live(key)
	ms, deadline := d.ttl()
	d.text(key)
	code := d.call("touch", float64(d.sound), float64(len(key)), 1, ms, d.boot)
	if want := map[bool]int32{true: 0, false: abi.CodeNotFound}[ok]; code != want {
		d.fault("touch: got %d, want %d", code, want)
	}
	if ok {
		r.deadline = deadline
		d.wrote("touch", key, r)
	}
}

func (d *driver) remove(key string) {
	_, ok := d.live(key)
	d.text(key)
	code := d.call("delete", float64(d.sound), float64(len(key)), d.boot)
	if want := map[bool]int32{true: 1, false: 0}[ok]; code != want {
		d.fault("delete: got %d, want %d", code, want)
	}
	delete(d.records, key)
	if ok {
		d.last = max(d.last, d.Cells().Version)
	}
}

func (d *driver) compareAndSet(key string) {
	cur, _ := d.live(key)
	expect, value := cur.version, d.value()
	if d.byte()%2 == 0 {
		expect = uint64(d.byte())
	}
	d.text(key, value)
	code := d.call("compare_and_set", float64(d.sound), float64(len(key)), float64(len(value)), float64(expect), 3, 0, d.boot)
	switch {
	case code == abi.CodeFull:
	case expect != cur.version:
		c := d.Cells()
		if code != abi.CodeVersion || c.Version != cur.version || string(d.Out(c)) != cur.value {
			d.fault("compare_and_set over another version: got %d, version %d, %d bytes, want %d, %d, %d",
				code, c.Version, c.Len, abi.CodeVersion, cur.version, len(cur.value))
		}
	case code != 0:
		d.fault("compare_and_set: got %d, want 0", code)
	default:
		d.wrote("compare_and_set", key, record{value: value, deadline: cur.deadline})
	}
}

// batch sets two keys, unless its check is of a wrong version.
func (d *driver) batch() {
	one, two, checked := d.key(), d.key(), d.key()
	cur, _ := d.live(checked)
	expect := cur.version + uint64(d.byte()%2)
	var b []byte
	for i, key := range []string{checked, one, two} {
		value := ""
		if i > 0 {
			value = "of a batch"
		}
		b = append(b, []byte{4, 1, 1}[i], 0, 1, 0)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(key)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
		b = append(b, make([]byte, 8)...)
		b = binary.LittleEndian.AppendUint64(b, expect)
		b = append(append(b, key...), value...)
	}
	d.text(string(b))
	code := d.call("write", float64(d.sound), float64(len(b)), d.boot)
	switch {
	case code == abi.CodeFull:
	case expect != cur.version:
		if c := d.Cells(); code != abi.CodeVersion || c.Count != 0 {
			d.fault("write with a wrong version: got %d at op %d, want %d at 0", code, c.Count, abi.CodeVersion)
		}
	case code != 0:
		d.fault("write: got %d, want 0", code)
	default:
		d.adopt(one, "of a batch")
		d.adopt(two, "of a batch")
	}
}

// adopt reads the version of a record whose value is known.
func (d *driver) adopt(key, value string) {
	d.text(key)
	d.call("has", float64(d.sound), float64(len(key)), d.boot)
	c := d.Cells()
	d.last = max(d.last, c.Version)
	d.records[key] = record{value: value, version: c.Version, deadline: c.Deadline}
}

func (d *driver) verify(key string) {
	d.text(key)
	code := d.call("get", float64(d.sound), float64(len(key)), d.boot)
	r, ok := d.live(key)
	c := d.Cells()
	switch {
	case !ok && code != abi.CodeNotFound:
		d.fault("get of an absent key: got %d", code)
	case ok && (code != int32(len(r.value)) || string(d.Out(c)) != r.value || c.Version != r.version || c.Deadline != r.deadline):
		d.fault("get: got %d, version %d, deadline %v, want %d bytes, %+v", code, c.Version, c.Deadline, len(r.value), r.version)
	}
}

func (d *driver) verifyAll() {
	for key := range d.records {
		d.verify(key)
	}
	d.scan("")
}

// scan reads the records of a prefix in chunks of one to four.
func (d *driver) scan(prefix string) {
	var want []string
	for key := range d.records {
		if _, ok := d.live(key); ok && strings.HasPrefix(key, prefix) {
			want = append(want, key)
		}
	}
	slices.Sort(want)
	var got []string
	chunk := float64(1 + d.byte()%4)
	for from, more := "", int32(1); more == 1 && d.err == nil; {
		d.text(prefix, from)
		more = d.call("scan", float64(d.sound), float64(len(prefix)), float64(len(from)), chunk, 0, 0, d.boot)
		c := d.Cells()
		all := d.Out(c)
		for b := all[:c.Len]; len(b) > 0; {
			k, v := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
			key := string(b[24 : 24+k])
			if r := d.records[key]; string(b[24+k:24+k+v]) != r.value || math.Float64frombits(binary.LittleEndian.Uint64(b[16:])) != r.deadline {
				d.fault("scan: a record has another value or deadline")
			}
			got = append(got, key)
			b = b[24+k+v:]
		}
		from = string(all[c.Len : c.Len+c.Next])
	}
	if !slices.Equal(got, want) {
		d.fault("scan: got %d keys, want %d", len(got), len(want))
	}
}

// export keeps a snapshot for what is to come.
func (d *driver) export() {
	d.snapshot = nil
	d.call("export_begin", float64(d.sound))
	for more := int32(1); more == 1 && d.err == nil; {
		more = d.call("export_next", float64(d.sound), float64(d.byte()), d.boot)
		c := d.Cells()
		if c.Len > 0 {
			d.snapshot = append(d.snapshot, slices.Clone(d.Out(c)[:c.Len]))
		}
	}
}

// restore gives the snapshot to a third store, which must then hold what was
// live of it.
func (d *driver) restore() {
	if d.restored++; d.restored > 3 {
		return
	}
	if d.snapshot == nil {
		d.export()
	}
	h := d.open(256<<10, 0)
	for _, check := range []float64{1, 0} {
		d.call("import_begin", float64(h), check)
		for i, block := range d.snapshot {
			d.text(string(block))
			code := d.call("import_next", float64(h), float64(len(block)), d.boot)
			if want := map[bool]int32{true: 1, false: 0}[i == len(d.snapshot)-1]; code != want {
				d.fault("import of block %d of %d: got %d, want %d", i, len(d.snapshot), code, want)
			}
		}
	}
	for key, r := range d.records {
		d.text(key)
		if d.call("has", float64(h), float64(len(key)), d.boot) == 1 && d.Cells().Version <= r.version && r.version <= d.versionAt() {
			d.fault("import: a version is not above that of the snapshot")
		}
	}
	d.call("close", float64(h))
}

// versionAt is the last version that the kept snapshot names.
func (d *driver) versionAt() uint64 { return binary.LittleEndian.Uint64(d.snapshot[0][40:]) }
