package tiered_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
)

// sleeper is a host that can sleep.
type sleeper struct {
	run, boot time.Duration
	asked     int    // how often the boot clock was read
	between   func() // the time that passes before each reading
}

func (h *sleeper) pass(d time.Duration) { h.run, h.boot = h.run+d, h.boot+d }

func (h *sleeper) sleep(d time.Duration) { h.boot += d }

func (h *sleeper) clock(t *testing.T) tiered.Clock {
	if !tiered.BootCounts {
		t.Skip("this system has no clock that counts sleep")
	}
	if h.between == nil {
		h.between = func() {}
	}
	return tiered.NewSystemClock(
		func() time.Duration { h.between(); return h.run },
		func() time.Duration { h.asked++; h.between(); return h.boot })
}

// A sleep is counted by the first reading before and after which the host ran for
// more than the bound, and by every one after that (invariants 3 and 4): what
// died meanwhile is dead.
func TestSleepIsCounted(t *testing.T) {
	const bound = time.Millisecond // P4: the promise is in milliseconds
	for _, step := range []struct {
		what   string
		before time.Duration // from the last comparison to the sleep
		sleep  time.Duration
		after  time.Duration // from waking to the reading
		missed bool          // may be counted later
	}{
		{what: "a suspension", before: 5 * time.Millisecond, sleep: time.Hour, after: 5 * time.Millisecond},
		{what: "a suspension after a long run", before: time.Minute, sleep: time.Hour, after: time.Microsecond},
		{what: "a short one", before: 700 * time.Microsecond, sleep: 2 * time.Millisecond, after: 301 * time.Microsecond},
		{what: "at once behind a comparison", before: 0, sleep: time.Hour, after: bound + 1},
		{what: "just before its end", before: bound, sleep: time.Hour, after: 1},
		{what: "within the bound", before: 300 * time.Microsecond, sleep: time.Hour, after: 300 * time.Microsecond, missed: true},
	} {
		h := &sleeper{run: time.Second, boot: time.Minute}
		c := h.clock(t) // compares
		h.pass(step.before)
		h.sleep(step.sleep)
		h.pass(step.after)
		got := c.Boot()
		switch {
		case step.missed && got == h.boot-step.sleep: // that is what the bound allows
		case got != h.boot:
			t.Errorf("%s: got %v, want %v", step.what, got, h.boot)
		case step.missed:
			t.Errorf("%s: counted, though the boot clock was not to be read", step.what)
		}
		h.pass(bound + 1 - min(step.before+step.after, bound))
		if got := c.Boot(); got != h.boot {
			t.Errorf("%s, at the bound: got %v, want %v", step.what, got, h.boot)
		}
	}
}

// The boot clock is read about once a millisecond, however often Boot is.
func TestBootClockIsReadSeldom(t *testing.T) {
	h := &sleeper{boot: time.Minute}
	c := h.clock(t)
	for range 100_000 {
		h.pass(time.Microsecond)
		if got := c.Boot(); got != h.boot {
			t.Fatalf("got %v, want %v", got, h.boot)
		}
	}
	if h.asked > 101 {
		t.Errorf("the boot clock was read %d times in 100 ms, want at most 101", h.asked)
	}
}

// The store's clock counts a sleep as the kernel brings it about.
func TestStoreClockCountsSleep(t *testing.T) {
	h := &sleeper{run: time.Second, boot: time.Minute}
	c := tiered.NewStoreClock(h.clock(t), tier.Stamp{}, true)
	start := c.Now()
	h.pass(600 * time.Microsecond) // the devices are suspended
	h.sleep(time.Hour)
	h.pass(600 * time.Microsecond) // and resumed
	if passed := c.Now() - start; passed < 3_600_001 || passed > 3_600_002 {
		t.Errorf("got %d ms, want an hour and 1.2 ms", passed)
	}
}

// A reading is of a moment between its call and its end, whatever comes between
// its parts, and none is before an earlier one (invariants 1 and 2). A sleep that
// is not counted yet is younger than the bound.
func TestBootIsOfItsMoment(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	h := &sleeper{run: time.Hour, boot: time.Hour + time.Minute}
	type sleep struct{ at, long time.Duration } // at: of run
	var young []sleep
	h.between = func() {
		h.pass(time.Duration(rng.Int64N(100)))
		switch rng.IntN(50) {
		case 0:
			s := sleep{h.run, time.Duration(rng.Int64N(int64(time.Hour))) + time.Millisecond}
			h.sleep(s.long)
			young = append(young, s)
			h.pass(time.Duration(rng.Int64N(int64(80 * time.Microsecond))))
		case 1:
			h.pass(time.Duration(rng.Int64N(int64(20 * time.Millisecond)))) // the reader was not running
		case 2:
			h.pass(time.Duration(rng.Int64N(int64(200 * time.Microsecond))))
		}
	}
	c := h.clock(t)
	var last time.Duration
	for range 200_000 {
		before, run := h.boot, h.run
		var uncounted time.Duration
		for len(young) > 0 && run-young[0].at > tiered.Recheck {
			young = young[1:]
		}
		for _, s := range young {
			uncounted += s.long
		}
		got := c.Boot()
		if got < before-uncounted-tiered.MaxGap || got > h.boot || got < last {
			t.Fatalf("got %v, want within %v and %v, and not before %v", got, before-uncounted, h.boot, last)
		}
		last = got
	}
}

// No reading goes back behind one that ended before it began, in whichever
// goroutine.
func TestBootNeverGoesBackBetweenGoroutines(t *testing.T) {
	c := tiered.SystemClock()
	var mu sync.Mutex
	var latest time.Duration
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50_000 {
				mu.Lock()
				before := latest
				mu.Unlock()
				got := c.Boot()
				mu.Lock()
				latest = max(latest, got)
				mu.Unlock()
				if got < before {
					t.Errorf("got %v, after %v was read", got, before)
					return
				}
			}
		})
	}
	all.Wait()
}

func TestReadingTheTimeAllocatesNothing(t *testing.T) {
	for _, c := range []tiered.Clock{tiered.SystemClock(), tiered.ComparingClock()} {
		s := tiered.NewStoreClock(c, tier.Stamp{}, true)
		if n := testing.AllocsPerRun(1000, func() { s.Now() }); n != 0 {
			t.Errorf("got %v allocations a reading, want 0", n)
		}
	}
}
