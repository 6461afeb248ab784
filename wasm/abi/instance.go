package abi

import (
	"runtime"
	"unsafe"

	"github.com/stratakv/strata/tiered/tier"
	"github.com/stratakv/strata/wasm/kv"
)

const (
	// MaxStores is how many stores an instance may have open.
	MaxStores = 256
	// MaxMemory bounds the MaxBytes of all open stores together.
	MaxMemory = 1 << 30
	// minIO is what the I/O buffer may always hold.
	minIO = 1 << 20
	// keptIO is the largest buffer that is kept.
	keptIO = 1 << 20
	// yieldEvery is after how many calls the runtime may run. A collection that
	// it has begun ends only then: until it does, every write to memory is slower.
	yieldEvery = 256
	// collectEvery and garbage are after how many calls, and how many bytes that
	// large calls have moved, garbage is collected. The runtime's own measure is
	// the live memory, which here is the stores', allocated once: by it a module
	// would grow to twice its size. (runtime/debug could change that measure; it
	// brings fmt and os with it, a twentieth of the module.)
	collectEvery = 1 << 16
	garbage      = 4 << 20
	large        = 64 << 10
)

// Cells is where a call leaves what does not fit into its result. It lies at
// one place for as long as the instance lives. All integers are little endian.
type Cells struct {
	Ptr, Len uint32  // bytes that the call gives
	Count    uint32  // of records, keys or fields in them, or of an op
	Next     uint32  // length of the cursor behind them
	Version  uint64  // of a record
	Deadline float64 // of a record, unix milliseconds, 0: never
}

// Instance is the state of one module.
//
//  1. A handle is (generation << 8 | slot), above 0; a slot's generation grows by
//     each opening, so that an old handle meets no new store until 2²² more
//     openings of its slot.
//  2. in is what the host may write to, out what it may read; no call changes
//     in, and only the next call changes out.
type Instance struct {
	Cells Cells

	in, out []byte
	ops     []kv.Op
	stores  [MaxStores]slot
	memory  int64 // MaxBytes of all open stores
	calls   uint32
	moved   int64 // bytes of large calls since garbage was collected
	left    bool  // stores were closed since garbage was last collected for it
}

type slot struct {
	*kv.Store
	opts       kv.Options
	generation int32
	export     *kv.Export
	load       *kv.Import
}

const maxGeneration = 1<<22 - 1

// Buffer sees to it that the I/O buffer has at least n bytes and returns it. It
// may be another one than before. CodeTooLarge: no call takes so much.
func (in *Instance) Buffer(n int32) (buffer []byte, code int32) {
	if n < 0 {
		return nil, CodeArgument
	}
	if int64(n) > in.maxIO() {
		return nil, CodeTooLarge
	}
	if int(n) > len(in.in) || len(in.in) > keptIO && int(n) <= keptIO {
		in.in = nil // so that both are never there at once
		in.in = make([]byte, max(int(n), 4096))
	}
	return in.in, CodeOK
}

// maxIO is what the most liberal of the open stores can use.
func (in *Instance) maxIO() int64 {
	most := int64(minIO)
	for i := range in.stores {
		if s := &in.stores[i]; s.Store != nil {
			most = max(most, s.opts.BatchBytes+int64(s.opts.BatchOps)*opSize, int64(s.opts.ValueBytes)+kv.MaxKeyBytes+minIO)
		}
	}
	return most
}

// store returns the open store of a handle.
func (in *Instance) store(h int32) (*slot, error) {
	s := &in.stores[h&(MaxStores-1)]
	if h <= 0 || s.Store == nil || s.generation != h>>8 {
		return nil, tier.ErrClosed
	}
	return s, nil
}

// enter is how each call begins: it finds the store and checks that the lengths
// that the host gave lie one behind the other in the buffer.
func (in *Instance) enter(h int32, lengths ...int32) (*slot, error) {
	s, err := in.store(h)
	if err != nil {
		return nil, err
	}
	var sum int64
	for _, n := range lengths {
		if n < 0 {
			return nil, kv.ErrArgument
		}
		sum += int64(n)
	}
	if sum > int64(len(in.in)) {
		return nil, kv.ErrArgument
	}
	in.tidy(sum + int64(len(in.out)))
	in.Cells = Cells{}
	if cap(in.out) > keptIO {
		in.out = nil
	}
	in.out = in.out[:0]
	return s, nil
}

// tidy gives the runtime its time, before a call that takes or behind one that
// gave so many bytes.
func (in *Instance) tidy(moved int64) {
	in.calls++
	if moved > large {
		in.moved += moved
	}
	switch {
	case in.moved > garbage || in.calls%collectEvery == 0:
		runtime.GC()
		in.moved = 0
	case in.calls%yieldEvery == 0:
		runtime.Gosched()
	}
}

// text is the n bytes of the buffer from at on, as a string that is good until
// the host writes again.
func (in *Instance) text(at, n int32) string {
	b := in.in[at : at+n]
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// give leaves out for the host to read.
func (in *Instance) give() {
	in.Cells.Ptr = uint32(uintptr(unsafe.Pointer(unsafe.SliceData(in.out))))
	in.Cells.Len = uint32(len(in.out))
}

// Out is what the last call gave.
func (in *Instance) Out() []byte { return in.out }

func (in *Instance) head(h tier.Head) {
	in.Cells.Version = h.Version
	in.Cells.Deadline = float64(h.Deadline)
}

// guard ends the store of a call that panicked.
func (in *Instance) guard(h int32, code *int32) {
	if recover() == nil {
		return
	}
	*code = CodeBroken
	if s, err := in.store(h); err == nil {
		in.drop(s)
	}
}
