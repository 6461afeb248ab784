package tier

import "time"

// Clock is the host's time as the store's own clock needs it. Implementations
// are safe for concurrent use.
type Clock interface {
	// Wall is the wall clock; it may step in either direction.
	Wall() time.Time
	// Boot is the time since the host's boot, sleep included; it never goes back.
	Boot() time.Duration
	// BootID names the boot that Boot counts from; "" if unknown, which equals
	// no other boot.
	BootID() string
}

// Stamp ties the store's clock to the host's: at Boot it showed Store, and it
// goes on from there by a plan that Stamp holds whole, so that a reopened store
// carries its clock on exactly. It is kept with each group.
type Stamp struct {
	Store  int64         // the store's clock, unix nanoseconds; 0: no stamp
	Boot   time.Duration // Clock.Boot at that moment
	BootID string        // Clock.BootID, at most 255 bytes
	// Slew is by how much the store's clock is still to be moved, a tenth of
	// the time that passes from SlewFrom (of Clock.Boot) on.
	Slew     time.Duration
	SlewFrom time.Duration
}
