// Package kv is the store inside the WebAssembly reactor: what package tiered
// promises of a memory store (P2 to P5, P7, P9, P10), over l3mem and the packed
// values of package codec, without context, logging or anything else that makes a
// module large.
//
//	s, err := kv.Open(kv.Options{MaxBytes: 32 << 20}, wall, boot)
//	_, err = s.Write([]kv.Op{{Kind: tier.OpSet, Key: "k", Value: v}}, boot)
//	value, head, err := s.Get(nil, "k", boot)
//
// # Time
//
// There is no clock here. Who calls gives the time since the host's start
// (boot, milliseconds, never going back) with each call, and now and then the
// wall clock ([Store.Look]). From these the store makes its own clock, as
// package tiered does: wall time at open, carried on by boot; a wall clock that
// differs by more than 2 s is followed by slewing, 10 % at most.
//
// # Guarantees
//
// A call does work for its own records and bytes, and a bounded amount beside:
// nothing is rebuilt, and what is cleared away beside a write is at most
// [sweepPerWrite] records. Memory that a call needs is kept for the next one up
// to a megabyte, so that a long run makes next to no garbage.
//
// # Concurrency
//
// None: a Store belongs to one goroutine. The module has one thread.
//
// # Ownership
//
// Keys and values that go in are not kept. A value that comes out is appended to
// the caller's memory; what a visit function gets is lent until it returns.
//
// # Errors
//
// The sentinels of package tier, bare, and [ErrArgument].
package kv
