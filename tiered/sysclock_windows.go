package tiered

import (
	"time"

	"golang.org/x/sys/windows"
)

// bootCounts: there is a clock that counts sleep.
const bootCounts = true

// bootTime counts sleep too.
func bootTime(time.Time) time.Duration { return windows.DurationSinceBoot() }

// readBootID knows no name for a boot here: each opening counts as another one.
func readBootID() string { return "" }
