//go:build wasm || nozstd

package train

// Dictionary is not in this build: ErrNone.
func Dictionary([][]byte, *Options) (Result, error) { return Result{}, ErrNone }
