package tiered

import (
	"sync/atomic"
	"time"
)

// systemClock is the host's own time. On systems without a boot clock Boot
// counts from start.
type systemClock struct {
	start  time.Time // with a monotonic reading
	bootID string
	// offset is what is added to the time since start to give Boot, in
	// nanoseconds. It only grows, when the host has slept. checked is when it
	// was last compared. Both are written by whoever finds checked old.
	offset, checked atomic.Int64
}

// recheck is the age from which on offset is compared with the boot clock
// again: a system call, where the rest of Boot is none. So for this long after
// the host has slept Boot may not have noticed.
const recheck = 10 * time.Millisecond

func newSystemClock() *systemClock {
	c := &systemClock{start: time.Now(), bootID: readBootID()}
	c.compare()
	return c
}

func (c *systemClock) Wall() time.Time { return time.Now() }

func (c *systemClock) BootID() string { return c.bootID }

func (c *systemClock) Boot() time.Duration {
	run := time.Since(c.start)
	if run-time.Duration(c.checked.Load()) > recheck {
		run = c.compare()
	}
	return run + time.Duration(c.offset.Load())
}

// compare brings offset up to date and returns the time since start. It rounds
// offset down, by the time between the two readings, so that Boot never goes
// back.
func (c *systemClock) compare() time.Duration {
	boot := bootTime(c.start)
	run := time.Since(c.start)
	c.checked.Store(int64(run))
	for {
		old := c.offset.Load()
		if old >= int64(boot-run) || c.offset.CompareAndSwap(old, int64(boot-run)) {
			return run
		}
	}
}
