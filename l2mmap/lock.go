//go:build !wasm

package l2mmap

import (
	"runtime"
	"time"
)

const (
	// writeLimit is how long a Put or Remove waits for a page: its holder is
	// stopped then, or dead and about to be found out.
	writeLimit = time.Millisecond
	// fillLimit is how long a Fill waits: it is not needed.
	fillLimit = 50 * time.Microsecond

	// spins and yields come before sleeping; a page is held for microseconds.
	spins  = 64
	yields = 128
	nap    = 50 * time.Microsecond
	// firstProbe is when the holder is first asked whether it lives; the next
	// time is after twice as long.
	firstProbe = 30 * time.Microsecond
)

// lockPage takes the lock of p within limit (0: at once or not at all), and
// resets the page if its holder died or if it is damaged. The wait is measured
// by the monotonic clock of the process: it has nothing to do with deadlines.
func (c *Cache) lockPage(p *page, n int, limit time.Duration) error {
	me := c.control.holder
	if p.m.swap(atLock, 0, me) {
		p.held = true
		c.settle(p, n, false)
		return nil
	}
	if limit == 0 {
		return ErrLockedPage
	}
	c.count(n).waits.Add(1)
	start, probe := time.Now(), firstProbe
	for i := 0; ; i++ {
		holder := p.m.load(atLock)
		if holder == 0 {
			if p.m.swap(atLock, 0, me) {
				p.held = true
				c.settle(p, n, false)
				return nil
			}
			continue
		}
		if i < spins {
			continue
		}
		waited := time.Since(start)
		if waited >= probe {
			probe *= 2
			if c.takeOver(p, holder) {
				c.settle(p, n, true)
				return nil
			}
		}
		if waited >= limit {
			return ErrLockedPage
		}
		if i < spins+yields {
			runtime.Gosched()
		} else {
			time.Sleep(nap)
		}
	}
}

// takeOver takes p's lock from a holder that is dead.
func (c *Cache) takeOver(p *page, holder uint64) bool {
	release, dead := c.control.dead(holder)
	if !dead {
		return false
	}
	defer release()
	p.held = p.m.swap(atLock, holder, c.control.holder)
	return p.held
}

// settle makes a page that was just locked usable: what a dead holder or
// damage left behind is dropped.
func (c *Cache) settle(p *page, n int, died bool) {
	if !died && p.sound() {
		return
	}
	if died || p.m.load(atMagic) != 0 {
		c.count(n).resets.Add(1)
	}
	p.reset()
}

// unlockPage publishes the change and frees the lock. A lock that is not ours
// any more was overwritten from outside: another may have been in the page at
// the same time, so nothing in it is trusted.
func (c *Cache) unlockPage(p *page, n int) {
	if p.m.load(atLock) != c.control.holder {
		c.count(n).resets.Add(1)
		p.reset()
	}
	p.end()
	p.held = false
	p.m.swap(atLock, c.control.holder, 0)
	if p.evicted+p.expired > 0 {
		c.count(n).evictions.Add(uint64(p.evicted))
		c.count(n).expired.Add(uint64(p.expired))
	}
}
