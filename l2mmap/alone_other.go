//go:build !linux && !wasm

package l2mmap

import (
	"fmt"
	"runtime"
)

func openAlone(string, PageOptions) (*Control, *Cache, error) {
	return nil, nil, fmt.Errorf("%w: %s", ErrUnsupported, runtime.GOOS)
}
