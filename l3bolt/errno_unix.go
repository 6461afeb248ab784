//go:build unix

package l3bolt

import (
	"errors"
	"os"
	"syscall"
)

// isFull reports whether err says that there is no room on the disk.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// isLimit reports whether err says that a file may not grow, whatever room the
// disk has.
func isLimit(err error) bool { return errors.Is(err, syscall.EFBIG) }

// isNoMemory reports whether err says that an address range is not to be had.
func isNoMemory(err error) bool { return errors.Is(err, syscall.ENOMEM) }

// fullTexts are the errors of isFull as bbolt prints them where it does not
// wrap them.
func fullTexts() []string {
	return []string{syscall.ENOSPC.Error(), syscall.EDQUOT.Error(), syscall.EFBIG.Error()}
}

// syncDir makes the entries of dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if closeErr := d.Close(); err == nil {
		err = closeErr
	}
	return err
}
