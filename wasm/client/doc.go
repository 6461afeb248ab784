// Package client gives a raw store of package kv, or one behind the reactor's
// calls, the methods of tiered.Store: what works with the one works with the
// other, and the conformance suite storetest runs over both.
//
// A Go program that wants a store in memory uses tiered.OpenMemory; this package
// is for hosts of the WebAssembly module (wasm/host), and for the tests.
//
// # Concurrency and ownership
//
// All methods of a [Store] may be called at once; they take turns. Bytes are
// copied in and copied out.
//
// # Errors
//
// The sentinels of package tiered, wrapped with the operation.
package client
