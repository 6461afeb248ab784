//go:build !wasm && !windows && (!unix || solaris || illumos || aix)

package l3bolt

import (
	"errors"
	"os"
)

// lockFile says unsupported: without a lock that dies with the process, two
// owners could write one store.
func lockFile(*os.File) (bool, error) { return false, errors.ErrUnsupported }
