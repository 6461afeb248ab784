//go:build !wasm

package tiered

import (
	"errors"
	"time"

	"github.com/stratakv/strata/l2mmap"
	"github.com/stratakv/strata/tiered/tier"
)

// sharedPlan is where a follower's clock finds its plan. All processes of a host
// read the same time, because they have one plan and one boot clock.
type sharedPlan struct {
	control *l2mmap.Control
	number  uint64 // of the writing that c.plan is
	// cut is the number of a writing that was met unfinished or damaged, and since
	// when; guarded by the clock's mu.
	cut   uint64
	since time.Duration
}

// maxUnwhole is how long a plan may stay half written: less than it takes from
// its making to its effect.
const maxUnwhole = slewLead / 2

// maxPlanStep is by how much a new plan may differ from the one before at the
// moment at which it is taken: plans join without a step, but for a process that
// was stopped when one had its effect.
const maxPlanStep = 10 * time.Second

var errOtherBoot = errors.New("the owner has another boot clock")

// follow makes the plan the owner's, as it is now, and as the owner changes it
// in control.
func (c *clock) follow(stamp tier.Stamp, control *l2mmap.Control) error {
	if stamp.BootID == "" || stamp.BootID != c.bootID {
		return errOtherBoot
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.join(stamp)
	c.shared.Store(&sharedPlan{control: control})
	return nil
}

// join makes plan the clock's. Where it is behind what was read here before, as
// one may be that slows the owner's clock and was long on its way, the clock
// stands still until plan has come that far. c.mu is held.
func (c *clock) join(plan tier.Stamp) {
	if old := c.plan.Load(); old != nil {
		boot := c.host.Boot()
		least := reading(old, boot).Store
		for behind := least - reading(&plan, boot).Store; behind > 0; behind = least - plan.Store {
			boot += time.Duration(behind)
			plan = reading(&plan, boot)
		}
	}
	c.plan.Store(&plan)
}

// watch takes the owner's plans from control again, after carryOn: this process
// owns no more, or did not come to it, and what it had attached stays.
func (c *clock) watch(control *l2mmap.Control) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shared.Store(&sharedPlan{control: control})
}

// look takes the shared plan if it is a new one. One that is more than
// maxPlanStep off, or stays damaged, is not believed, nor anything else that lies
// beside it: the plan of before goes on.
func (c *clock) look(shared *sharedPlan, boot time.Duration) {
	if shared.control.StampNumber() == shared.number {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	plan, number, whole := shared.control.SharedStamp()
	if c.shared.Load() != shared {
		return
	}
	if !whole {
		if shared.cut != number {
			shared.cut, shared.since = number, boot
		} else if boot-shared.since > maxUnwhole {
			c.unshare(shared)
		}
		return
	}
	plan.BootID = c.bootID
	if off := reading(&plan, boot).Store - reading(c.plan.Load(), boot).Store; time.Duration(off).Abs() > maxPlanStep {
		c.unshare(shared)
		return
	}
	c.join(plan)
	c.shared.Store(&sharedPlan{control: shared.control, number: number})
}

// unshare ends all trust in what lies beside the plan. c.mu is held.
func (c *clock) unshare(shared *sharedPlan) {
	shared.control.Distrust("its clock cannot be right")
	c.shared.Store(nil)
}
