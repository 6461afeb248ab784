//go:build wasip1

// Command wasm is strata's memory store as a WebAssembly reactor: one module for
// browsers, edge workers, node and WASI hosts. ABI.md says how it is called,
// package abi holds the calls. `go run ./wasm/build` builds it.
package main

import (
	"runtime"
	"unsafe"

	"github.com/stratakv/strata/wasm/abi"
)

// instance is the module's state: a reactor has no other place for it.
var instance abi.Instance

func main() {}

//go:wasmexport abi_version
func abiVersion() int32 { return abi.Version }

//go:wasmexport cells
func cells() unsafe.Pointer { return unsafe.Pointer(&instance.Cells) }

// buffer returns the address of the I/O buffer, or a code.
//
//go:wasmexport buffer
func buffer(n int32) int32 {
	b, code := instance.Buffer(n)
	if code < 0 {
		return code
	}
	return int32(uintptr(unsafe.Pointer(unsafe.SliceData(b))))
}

//go:wasmexport open
func open(n int32) int32 { return instance.Open(n) }

//go:wasmexport close
func closeStore(h int32) int32 { return instance.Close(h) }

//go:wasmexport look
func look(h int32, wall, boot float64) int32 { return instance.Look(h, wall, boot) }

//go:wasmexport get
func get(h, k int32, boot float64) int32 { return instance.Get(h, k, boot) }

//go:wasmexport has
func has(h, k int32, boot float64) int32 { return instance.Has(h, k, boot) }

//go:wasmexport set
func set(h, k, v, mode int32, ms, boot float64) int32 { return instance.Set(h, k, v, mode, ms, boot) }

//go:wasmexport touch
func touch(h, k, mode int32, ms, boot float64) int32 { return instance.Touch(h, k, mode, ms, boot) }

//go:wasmexport delete
func deleteKey(h, k int32, boot float64) int32 { return instance.Delete(h, k, boot) }

//go:wasmexport compare_and_delete
func compareAndDelete(h, k int32, version, boot float64) int32 {
	return instance.CompareAndDelete(h, k, version, boot)
}

//go:wasmexport compare_and_set
func compareAndSet(h, k, v int32, version float64, mode int32, ms, boot float64) int32 {
	return instance.CompareAndSet(h, k, v, version, mode, ms, boot)
}

//go:wasmexport write
func write(h, n int32, boot float64) int32 { return instance.Write(h, n, boot) }

//go:wasmexport get_many
func getMany(h, n int32, boot float64) int32 { return instance.GetMany(h, n, boot) }

//go:wasmexport scan
func scan(h, p, f, records, maxBytes, flags int32, boot float64) int32 {
	return instance.Scan(h, p, f, records, maxBytes, flags, boot)
}

//go:wasmexport delete_prefix
func deletePrefix(h, p, limit int32, boot float64) int32 {
	return instance.DeletePrefix(h, p, limit, boot)
}

//go:wasmexport sweep
func sweep(h, limit int32, boot float64) int32 { return instance.Sweep(h, limit, boot) }

//go:wasmexport clear
func clearStore(h int32) int32 { return instance.Clear(h) }

//go:wasmexport stats
func stats(h int32) int32 { return instance.Stats(h) }

//go:wasmexport export_begin
func exportBegin(h int32) int32 { return instance.ExportBegin(h) }

//go:wasmexport export_next
func exportNext(h, maxBytes int32, boot float64) int32 {
	return instance.ExportNext(h, maxBytes, boot)
}

//go:wasmexport import_begin
func importBegin(h, check int32) int32 { return instance.ImportBegin(h, check) }

//go:wasmexport import_next
func importNext(h, n int32, boot float64) int32 { return instance.ImportNext(h, n, boot) }

// yield lets what the runtime has to do run.
//
//go:wasmexport yield
func yield() int32 {
	runtime.Gosched()
	return abi.CodeOK
}

// collect collects garbage and returns how often that was done, by itself too.
//
//go:wasmexport collect
func collect() int32 {
	runtime.GC()
	return collections()
}

// collections is how often garbage was collected.
//
//go:wasmexport collections
func collections() int32 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int32(m.NumGC)
}
