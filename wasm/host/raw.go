package host

import (
	"context"
	"encoding/binary"
	"math"

	"github.com/tetratelabs/wazero/api"

	"github.com/stratakv/strata/tiered/tier"
	"github.com/stratakv/strata/wasm/abi"
	"github.com/stratakv/strata/wasm/client"
	"github.com/stratakv/strata/wasm/kv"
)

// raw is one store of a module, by the calls that ABI.md describes.
type raw struct {
	*Module
	handle int32
}

var _ client.Raw = (*raw)(nil)

// OpenRaw opens a store whose calls take the time.
func (m *Module) OpenRaw(o kv.Options, wall, boot float64) (client.Raw, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if o.MaxBytes < 0 || o.MaxBytes > math.MaxInt32 {
		return nil, kv.ErrArgument
	}
	h, err := m.send("open", 0, encodeOptions(o, wall, boot))
	if err != nil {
		return nil, err
	}
	return &raw{m, h}, nil
}

func encodeOptions(o kv.Options, wall, boot float64) []byte {
	le := binary.LittleEndian
	double := func(b []byte, v float64) []byte { return le.AppendUint64(b, math.Float64bits(v)) }
	var flags uint32
	if o.Evict {
		flags = 1
	}
	b := double(nil, float64(o.MaxBytes))
	b = le.AppendUint32(b, flags)
	b = le.AppendUint32(b, uint32(o.Codec.Level))
	b = le.AppendUint32(b, uint32(o.Codec.MinBytes))
	b = le.AppendUint32(b, uint32(o.BatchOps))
	for _, v := range []float64{o.DefaultTTL, o.MaxTTL, float64(o.ValueBytes), float64(o.BatchBytes), wall, boot} {
		b = double(b, v)
	}
	b = le.AppendUint32(b, uint32(len(o.Codec.Dictionaries)))
	b = le.AppendUint32(b, 0)
	for _, d := range o.Codec.Dictionaries {
		b = append(le.AppendUint32(b, uint32(len(d))), d...)
	}
	return b
}

// send puts parts into the buffer, one behind the other, and calls name with h,
// unless that is 0, the parts' lengths and args.
func (m *Module) send(name string, h int32, part []byte, args ...uint64) (int32, error) {
	return m.send2(name, h, part, nil, false, args...)
}

func (m *Module) send2(name string, h int32, one, two []byte, both bool, args ...uint64) (int32, error) {
	if err := m.reserve(len(one) + len(two)); err != nil {
		return 0, err
	}
	memory := m.module.Memory()
	if !memory.Write(m.buffer, one) || !memory.Write(m.buffer+uint32(len(one)), two) {
		return 0, abi.ErrBroken
	}
	all := make([]uint64, 0, 8)
	if h != 0 {
		all = append(all, api.EncodeI32(h))
	}
	all = append(all, api.EncodeI32(int32(len(one))))
	if both {
		all = append(all, api.EncodeI32(int32(len(two))))
	}
	return m.result(name, append(all, args...)...)
}

// reserve makes the buffer hold n bytes.
func (m *Module) reserve(n int) error {
	if n > math.MaxInt32 {
		return tier.ErrTooLarge
	}
	const kept = 1 << 20
	if m.capacity != 0 && n <= int(m.capacity) && (m.capacity <= kept || n > kept) {
		return nil
	}
	n = max(n, 4096)
	at, err := m.call(context.Background(), "buffer", api.EncodeI32(int32(n)))
	if err != nil {
		return err
	}
	if err := abi.Err(at); err != nil {
		return err
	}
	m.buffer, m.capacity = uint32(at), uint32(n)
	return nil
}

// result is a call whose negative codes are errors.
func (m *Module) result(name string, args ...uint64) (int32, error) {
	code, err := m.call(context.Background(), name, args...)
	if err != nil {
		return 0, err
	}
	return code, abi.Err(code)
}

// cell reads the cells after a call.
func (m *Module) cell() (c abi.Cells) {
	b, ok := m.module.Memory().Read(m.cells, 32)
	if !ok {
		return c
	}
	le := binary.LittleEndian
	c.Ptr, c.Len, c.Count, c.Next = le.Uint32(b), le.Uint32(b[4:]), le.Uint32(b[8:]), le.Uint32(b[12:])
	c.Version, c.Deadline = le.Uint64(b[16:]), math.Float64frombits(le.Uint64(b[24:]))
	return c
}

// out is n bytes that the last call gave; they are the module's.
func (m *Module) out(ptr, n uint32) []byte {
	b, ok := m.module.Memory().Read(ptr, n)
	if !ok {
		return nil
	}
	return b
}

func head(c abi.Cells, rawLen int) tier.Head {
	deadline := int64(math.MaxInt64)
	if c.Deadline < math.MaxInt64 {
		deadline = int64(c.Deadline)
	}
	return tier.Head{Version: c.Version, Deadline: deadline, RawLen: rawLen}
}

func (r *raw) Get(dst []byte, key string, boot float64) ([]byte, tier.Head, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, err := r.send("get", r.handle, []byte(key), api.EncodeF64(boot))
	if err != nil {
		return dst, tier.Head{}, err
	}
	c := r.cell()
	return append(dst, r.out(c.Ptr, c.Len)...), head(c, int(n)), nil
}

func (r *raw) Write(ops []kv.Op, many bool, boot float64) ([]kv.Result, int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if many {
		_, err := r.send("write", r.handle, encodeOps(ops), api.EncodeF64(boot))
		return nil, int(r.cell().Count), err
	}
	code, err := r.writeOne(&ops[0], boot)
	c := r.cell()
	return []kv.Result{{Head: head(c, len(ops[0].Value)), Applied: code == 1 || c.Version != 0}}, 0, err
}

func (r *raw) writeOne(op *kv.Op, boot float64) (int32, error) {
	key, at := []byte(op.Key), api.EncodeF64(boot)
	mode, ms := api.EncodeI32(int32(op.Life.Mode)), api.EncodeF64(op.Life.Ms)
	expect := api.EncodeF64(float64(op.Expect))
	switch {
	case op.Kind == tier.OpSet && op.If:
		return r.send2("compare_and_set", r.handle, key, op.Value, true, expect, mode, ms, at)
	case op.Kind == tier.OpSet:
		return r.send2("set", r.handle, key, op.Value, true, mode, ms, at)
	case op.Kind == tier.OpTouch:
		return r.send("touch", r.handle, key, mode, ms, at)
	case op.Kind == tier.OpDelete && op.If:
		return r.send("compare_and_delete", r.handle, key, expect, at)
	case op.Kind == tier.OpDelete:
		return r.send("delete", r.handle, key, at)
	}
	return 0, kv.ErrArgument
}

func encodeOps(ops []kv.Op) []byte {
	le := binary.LittleEndian
	var b []byte
	for i := range ops {
		op := &ops[i]
		var flags byte
		if op.If {
			flags = 1
		}
		b = append(b, byte(op.Kind), flags, byte(op.Life.Mode), 0)
		b = le.AppendUint32(b, uint32(len(op.Key)))
		b = le.AppendUint32(b, uint32(len(op.Value)))
		b = le.AppendUint64(b, math.Float64bits(op.Life.Ms))
		b = le.AppendUint64(b, op.Expect)
		b = append(append(b, op.Key...), op.Value...)
	}
	return b
}

func (r *raw) Scan(g kv.Range, boot float64, visit func(key string, h tier.Head, value []byte)) (string, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var flags int32
	if g.KeysOnly {
		flags = 1
	}
	code, err := r.send2("scan", r.handle, []byte(g.Prefix), []byte(g.From), true,
		api.EncodeI32(int32(g.Records)), api.EncodeI32(int32(g.MaxBytes)), api.EncodeI32(flags), api.EncodeF64(boot))
	if err != nil {
		return "", false, err
	}
	le, c := binary.LittleEndian, r.cell()
	for b := r.out(c.Ptr, c.Len); len(b) > 0; {
		k, v := le.Uint32(b), le.Uint32(b[4:])
		h := head(abi.Cells{Version: le.Uint64(b[8:]), Deadline: math.Float64frombits(le.Uint64(b[16:]))}, int(v))
		key, value := b[24:24+k], b[24+k:24+k+v]
		if g.KeysOnly {
			value = nil
		}
		visit(string(key), h, value)
		b = b[24+k+v:]
	}
	return string(r.out(c.Ptr+c.Len, c.Next)), code == 1, nil
}

func (r *raw) DeletePrefix(prefix string, limit int, boot float64) (int, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	code, err := r.send("delete_prefix", r.handle, []byte(prefix), api.EncodeI32(int32(limit)), api.EncodeF64(boot))
	return int(r.cell().Count), code == 1, err
}

func (r *raw) Sweep(limit int, boot float64) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, err := r.result("sweep", api.EncodeI32(r.handle), api.EncodeI32(int32(limit)), api.EncodeF64(boot))
	return int(n), err
}

func (r *raw) Look(wall, boot float64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err := r.result("look", api.EncodeI32(r.handle), api.EncodeF64(wall), api.EncodeF64(boot))
	return err
}

func (r *raw) Snapshot(boot float64, write func(block []byte) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.result("export_begin", api.EncodeI32(r.handle)); err != nil {
		return err
	}
	for more := int32(1); more == 1; {
		var err error
		if more, err = r.result("export_next", api.EncodeI32(r.handle), 0, api.EncodeF64(boot)); err != nil {
			return err
		}
		c := r.cell()
		if err := write(r.out(c.Ptr, c.Len)); err != nil {
			return err
		}
	}
	return nil
}

func (r *raw) Restore(check bool, boot float64, next func() ([]byte, error)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	flag := uint64(0)
	if check {
		flag = 1
	}
	_, err := r.result("import_begin", api.EncodeI32(r.handle), flag)
	for done := int32(0); err == nil && done == 0; {
		var block []byte
		if block, err = next(); err == nil {
			done, err = r.send("import_next", r.handle, block, api.EncodeF64(boot))
		}
	}
	return err
}

func (r *raw) Stats() (s kv.Stats) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.result("stats", api.EncodeI32(r.handle)); err != nil {
		return s
	}
	c := r.cell()
	b := r.out(c.Ptr, c.Len)
	v := make(map[string]float64, len(abi.StatNames))
	for i, name := range abi.StatNames {
		v[name] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	s.Hits, s.Misses, s.Writes, s.Swept = uint64(v["hits"]), uint64(v["misses"]), uint64(v["writes"]), uint64(v["swept"])
	s.Usage = tier.Usage{
		Records: int64(v["records"]), LiveBytes: int64(v["liveBytes"]),
		RawBytes: int64(v["rawBytes"]), StoredBytes: int64(v["storedBytes"]),
	}
	s.Evictions, s.UsedBytes, s.MaxBytes = uint64(v["evictions"]), int64(v["usedBytes"]), int64(v["maxBytes"])
	s.Version, s.Clock = uint64(v["version"]), int64(v["clock"])
	return s
}

func (r *raw) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = r.result("close", api.EncodeI32(r.handle))
}
