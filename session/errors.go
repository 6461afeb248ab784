package session

import (
	"errors"
	"fmt"

	"github.com/stratakv/strata/tiered"
)

// The sentinels, to be matched with errors.Is; the table in the package
// documentation says what each means.
var (
	ErrFinal    = errors.New("the session was already saved")
	ErrConflict = errors.New("another request changed the same key")
	ErrRevoked  = errors.New("the session was ended")
	ErrRecord   = errors.New("the stored session cannot be read")
	ErrArgument = errors.New("argument not allowed")
)

// outage wraps an error of the store, or one of ours, with the operation.
func outage(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("session: %s: %w", op, err)
}

// argument is ErrArgument with a reason.
func argument(op, reason string) error {
	return fmt.Errorf("session: %s: %w: %s", op, ErrArgument, reason)
}

// absent reports whether err says that there is no record.
func absent(err error) bool { return errors.Is(err, tiered.ErrNotFound) }
