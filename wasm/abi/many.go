package abi

import (
	"encoding/binary"
	"math"

	"github.com/stratakv/strata/tiered/tier"
	"github.com/stratakv/strata/wasm/kv"
)

// opSize is the length of an op of a batch before its key:
//
//	 0 u8  kind: 1 set, 2 delete, 3 touch, 4 check
//	 1 u8  flags: 1 conditional
//	 2 u8  mode of the lifetime
//	 3 u8  zero
//	 4 u32 length of the key
//	 8 u32 length of the value
//	12 f64 lifetime, milliseconds
//	20 u64 version that is expected
//	28     key, value
const opSize = 28

const flagIf = 1 << 0

// maxMany bounds the keys and bytes of one GetMany.
const (
	maxManyKeys  = 1024
	maxManyBytes = 1 << 20
	absent       = math.MaxUint32
)

// Write applies the batch in the first n bytes of the buffer. Of a refused one
// the cells' count is the op that refused it.
func (in *Instance) Write(h, n int32, boot float64) (code int32) {
	defer in.guard(h, &code)
	s, err := in.enter(h, n)
	if err != nil {
		return Code(err)
	}
	defer func() {
		clear(in.ops)
		in.ops = in.ops[:0]
	}()
	if err := in.decodeOps(in.in[:n], s.opts.BatchOps); err != nil {
		return Code(err)
	}
	_, refused, err := s.Store.Write(in.ops, true, boot)
	in.Cells.Count = uint32(refused)
	return Code(err)
}

func (in *Instance) decodeOps(b []byte, most int) error {
	in.ops = in.ops[:0]
	for len(b) > 0 {
		if len(in.ops) == most {
			return tier.ErrTooLarge
		}
		if len(b) < opSize || b[1]&^flagIf != 0 || b[3] != 0 {
			return kv.ErrArgument
		}
		k, v := uint64(u32(b[4:])), uint64(u32(b[8:]))
		if k+v > uint64(len(b)-opSize) {
			return kv.ErrArgument
		}
		key, value := b[opSize:opSize+k], b[opSize+k:opSize+k+v]
		in.ops = append(in.ops, kv.Op{
			Kind: tier.Kind(b[0]), Key: lent(key), Value: value, If: b[1]&flagIf != 0,
			Expect: binary.LittleEndian.Uint64(b[20:]), Life: kv.Life{Mode: kv.Mode(b[2]), Ms: f64(b[12:])},
		})
		b = b[opSize+k+v:]
	}
	return nil
}

// GetMany reads the keys in the first n bytes of the buffer, each a u32 length
// and bytes, and returns how many of them it has answered: all, or as many as a
// chunk holds. The answers: u32 length of the value, 2³²−1 if absent · u64
// version · f64 deadline · value.
func (in *Instance) GetMany(h, n int32, boot float64) (code int32) {
	defer in.guard(h, &code)
	s, err := in.enter(h, n)
	if err != nil {
		return Code(err)
	}
	keys := in.in[:n]
	for len(keys) > 0 && in.Cells.Count < maxManyKeys && len(in.out) < maxManyBytes {
		key, rest, ok := lengthPrefixed(keys)
		if !ok {
			return CodeArgument
		}
		at := len(in.out)
		in.out = append(in.out, make([]byte, 20)...)
		value, head, err := s.Get(in.out, lent(key), boot)
		size := uint32(len(value) - len(in.out))
		if err == tier.ErrNotFound {
			size, err = absent, nil
		}
		if err != nil {
			return Code(err)
		}
		in.out = value
		in.answer(at, size, head)
		in.Cells.Count++
		keys = rest
	}
	in.give()
	return int32(in.Cells.Count)
}

// answer fills in the 20 bytes at at.
func (in *Instance) answer(at int, size uint32, head tier.Head) {
	b := in.out[at:]
	binary.LittleEndian.PutUint32(b, size)
	binary.LittleEndian.PutUint64(b[4:], head.Version)
	binary.LittleEndian.PutUint64(b[12:], math.Float64bits(float64(head.Deadline)))
}
