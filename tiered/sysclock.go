package tiered

import (
	"sync/atomic"
	"time"
)

// systemClock is the host's own time. On systems without a boot clock Boot
// counts from the opening.
//
// The boot clock is a system call, which most readings of Boot do without: they
// read the monotonic clock, and add what a comparison with the boot clock, a
// millisecond ago at most, found it to be behind.
//
//  1. Boot never goes back, and is never ahead of the boot clock.
//  2. A reading is the boot clock's at a moment within the call, or behind that
//     by what lay between the two readings of a comparison, maxGap at most; but
//     for a sleep that is not counted yet.
//  3. The monotonic clock stands while the host sleeps. A sleep is counted by
//     every reading for which the monotonic clock has gone on by more than
//     recheck since the last comparison before the sleep; so within recheck of
//     the waking, whatever the wall clock says and however long the sleep was.
//  4. A reading after a suspension of the host counts it at once: the kernel
//     freezes all processes before it suspends the devices, and thaws them when
//     those are back. The monotonic clock goes on in both, for far longer than
//     recheck; it also goes on for a process that is stopped, alone or with its
//     container.
//
// What is read is a sum of two numbers that need not be of the same comparison:
// offset only grows, and is read last.
//
// (To find a sleep by the wall clock, which goes on meanwhile, was rejected: to
// read it too takes as long as all the rest of an L1 hit's reading of the time.)
type systemClock struct {
	run    func() time.Duration // the monotonic clock, since the opening
	boot   func() time.Duration
	bootID string

	// offset is what is added to run to give Boot, in nanoseconds. checked is run
	// as it was when the last comparison began. Whoever compares writes both,
	// offset first.
	offset, checked atomic.Int64
}

const (
	// recheck is the age from which on a comparison is made anew. Deadlines are
	// in milliseconds; a comparison a millisecond costs less than a thousandth of
	// the time.
	recheck = time.Millisecond
	// maxGap is how long a comparison may take that counts as one.
	maxGap = 100 * time.Microsecond
)

func newSystemClock() *systemClock {
	start := time.Now() // with a monotonic reading
	c := &systemClock{
		run:    func() time.Duration { return time.Since(start) },
		boot:   func() time.Duration { return bootTime(start) },
		bootID: readBootID(),
	}
	c.checked.Store(int64(-recheck - 1)) // should this comparison not count
	c.compare()
	return c
}

func (c *systemClock) Wall() time.Time { return time.Now() }

func (c *systemClock) BootID() string { return c.bootID }

func (c *systemClock) Boot() time.Duration {
	run := c.run()
	if bootCounts && run-time.Duration(c.checked.Load()) > recheck {
		run = c.compare()
	}
	return run + time.Duration(c.offset.Load())
}

// compare brings offset up to date and returns the time since the opening that
// belongs to it. It rounds offset down, by the time between the readings; if that
// was long, the next reading compares again. The comparison's age counts from
// before the boot clock was read, so that a sleep that begins behind that is not
// missed.
func (c *systemClock) compare() time.Duration {
	before := c.run()
	boot := c.boot()
	run := c.run()
	for {
		old := c.offset.Load()
		if old >= int64(boot-run) || c.offset.CompareAndSwap(old, int64(boot-run)) {
			break
		}
	}
	if run-before <= maxGap {
		c.checked.Store(int64(before))
	}
	return run
}
