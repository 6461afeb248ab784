package tiered_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
)

func wantNow(t *testing.T, c tiered.StoreClock, want int64, why string) {
	t.Helper()
	if got := c.Now(); got != want {
		t.Fatalf("%s: got %d, want %d (off by %d ms)", why, got, want, got-want)
	}
}

// keep is what a store does with its clock at each group.
func keep(c tiered.StoreClock) tier.Stamp {
	s := c.Stamp()
	c.Adopt(s, nil)
	return s
}

func TestClockCarriedOnByBoot(t *testing.T) {
	host := storetest.NewClock()
	c := tiered.NewStoreClock(host, tier.Stamp{}, true)
	start := host.Wall().UnixMilli()
	wantNow(t, c, start, "at open")
	host.Advance(1500 * time.Microsecond)
	wantNow(t, c, start+1, "after 1.5 ms")
	host.Advance(time.Hour)
	wantNow(t, c, start+3_600_001, "after an hour")
}

func TestClockIgnoresSmallSteps(t *testing.T) {
	for _, kept := range []bool{true, false} {
		host := storetest.NewClock()
		c := tiered.NewStoreClock(host, tier.Stamp{}, kept)
		start := host.Wall().UnixMilli()
		host.Step(-2 * time.Second)
		keep(c)
		host.Advance(time.Minute)
		wantNow(t, c, start+60_000, "a step of 2 s is not followed")
	}
}

func TestClockSlewsAfterSteps(t *testing.T) {
	for _, step := range []time.Duration{time.Hour, -time.Hour, 2001 * time.Millisecond, -2001 * time.Millisecond} {
		for _, kept := range []bool{true, false} {
			host := storetest.NewClock()
			c := tiered.NewStoreClock(host, tier.Stamp{}, kept)
			start := c.Now()
			host.Step(step)
			wantNow(t, c, start, "a step shows nothing at once")
			if kept {
				host.Advance(10 * time.Second)
				wantNow(t, c, start+10_000, "nor before a plan is kept")
				keep(c)
				host.Advance(time.Second)
				wantNow(t, c, start+11_000, "nor while the plan becomes durable")
				start = c.Now()
			} else { // it looks at the wall clock now and then
				host.Advance(time.Second)
				start = c.Now()
			}
			host.Advance(10 * time.Second)
			gained := min(int64(1000), step.Abs().Milliseconds())
			if step < 0 {
				gained = -gained
			}
			wantNow(t, c, start+10_000+gained, "slewed by a tenth after "+step.String())
			for range 12 * 60 {
				host.Advance(time.Minute)
				keep(c)
			}
			wantNow(t, c, host.Wall().UnixMilli(), "caught up after "+step.String())
		}
	}
}

// Reopened after a kill, the clock gives what it would have given: a kill
// forgets all plans that were not durable.
func TestClockNeverGoesBack(t *testing.T) {
	for _, kept := range []bool{true, false} {
		seed := rand.Uint64()
		t.Logf("seed %d, kept %v", seed, kept)
		rng := rand.New(rand.NewPCG(seed, 1))
		host := storetest.NewClock()
		c := tiered.NewStoreClock(host, tier.Stamp{}, kept)
		durable := keep(c)
		last, boot := c.Now(), host.Boot()
		for range 50_000 {
			switch rng.IntN(10) {
			case 0:
				host.Step(time.Duration(rng.Int64N(int64(2*time.Hour))) - time.Hour)
			case 1:
				if kept {
					c = tiered.NewStoreClock(host, durable, true)
				}
			case 2:
				if kept {
					s := c.Stamp()
					host.Advance(time.Duration(rng.Int64N(int64(time.Second)))) // the fsync
					durable = s
					c.Adopt(s, nil)
				}
			default:
				host.Advance(time.Duration(rng.Int64N(int64(time.Second))))
			}
			now := c.Now()
			passed := (host.Boot() - boot).Milliseconds()
			if now < last {
				t.Fatalf("went back from %d to %d", last, now)
			}
			if now-last > passed+passed/10+2 || now-last < passed-passed/10-2 {
				t.Fatalf("went %d ms ahead while %d ms passed", now-last, passed)
			}
			last, boot = now, host.Boot()
		}
	}
}

// A disk that stalls makes plans late. Then the clock neither jumps nor, after a
// kill, goes back, whether the stamp has reached the disk or not.
func TestClockLatePlans(t *testing.T) {
	for _, step := range []time.Duration{time.Hour, -time.Hour} {
		host := storetest.NewClock()
		c := tiered.NewStoreClock(host, tier.Stamp{}, true)
		before := keep(c)
		host.Step(step)
		late := c.Stamp()
		host.Advance(time.Minute)
		seen := c.Now()
		adopted := c.Adopt(late, nil)
		wantNow(t, c, seen, "no jump after "+step.String())
		if want := step < 0; adopted != want {
			t.Errorf("step %v: adopted %v, want %v", step, adopted, want)
		}
		for _, stamp := range []tier.Stamp{before, late} {
			if now := tiered.NewStoreClock(host, stamp, true).Now(); now < seen {
				t.Errorf("step %v: reopened %d ms behind what was read", step, seen-now)
			}
		}
	}
}

func TestClockOverReopening(t *testing.T) {
	open := func(host tier.Clock, stamp tier.Stamp) tiered.StoreClock {
		return tiered.NewStoreClock(host, stamp, true)
	}
	t.Run("same boot, wall gone back", func(t *testing.T) {
		host := storetest.NewClock()
		c := open(host, tier.Stamp{})
		host.Advance(1234567 * time.Nanosecond)
		start, stamp := c.Now(), c.Stamp()
		host.Advance(time.Minute)
		host.Step(-time.Hour)
		wantNow(t, open(host, stamp), start+60_000, "carried on exactly")
	})
	t.Run("same boot, no fraction lost", func(t *testing.T) {
		host := storetest.NewClock()
		c := open(host, tier.Stamp{})
		host.Advance(999 * time.Microsecond)
		stamp := c.Stamp()
		host.Advance(time.Microsecond)
		wantNow(t, open(host, stamp), c.Now(), "to the millisecond")
	})
	t.Run("same boot, amid slewing", func(t *testing.T) {
		host := storetest.NewClock()
		c := open(host, tier.Stamp{})
		host.Step(time.Minute)
		stamp := keep(c)
		host.Advance(100 * time.Second)
		wantNow(t, open(host, stamp), c.Now(), "the plan is part of the stamp")
	})
	t.Run("other boot, wall ahead", func(t *testing.T) {
		host := storetest.NewClock()
		stamp := open(host, tier.Stamp{}).Stamp()
		host.Reboot(time.Hour)
		wantNow(t, open(host, stamp), host.Wall().UnixMilli(), "wall time")
	})
	t.Run("other boot, wall gone back", func(t *testing.T) {
		host := storetest.NewClock()
		stamp := open(host, tier.Stamp{}).Stamp()
		host.Reboot(-time.Hour)
		wantNow(t, open(host, stamp), stamp.Store/int64(time.Millisecond), "the last kept time")
	})
	t.Run("unknown boots are other boots", func(t *testing.T) {
		host := nameless{storetest.NewClock()}
		stamp := open(host, tier.Stamp{}).Stamp()
		host.Advance(time.Minute)
		host.Step(-time.Hour)
		wantNow(t, open(host, stamp), stamp.Store/int64(time.Millisecond), "the last kept time")
	})
}

// nameless is a host that has no name for its boots.
type nameless struct{ *storetest.Clock }

func (nameless) BootID() string { return "" }
