package tiered

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/stratakv/strata/tiered/tier"
)

const (
	// wallTolerance is how far the wall clock may differ from the store's clock
	// before the store's clock follows it.
	wallTolerance = 2 * time.Second
	// slewDivisor bounds the following: 1/10 of the time that passes.
	slewDivisor = 10
	// slewLead is the time from a plan's making to its first effect: in it the
	// plan becomes durable.
	slewLead = time.Second
	// maxBootIDBytes is what a stamp has room for.
	maxBootIDBytes = 255
)

// clock is the store's clock (P4): wall time at open, carried on by
// Clock.Boot. Its reading is a function of Clock.Boot alone, given by the last
// stamp; a wall clock that has stepped makes a new plan, not a new reading.
//
//  1. It never goes back, over reopenings in the same boot neither.
//  2. A wall clock that differs by more than wallTolerance is followed by
//     slewing, at most 10 % faster or slower than Boot.
//  3. After a reboot it is the later of wall time and the last stamp.
//  4. Where stamps are kept, a plan has its first effect a second after it was
//     made, and one that speeds the clock only if it is durable by then: whoever
//     opens the store after a kill computes the same readings as those that were
//     given, or, after a stall of the disk of more than a second, later ones.
//
// (Slewing by a rule that looks at the wall clock at each reading was rejected:
// what it did since the last stamp is lost by a kill, and the reopened clock
// was behind what readers had seen.)
type clock struct {
	host   tier.Clock
	bootID string
	kept   bool // stamps are kept: plans change by stamp and adopt alone

	mu       sync.Mutex // serialises changes of plan
	plan     atomic.Pointer[tier.Stamp]
	shared   atomic.Pointer[sharedPlan] // nil: the plan is this process's own
	replanAt atomic.Int64               // of Boot; where stamps are not kept, when the wall clock is looked at again
}

// replanEvery is how often the wall clock is looked at where stamps are not
// kept.
const replanEvery = 100 * time.Millisecond

// newClock gives a clock that is not to be read before carryOn or follow gave it
// a plan. Without kept it makes its further plans by itself.
func newClock(host tier.Clock, kept bool) *clock {
	c := &clock{host: host, bootID: host.BootID(), kept: kept}
	if len(c.bootID) > maxBootIDBytes {
		c.bootID = "" // a stamp has no room for it
	}
	return c
}

// carryOn makes the plan that of stamp, the last durable one: this process owns.
// It goes back behind nothing that was read here before. It reports whether the
// clock began anew, because stamp is of another boot.
func (c *clock) carryOn(stamp tier.Stamp) (anew bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	boot := c.host.Boot()
	if stamp.Store == 0 || stamp.BootID == "" || stamp.BootID != c.bootID {
		anew = stamp.Store != 0
		wall := max(c.host.Wall().UnixNano(), int64(time.Millisecond))
		stamp = tier.Stamp{Store: max(stamp.Store, wall), Boot: boot, BootID: c.bootID}
	}
	if old := c.plan.Load(); old != nil && reading(old, boot).Store > reading(&stamp, boot).Store {
		stamp = reading(old, boot)
	}
	c.shared.Store(nil)
	c.plan.Store(&stamp)
	return anew
}

// moment is a reading in unix milliseconds: ms is rounded down, for asking
// whether a deadline has come, and msUp rounded up, for making one that is not
// early.
type moment struct{ ms, msUp int64 }

// now is the store's time in unix milliseconds, rounded down.
func (c *clock) now() int64 { return c.nanos() / int64(time.Millisecond) }

func (c *clock) moment() moment {
	at := c.nanos()
	return moment{at / int64(time.Millisecond), (at + int64(time.Millisecond) - 1) / int64(time.Millisecond)}
}

// nanos is the store's time in unix nanoseconds.
func (c *clock) nanos() int64 {
	boot := c.host.Boot()
	if !c.kept && int64(boot) >= c.replanAt.Load() {
		c.stamp()
		c.replanAt.Store(int64(boot + replanEvery))
	}
	if shared := c.shared.Load(); shared != nil {
		c.look(shared, boot)
	}
	plan := c.plan.Load()
	if plan.Slew == 0 { // almost always
		return plan.Store + int64(max(boot-plan.Boot, 0))
	}
	return reading(plan, boot).Store
}

// stamp is the present reading with the plan for what follows, for keeping. A
// plan that slows the clock is taken at once: so no reading is ever ahead of
// what a durable stamp gives, and whoever opens the store next does not go back.
func (c *clock) stamp() tier.Stamp {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := reading(c.plan.Load(), c.host.Boot())
	lead := slewLead
	if !c.kept {
		lead = 0
	}
	s := c.replan(old, lead)
	if s.Slew < old.Slew || !c.kept {
		c.plan.Store(&s)
	}
	return s
}

// adopt makes s, which is durable now, the plan, after share has made it that of
// other processes, if there are any: one that speeds the clock has its effect
// there before it has it here. If it has become durable only after its first
// effect, which would be a jump, it is left alone, and a new stamp has to replace
// it at once: false.
func (c *clock) adopt(s tier.Stamp, share func(tier.Stamp)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	boot := c.host.Boot()
	if reading(&s, boot).Store > reading(c.plan.Load(), boot).Store {
		return false
	}
	if share != nil {
		share(s)
	}
	c.plan.Store(&s)
	return true
}

// reading is what a plan gives at boot, with what is left of its slewing. While it
// slews it is the reading of up to 9 ns before, where the slewing is a whole
// number: so a plan that goes on from a reading gives the same as the one before
// it.
func reading(from *tier.Stamp, boot time.Duration) tier.Stamp {
	plan := *from
	slewed := max(boot-max(plan.SlewFrom, plan.Boot), 0)
	most := slewed / slewDivisor
	step := min(max(plan.Slew, -most), most)
	if step != plan.Slew {
		boot -= slewed % slewDivisor
	}
	if boot <= plan.Boot {
		return plan
	}
	plan.Store += int64(boot - plan.Boot + step)
	plan.Boot = boot
	plan.Slew -= step
	return plan
}

// replan returns at with a new plan if the wall clock asks for one: it differs
// from what the plan in force leads to. Within lead the readings stay those of
// the plan in force; one that is slewing meanwhile is cut short first, and a
// later stamp makes the new plan.
func (c *clock) replan(at tier.Stamp, lead time.Duration) tier.Stamp {
	off := time.Duration(c.host.Wall().UnixNano() - at.Store)
	if (off - at.Slew).Abs() <= wallTolerance {
		return at
	}
	most := max(at.Boot+lead-max(at.SlewFrom, at.Boot), 0) / slewDivisor
	if at.Slew = min(max(at.Slew, -most), most); at.Slew == 0 {
		at.Slew, at.SlewFrom = off, at.Boot+lead
	}
	return at
}
