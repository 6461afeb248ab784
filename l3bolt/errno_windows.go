package l3bolt

import (
	"errors"

	"golang.org/x/sys/windows"
)

// isFull reports whether err says that there is no room on the disk.
func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}

// isLimit: there are no limits of the size of files.
func isLimit(error) bool { return false }

// isNoMemory reports whether err says that an address range is not to be had.
func isNoMemory(err error) bool { return errors.Is(err, windows.ERROR_NOT_ENOUGH_MEMORY) }

// fullTexts are the errors of isFull as bbolt prints them where it does not
// wrap them.
func fullTexts() []string {
	return []string{
		windows.ERROR_DISK_FULL.Error(), windows.ERROR_HANDLE_DISK_FULL.Error(),
		windows.ERROR_DISK_QUOTA_EXCEEDED.Error(),
	}
}

// syncDir does nothing: a directory cannot be flushed, NTFS journals its
// entries.
func syncDir(string) error { return nil }
