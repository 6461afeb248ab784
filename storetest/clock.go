package storetest

import (
	"strconv"
	"sync"
	"time"
)

// Clock is a host's clock that is moved by hand, a tier.Clock. It is safe for
// concurrent use.
type Clock struct {
	mu   sync.Mutex // guards what follows
	wall time.Time
	boot time.Duration
	n    int // the boot's number
}

// NewClock gives a clock that stands at a whole millisecond.
func NewClock() *Clock {
	return &Clock{wall: time.UnixMilli(1_800_000_000_000), boot: time.Hour, n: 1}
}

// Wall is the wall clock.
func (c *Clock) Wall() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall
}

// Boot is the time since the host's boot.
func (c *Clock) Boot() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.boot
}

// BootID names the boot.
func (c *Clock) BootID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return "boot " + strconv.Itoa(c.n)
}

// Advance lets d pass on both clocks.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.boot = c.wall.Add(d), c.boot+d
}

// Step sets the wall clock forward by d, or back, while no time passes.
func (c *Clock) Step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall = c.wall.Add(d)
}

// Reboot starts another boot, whose wall clock stands d after the last one's.
func (c *Clock) Reboot(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.boot, c.n = c.wall.Add(d), time.Second, c.n+1
}
