package tiered

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// bootCounts: there is a clock that counts sleep.
const bootCounts = true

func bootTime(start time.Time) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return time.Since(start)
	}
	return time.Duration(ts.Nano())
}

func readBootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	var ts unix.Timespec
	if err != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}
