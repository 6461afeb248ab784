package tiered

import (
	"sync/atomic"
	"time"
)

// systemClock is the host's own time. On systems without a boot clock Boot
// counts from the opening.
//
// The boot clock is a system call, which most readings of Boot do without: it
// is the monotonic clock and an offset that grows when the host has slept.
// While it sleeps the wall clock goes on and the monotonic clock stands, so
// that the first reading afterwards finds the two further apart, and asks the
// boot clock. (To ask it every 10 ms alone was rejected: for so long after
// waking, records lived that had died meanwhile.)
type systemClock struct {
	now    func() (wall, run time.Duration) // wall: unix time; run: of the monotonic clock, since the opening
	boot   func() time.Duration
	bootID string

	// offset is what is added to run to give Boot, in nanoseconds; it only
	// grows. apart and checked are wall-run, and run, when it was last compared.
	// All are written by whoever compares, offset first.
	offset, apart, checked atomic.Int64
}

const (
	// recheck is the age from which on offset is compared in any case: the wall
	// clock may have been set back by just the time that the host has slept.
	recheck = 10 * time.Millisecond
	// slept is how much further apart wall and monotonic clock must be. What
	// comes between reading the one and the other is less, or costs a comparison.
	slept = 100 * time.Microsecond
)

func newSystemClock() *systemClock {
	start := time.Now() // with a monotonic reading
	c := &systemClock{
		now: func() (wall, run time.Duration) {
			now := time.Now()
			return time.Duration(now.UnixNano()), now.Sub(start)
		},
		boot:   func() time.Duration { return bootTime(start) },
		bootID: readBootID(),
	}
	c.compare()
	return c
}

func (c *systemClock) Wall() time.Time { return time.Now() }

func (c *systemClock) BootID() string { return c.bootID }

func (c *systemClock) Boot() time.Duration {
	wall, run := c.now()
	apart := wall - run - time.Duration(c.apart.Load())
	if bootCounts && (apart.Abs() > slept || run-time.Duration(c.checked.Load()) > recheck) {
		run = c.compare()
	}
	return run + time.Duration(c.offset.Load())
}

// compare brings offset up to date and returns the time since the opening that
// belongs to it. It rounds offset down, by the time between the readings, so that
// Boot never goes back; if that was long, the next reading compares again. What
// it says of the wall clock is from before, so that a sleep that begins meanwhile
// is not missed.
func (c *systemClock) compare() time.Duration {
	wall, before := c.now()
	boot := c.boot()
	_, run := c.now()
	for {
		old := c.offset.Load()
		if old >= int64(boot-run) || c.offset.CompareAndSwap(old, int64(boot-run)) {
			break
		}
	}
	if run-before <= slept {
		c.apart.Store(int64(wall - before))
		c.checked.Store(int64(before))
	}
	return run
}
