package abi

import (
	"github.com/stratakv/strata/tiered/tier"
	"github.com/stratakv/strata/wasm/kv"
)

// Look tells a store the wall clock.
func (in *Instance) Look(h int32, wall, boot float64) (code int32) {
	defer in.guard(h, &code)
	s, err := in.enter(h)
	if err == nil {
		err = s.Look(wall, boot)
	}
	return Code(err)
}

// Get gives the value of a key of k bytes and returns its length.
func (in *Instance) Get(h, k int32, boot float64) (code int32) {
	defer in.guard(h, &code)
	s, err := in.enter(h, k)
	if err != nil {
		return Code(err)
	}
	return in.get(s, in.text(0, k), boot)
}

func (in *Instance) get(s *slot, key string, boot float64) int32 {
	value, head, err := s.Get(in.out, key, boot)
	if err != nil {
		return Code(err)
	}
	in.out = value
	in.head(head)
	in.give()
	return int32(len(value))
}

// Has returns 1 if there is a record, 0 if not; the cells have its head.
func (in *Instance) Has(h, k int32, boot float64) (code int32) {
	defer in.guard(h, &code)
	s, err := in.enter(h, k)
	if err != nil {
		return Code(err)
	}
	head, err := s.Head(in.text(0, k), boot)
	switch err {
	case nil:
		in.head(head)
		return 1
	case tier.ErrNotFound:
		return 0
	}
	return Code(err)
}

// Set stores the v bytes behind the key.
func (in *Instance) Set(h, k, v, mode int32, ms, boot float64) (code int32) {
	defer in.guard(h, &code)
	s, err := in.enter(h, k, v)
	if err != nil {
		return Code(err)
	}
	return in.one(s, kv.Op{Kind: tier.OpSet, Key: in.text(0, k), Value: in.in[k : k+v], Life: life(mode, ms)}, boot)
}

// Touch gives a record another lifetime.
func (in *Instance) Touch(h, k, mode int32, ms, boot float64) (code int32) {
	defer in.guard(h, &code)
	s, err := in.enter(h, k)
	if err != nil {
		return Code(err)
	}
	return in.one(s, kv.Op{Kind: tier.OpTouch, Key: in.text(0, k), Life: life(mode, ms)}, boot)
}

// Delete returns 1 if there was a record, 0 if not.
func (in *Instance) Delete(h, k int32, boot float64) (code int32) {
	defer in.guard(h, &code)
	s, err := in.enter(h, k)
	if err != nil {
		return Code(err)
	}
	return in.removal(in.one(s, kv.Op{Kind: tier.OpDelete, Key: in.text(0, k)}, boot))
}

// CompareAndDelete is Delete of one version; 0: there is none.
func (in *Instance) CompareAndDelete(h, k int32, version, boot float64) (code int32) {
	defer in.guard(h, &code)
	s, err := in.enter(h, k)
	if err != nil {
		return Code(err)
	}
	expect, err := versionOf(version)
	if err != nil {
		return Code(err)
	}
	return in.removal(in.one(s, kv.Op{Kind: tier.OpDelete, Key: in.text(0, k), If: true, Expect: expect}, boot))
}

// removal tells by the version that a removal made whether there was any.
func (in *Instance) removal(code int32) int32 {
	if code == CodeOK && in.Cells.Version != 0 {
		return 1
	}
	return code
}

// CompareAndSet is Set over one version; 0: there is none. With CodeVersion the
// record that is there is given as by Get; the cells' version is 0 if none is.
func (in *Instance) CompareAndSet(h, k, v int32, version float64, mode int32, ms, boot float64) (code int32) {
	defer in.guard(h, &code)
	s, err := in.enter(h, k, v)
	if err != nil {
		return Code(err)
	}
	expect, err := versionOf(version)
	if err != nil {
		return Code(err)
	}
	key := in.text(0, k)
	code = in.one(s, kv.Op{Kind: tier.OpSet, Key: key, Value: in.in[k : k+v], If: true, Expect: expect, Life: life(mode, ms)}, boot)
	if code == CodeVersion {
		if got := in.get(s, key, boot); got < 0 && got != CodeNotFound {
			return got
		}
	}
	return code
}

// one is a write of one op, whose head it leaves in the cells.
func (in *Instance) one(s *slot, op kv.Op, boot float64) int32 {
	in.ops = append(in.ops[:0], op)
	results, _, err := s.Write(in.ops, false, boot)
	in.ops[0] = kv.Op{}
	if err != nil {
		return Code(err)
	}
	in.head(results[0].Head)
	return CodeOK
}

// life is what a host asks for; one that is out of range becomes one that is
// refused.
func life(mode int32, ms float64) kv.Life {
	if mode < 0 || mode > 255 {
		mode = 255
	}
	return kv.Life{Mode: kv.Mode(mode), Ms: ms}
}

// versionOf turns a double into a version. Those that no double holds exactly
// were never given.
func versionOf(v float64) (uint64, error) {
	if !(v >= 0 && v < 1<<63) || v != float64(uint64(v)) {
		return 0, kv.ErrArgument
	}
	return uint64(v), nil
}

// Sweep removes at most limit expired records and returns how many.
func (in *Instance) Sweep(h, limit int32, boot float64) (code int32) {
	defer in.guard(h, &code)
	s, err := in.enter(h)
	if err != nil {
		return Code(err)
	}
	n, err := s.Sweep(int(limit), boot)
	if err != nil {
		return Code(err)
	}
	return int32(n)
}

// Clear removes all records.
func (in *Instance) Clear(h int32) (code int32) {
	defer in.guard(h, &code)
	s, err := in.enter(h)
	if err == nil {
		s.Clear()
	}
	return Code(err)
}
