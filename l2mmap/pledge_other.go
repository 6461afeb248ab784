//go:build !linux && !wasm

package l2mmap

import (
	"fmt"
	"runtime"
)

// pledgeFile is nothing here: no control file is shared.
type pledgeFile struct{}

func (pledgeFile) close() error { return nil }

func pledgeOwner(string, [16]byte) (pledgeFile, error) { return pledgeFile{}, nil }

func pledgeFollower(string, [16]byte) (pledgeFile, error) {
	return pledgeFile{}, fmt.Errorf("%w: %s", ErrUnsupported, runtime.GOOS)
}

func attend(string) (pledgeFile, error) {
	return pledgeFile{}, fmt.Errorf("%w: %s", ErrUnsupported, runtime.GOOS)
}

func unpledged(string) (release func(), err error) { return func() {}, nil }
