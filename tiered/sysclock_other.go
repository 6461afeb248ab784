//go:build !linux && !darwin && !windows

package tiered

import "time"

// bootCounts: there is a clock that counts sleep.
const bootCounts = false

func bootTime(start time.Time) time.Duration { return time.Since(start) }

// readBootID knows no name for a boot here: each opening counts as another one.
func readBootID() string { return "" }
