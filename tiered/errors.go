package tiered

import (
	"errors"
	"fmt"

	"github.com/stratakv/strata/tiered/tier"
)

// The sentinels, to be matched with [errors.Is]. The table in the package
// documentation says what each means and whether a retry is safe.
var (
	ErrNotFound       = tier.ErrNotFound
	ErrClosed         = tier.ErrClosed
	ErrTTL            = tier.ErrTTL
	ErrTooLarge       = tier.ErrTooLarge
	ErrFull           = tier.ErrFull
	ErrVersion        = tier.ErrVersion
	ErrCorrupt        = tier.ErrCorrupt
	ErrUnknownOutcome = tier.ErrUnknownOutcome
	ErrUnavailable    = tier.ErrUnavailable
	ErrLocked         = tier.ErrLocked
)

// Keep and Remove are what an [UpdateFunc] returns as its error to leave the
// record as it is, or to delete it. They are orders, not faults, hence their
// names.
var (
	//lint:ignore ST1012 an order, not a fault
	Keep = errors.New("keep the record")
	//lint:ignore ST1012 an order, not a fault
	Remove = errors.New("remove the record")
)

// opError says which operation failed in which tier. It names neither keys nor
// values: both may be session tokens.
type opError struct {
	op   string
	tier Tier
	err  error
}

func (e *opError) Error() string {
	if e.tier == 0 {
		return fmt.Sprintf("strata: %s: %v", e.op, e.err)
	}
	return fmt.Sprintf("strata: %s: %s: %v", e.op, e.tier, e.err)
}

func (e *opError) Unwrap() error { return e.err }

// wrap gives err its operation and tier, once.
func wrap(op string, t Tier, err error) error {
	if err == nil {
		return nil
	}
	var done *opError
	if errors.As(err, &done) {
		return err
	}
	return &opError{op: op, tier: t, err: err}
}
