// Package abi is the calls of the WebAssembly reactor, but for the exports
// themselves: handles, the buffers through which bytes pass, and error codes.
// ABI.md, beside the reactor, says what each call does; it is written for those
// who call, this package for those who read the code.
//
// The reactor's exports (package main, one level up) do nothing but call an
// [Instance], so that all of this is tested and fuzzed without a module too.
//
// # Guarantees
//
// Whatever a host passes, a call ends with a code: lengths and handles are
// checked before they are used, numbers before they are converted, and a panic,
// which would be a fault of this code, ends the store that it met
// ([CodeBroken]) and no other. What cannot be caught is a host that has no more
// memory: the Go runtime then ends the instance.
//
// # Concurrency and ownership
//
// One call at a time. Bytes that a call gives lie in the instance's memory and
// are good until the next call.
package abi
