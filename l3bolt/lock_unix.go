//go:build unix && !solaris && !illumos && !aix

package l3bolt

import (
	"errors"
	"os"
	"syscall"
)

// lockFile takes f for this open description alone, without waiting; false
// says that someone else has it. The kernel lets go when the process dies.
func lockFile(f *os.File) (bool, error) {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return false, nil
		}
		return err == nil, err
	}
}
