package host

import (
	"sync"
	"time"

	"github.com/stratakv/strata/tiered"
)

// sleepAtLeast is the least jump of the wall clock that counts as a sleep.
const sleepAtLeast = 2 * time.Second

// clock is the host's time, counted from when it was made. Go's monotonic clock
// stands still on some systems while the host sleeps, and records must not live
// on for that long: a wall clock that jumps ahead of it counts as time passed.
// (A wall clock that is set ahead does so, too: nothing here can tell.)
type clock struct {
	now   func() (wall time.Time, run time.Duration)
	start time.Time

	mu    sync.Mutex    // guards slept
	slept time.Duration // by how much wall time is ahead of run since start, jumps alone
}

func newClock() tiered.Clock {
	start := time.Now()
	return newClockOf(func() (time.Time, time.Duration) { return time.Now(), time.Since(start) })
}

func newClockOf(now func() (time.Time, time.Duration)) *clock {
	wall, run := now()
	return &clock{now: now, start: wall.Round(0).Add(-run)}
}

func (c *clock) Wall() time.Time {
	wall, _ := c.now()
	return wall
}

func (c *clock) Boot() time.Duration {
	wall, run := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if ahead := wall.Round(0).Sub(c.start) - run; ahead-c.slept >= sleepAtLeast {
		c.slept = ahead
	}
	return run + c.slept
}

func (c *clock) BootID() string { return "" }
