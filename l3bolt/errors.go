//go:build !wasm

package l3bolt

import (
	"fmt"

	"github.com/stratakv/strata/tiered/tier"
)

// fault is what went wrong, before it is said what that means for the caller.
type fault struct {
	op, file string
	cause    error
}

func (f *fault) Error() string { return f.op + " " + f.file + ": " + f.cause.Error() }
func (f *fault) Unwrap() error { return f.cause }

// failed is the one form of this package's errors: a sentinel, the operation
// and its file, and the cause, which carries no sentinel of its own.
func failed(sentinel error, op, file string, cause error) error {
	return fmt.Errorf("%w: %w", sentinel, &fault{op, file, cause})
}

// corrupt says where a file is damaged and how it shows.
func corrupt(file string, offset int64, format string, args ...any) error {
	return fmt.Errorf("%w: %s at offset %d: %s", tier.ErrCorrupt, file, offset, fmt.Sprintf(format, args...))
}

// cannot classifies the failure of an operation that did nothing: ErrFull if
// the disk has no room, else ErrUnavailable.
func cannot(op, file string, cause error) error {
	if isFull(cause) {
		return failed(tier.ErrFull, op, file, cause)
	}
	return failed(tier.ErrUnavailable, op, file, cause)
}

// lacksRoom reports whether err says that the disk is full. A limit of the size
// of files says nothing of the disk's room.
func lacksRoom(err error) bool { return isFull(err) && !isLimit(err) }
