package tiered

import (
	"time"

	"golang.org/x/sys/unix"
)

// bootCounts: there is a clock that counts sleep.
const bootCounts = true

// bootTime uses CLOCK_MONOTONIC, which on this system counts sleep too.
func bootTime(start time.Time) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return time.Since(start)
	}
	return time.Duration(ts.Nano())
}

func readBootID() string {
	var ts unix.Timespec
	id, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil || unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) != nil {
		return ""
	}
	return id
}
