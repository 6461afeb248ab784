package tiered

import "time"

// NewSystemClock is the system's clock over the readings of another host.
func NewSystemClock(now func() (wall, run time.Duration), boot func() time.Duration) Clock {
	c := &systemClock{now: now, boot: boot}
	c.compare()
	return c
}

// BootCounts says whether this system has a clock that counts sleep.
const BootCounts = bootCounts
