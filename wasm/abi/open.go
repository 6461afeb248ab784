package abi

import (
	"bytes"
	"encoding/binary"
	"math"
	"runtime"

	"github.com/stratakv/strata/tiered/tier"
	"github.com/stratakv/strata/wasm/kv"
)

// openSize is the length of the options before the dictionaries:
//
//	 0 f64 max bytes       40 f64 longest value
//	 8 u32 flags           48 f64 bytes of a batch
//	12 i32 level           56 f64 wall, unix milliseconds
//	16 u32 min bytes       64 f64 boot, milliseconds
//	20 u32 ops of a batch  72 u32 number of dictionaries
//	24 f64 default ttl     76 u32 zero
//	32 f64 max ttl         80 dictionaries: u32 length, bytes
const openSize = 80

const flagEvict = 1 << 0

// Open opens a store by the n bytes of options in the buffer and returns its
// handle.
func (in *Instance) Open(n int32) (result int32) {
	defer in.guard(0, &result)
	if n < openSize || int(n) > len(in.in) {
		return CodeArgument
	}
	b := in.in[:n]
	opts, err := decodeOptions(b)
	if err != nil {
		return Code(err)
	}
	h, err := in.open(opts, f64(b[56:]), f64(b[64:]))
	if err != nil {
		return Code(err)
	}
	return h
}

func (in *Instance) open(opts kv.Options, wall, boot float64) (int32, error) {
	i := 0
	for i < MaxStores && in.stores[i].Store != nil {
		i++
	}
	if i == MaxStores || opts.MaxBytes > MaxMemory-in.memory {
		return 0, ErrMemory
	}
	if in.left { // memory never shrinks: what stores before this one left is used again
		runtime.GC()
		in.left = false
	}
	s, err := kv.Open(opts, wall, boot)
	if err != nil {
		return 0, err
	}
	slot := &in.stores[i]
	slot.Store, slot.opts = s, opts
	slot.generation = slot.generation%maxGeneration + 1
	in.memory += opts.MaxBytes
	return slot.generation<<8 | int32(i), nil
}

func decodeOptions(b []byte) (kv.Options, error) {
	flags := u32(b[8:])
	var o kv.Options
	sound := flags&^flagEvict == 0 && u32(b[76:]) == 0 &&
		whole(&o.MaxBytes, b) && whole(&o.ValueBytes, b[40:]) && whole(&o.BatchBytes, b[48:])
	if !sound {
		return o, kv.ErrArgument
	}
	o.Evict = flags&flagEvict != 0
	o.Codec.Level = int(int32(u32(b[12:])))
	o.Codec.MinBytes = int(int32(u32(b[16:])))
	o.BatchOps = int(int32(u32(b[20:])))
	o.DefaultTTL, o.MaxTTL = f64(b[24:]), f64(b[32:])
	dicts := b[openSize:]
	for range u32(b[72:]) {
		dict, rest, ok := lengthPrefixed(dicts)
		if !ok {
			return o, kv.ErrArgument
		}
		o.Codec.Dictionaries = append(o.Codec.Dictionaries, bytes.Clone(dict))
		dicts = rest
	}
	if len(dicts) != 0 {
		return o, kv.ErrArgument
	}
	return o.Resolve()
}

// whole reads a number that has no fraction.
func whole[T int | int64](v *T, b []byte) bool {
	f := f64(b)
	if !(f >= 0 && f <= math.MaxInt32) || f != math.Trunc(f) {
		return false
	}
	*v = T(f)
	return true
}

// lengthPrefixed cuts a u32 length and as many bytes off b.
func lengthPrefixed(b []byte) (head, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := u32(b)
	if uint64(n) > uint64(len(b)-4) {
		return nil, nil, false
	}
	return b[4 : 4+n], b[4+n:], true
}

func u32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }

func f64(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }

// Close ends a store and takes its memory back.
func (in *Instance) Close(h int32) int32 {
	s, err := in.store(h)
	if err != nil {
		return Code(tier.ErrClosed)
	}
	in.drop(s)
	return CodeOK
}

func (in *Instance) drop(s *slot) {
	in.memory -= s.opts.MaxBytes
	in.left = true
	*s = slot{generation: s.generation}
}
