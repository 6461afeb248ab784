package tiered

import "time"

// NewSystemClock is the system's clock over the readings of another host.
func NewSystemClock(run, boot func() time.Duration) Clock {
	c := &systemClock{run: run, boot: boot}
	c.compare()
	return c
}

// SystemClock is the system's own.
func SystemClock() Clock { return newSystemClock() }

// ComparingClock is the system's, with a comparison at each reading.
func ComparingClock() Clock {
	c := newSystemClock()
	run, ahead := c.run, time.Duration(0)
	c.run = func() time.Duration { ahead += 2 * recheck; return run() + ahead }
	return c
}

// BootCounts says whether this system has a clock that counts sleep.
const BootCounts = bootCounts

// The bounds of the system's clock.
const (
	Recheck = recheck
	MaxGap  = maxGap
)
