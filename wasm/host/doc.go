// Package host runs the WebAssembly reactor in a Go program, by wazero: a store
// whose memory is walled off from the program's own, under a limit that it
// cannot pass, and the pattern for hosts in other languages.
//
//	m, err := host.New(ctx, wasm, nil)
//	s, err := m.Open(&tiered.Options{MaxBytes: 32 << 20})
//	err = s.Set(ctx, "session:42", value, 30*time.Minute)
//	err = m.Close(ctx)
//
// A Go program that only wants a store in memory uses tiered.OpenMemory, which
// is many times faster.
//
// # Concurrency
//
// Everything may be called at once. The module has one thread: calls take turns,
// over all stores of a [Module].
//
// # Errors
//
// The stores' are those of tiered. [ErrDead]: the module met a fault that it
// could not survive, such as a host without memory, and all its stores are gone.
package host
