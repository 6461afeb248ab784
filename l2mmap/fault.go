//go:build !wasm

package l2mmap

import "runtime/debug"

// A mapping whose file was truncated by someone else raises SIGBUS. Each call
// that touches one runs as
//
//	defer x.caught(debug.SetPanicOnFault(true))
//
// which turns the signal into a panic, and the panic into a detached x.

// faultIn reports whether r, from recover, is a fault at an address in m.
func faultIn(r any, m memory) bool {
	fault, ok := r.(interface {
		error
		Addr() uintptr
	})
	return ok && m.contains(fault.Addr())
}

// tryStore writes v, if at is within reach.
func (m memory) tryStore(at int, v uint64) { m.tryFill(at, at+8, v) }

// tryFill writes v to the words of [at, end), up to the first that is out of
// reach.
func (m memory) tryFill(at, end int, v uint64) {
	defer func(before bool) {
		debug.SetPanicOnFault(before)
		if r := recover(); r != nil && !faultIn(r, m) {
			panic(r)
		}
	}(debug.SetPanicOnFault(true))
	for ; at < end; at += 8 {
		m.store(at, v)
	}
}

const reasonFault = "the file was truncated, or its device is gone"

// caught must be deferred itself. before is what SetPanicOnFault returned.
func (c *Cache) caught(before bool) {
	debug.SetPanicOnFault(before)
	if r := recover(); r != nil {
		c.fault(r)
	}
}

// fault detaches c if r is a fault in its mapping or in its control file's,
// and panics again otherwise.
func (c *Cache) fault(r any) {
	switch {
	case faultIn(r, c.mem):
		c.detach(reasonFault)
	case faultIn(r, c.control.mem):
		c.control.detach(reasonFault)
		c.detach("control file: " + reasonFault)
	default:
		panic(r)
	}
}

// caught must be deferred itself. before is what SetPanicOnFault returned.
func (c *Control) caught(before bool) {
	debug.SetPanicOnFault(before)
	if r := recover(); r != nil {
		if !faultIn(r, c.mem) {
			panic(r)
		}
		c.detach(reasonFault)
	}
}
