package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/stratakv/strata/tiered/tier"
)

// crossing are the errors that callers branch on, in the order of their bits on
// the wire. New ones go to the end.
func crossing() []error {
	return []error{
		tier.ErrNotFound, tier.ErrClosed, tier.ErrTTL, tier.ErrTooLarge, tier.ErrFull, tier.ErrVersion,
		tier.ErrCorrupt, tier.ErrUnknownOutcome, tier.ErrUnavailable, tier.ErrLocked,
		context.Canceled, context.DeadlineExceeded,
	}
}

// maxText bounds the text of an error on the wire, in bytes.
const maxText = 1 << 10

// remoteError is an error of the owner as its follower shows it: the same text,
// and errors.Is says the same of it.
type remoteError struct {
	text string
	is   []error
}

func (e *remoteError) Error() string   { return e.text }
func (e *remoteError) Unwrap() []error { return e.is }

// error appends err; nil is one byte.
func (e *encoder) error(err error) {
	if err == nil {
		e.uint(0)
		return
	}
	mask := uint64(1)
	for i, sentinel := range crossing() {
		if errors.Is(err, sentinel) {
			mask |= 2 << i
		}
	}
	e.uint(mask)
	text := err.Error()
	e.string(text[:min(len(text), maxText)])
}

// error reads what encoder.error wrote. Bits of a later version are left out.
func (d *decoder) error() error {
	mask := d.uint()
	if mask == 0 {
		return nil
	}
	text := d.string()
	var is []error
	for i, sentinel := range crossing() {
		if mask&(2<<i) == 0 {
			continue
		}
		if mask == 1|2<<i && text == sentinel.Error() {
			return sentinel
		}
		is = append(is, sentinel)
	}
	return &remoteError{text, is}
}

// unknown is the error of a write that was sent and whose answer nobody waits
// for any more, because of cause.
func unknown(cause error) error { return fmt.Errorf("%w: %w", tier.ErrUnknownOutcome, cause) }

// unavailable is the error of a call that nothing was done for, because of cause.
func unavailable(cause error) error { return fmt.Errorf("%w: %w", tier.ErrUnavailable, cause) }
