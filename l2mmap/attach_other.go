//go:build !linux && !wasm

package l2mmap

import (
	"fmt"
	"runtime"
)

// Slots need locks that belong to an open file and that the kernel frees at a
// process's death; only Linux has them over byte ranges.

func openControl(string, *ControlOptions, *[16]byte) (*Control, error) {
	return nil, fmt.Errorf("%w: %s", ErrUnsupported, runtime.GOOS)
}

// tidyPages finds nothing: no page file is made here.
func tidyPages(string, *Control) error { return nil }

func openPages(string, *Control, *geometry) (*Cache, error) {
	return nil, fmt.Errorf("%w: %s", ErrUnsupported, runtime.GOOS)
}
