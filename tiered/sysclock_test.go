package tiered_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stratakv/strata/tiered"
)

// sleeper is a host that can sleep.
type sleeper struct {
	wall, run, boot time.Duration
	between         func() // the time that passes before each reading
}

func (h *sleeper) pass(d time.Duration) { h.wall, h.run, h.boot = h.wall+d, h.run+d, h.boot+d }

func (h *sleeper) sleep(d time.Duration) { h.wall, h.boot = h.wall+d, h.boot+d }

func (h *sleeper) clock(t *testing.T) tiered.Clock {
	if !tiered.BootCounts {
		t.Skip("this system has no clock that counts sleep")
	}
	if h.between == nil {
		h.between = func() {}
	}
	return tiered.NewSystemClock(
		func() (wall, run time.Duration) { h.between(); return h.wall, h.run },
		func() time.Duration { h.between(); return h.boot })
}

// The first reading after the host has slept must count the sleep (P4): what
// died meanwhile is dead.
func TestSleepIsCountedAtOnce(t *testing.T) {
	h := &sleeper{wall: time.Hour, boot: time.Minute}
	c := h.clock(t)
	for _, step := range []struct {
		what  string
		sleep time.Duration
		set   time.Duration // of the wall clock, on waking
		ran   time.Duration // since waking
	}{
		{"asleep for an hour", time.Hour, 0, time.Microsecond},
		{"asleep for 2 ms", 2 * time.Millisecond, 0, 0},
		{"the wall clock set forth", time.Second, time.Hour, 0},
		{"the wall clock set back", time.Second, -time.Hour, 0},
		{"awake, the wall clock set back", 0, -time.Hour, time.Second},
		{"the wall clock set back by the sleep", time.Second, -time.Second, 10*time.Millisecond + 1},
	} {
		h.pass(time.Millisecond)
		if got := c.Boot(); got != h.boot {
			t.Fatalf("before %s: got %v, want %v", step.what, got, h.boot)
		}
		h.sleep(step.sleep)
		h.wall += step.set
		h.pass(step.ran)
		if got := c.Boot(); got != h.boot {
			t.Errorf("%s: got %v, want %v", step.what, got, h.boot)
		}
	}
}

// A reading is of a moment between its call and its end, whatever comes between
// its parts, and none is before an earlier one.
func TestBootIsOfItsMoment(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	h := &sleeper{wall: time.Hour, boot: time.Minute}
	h.between = func() {
		h.pass(time.Duration(rng.Int64N(100)))
		switch rng.IntN(50) {
		case 0:
			h.sleep(time.Duration(rng.Int64N(int64(time.Hour))) + time.Millisecond)
		case 1:
			h.wall += time.Duration(rng.Int64N(int64(time.Hour))) - time.Hour/2
		case 2:
			h.pass(time.Duration(rng.Int64N(int64(20 * time.Millisecond)))) // the reader was not running
		}
	}
	c := h.clock(t)
	var last time.Duration
	for range 200_000 {
		before := h.boot
		got := c.Boot()
		// The offset is rounded down by at most what was tolerated.
		if got < before-100*time.Microsecond || got > h.boot || got < last {
			t.Fatalf("got %v, want within %v and %v and not before %v", got, before, h.boot, last)
		}
		last = got
	}
}
