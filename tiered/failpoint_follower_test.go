//go:build failpoints && linux

package tiered_test

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stratakv/strata/tiered"
)

// TestFailpointStoppedFollower: a follower is stopped while it fills a page of
// L2. The others' writes to that page end, and their reads are right, after a
// takeover too; when it goes on, or is killed, L2 has the key again.
func TestFailpointStoppedFollower(t *testing.T) {
	for _, point := range []string{"l2mmap-locked", "l2mmap-changing"} {
		for name, end := range map[string]func(*guest){"goes on": (*guest).goOn, "is killed": (*guest).kill} {
			t.Run(point+" "+name, func(t *testing.T) { stoppedFollower(t, point, end) })
		}
	}
}

func stoppedFollower(t *testing.T, point string, end func(*guest)) {
	task := guestTask{Dir: t.TempDir() + "/store", Cold: true}
	task.Shared = task.Dir + "-shared"
	before := openIn(t, task.Dir, tiered.Options{L2Bytes: -1})
	mustSet(t, before, heldKey, "1", 0)
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	owner := startGuest(t, task, syscall.SysProcAttr{})
	owner.must("open")
	holder := startGuest(t, task, syscall.SysProcAttr{}, failpointEnv+"="+point+"=stop@1")
	holder.must("open")
	next := startGuest(t, task, syscall.SysProcAttr{})
	next.must("open")
	holder.tell("get", heldKey) // from the owner, and into L2
	if status := waitStopped(t, holder.cmd.Process.Pid); !status.Stopped() {
		t.Fatalf("%s was not hit, the child ended (%v)", point, status)
	}

	written := []string{"1"}
	write := func(g *guest) {
		t.Helper()
		value := fmt.Sprint(len(written) + 1)
		written = append(written, value)
		begun := time.Now()
		g.must("set", heldKey, value)
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("a write beside a stopped holder took %v", took)
		}
	}
	for _, g := range []*guest{owner, next, owner} {
		write(g)
		owner.want(heldKey, written[len(written)-1])
		next.want(heldKey, written[len(written)-1])
	}
	owner.kill()
	for range 3 {
		write(next)
		next.want(heldKey, written[len(written)-1])
	}
	if st := next.must("stats").Stats; st.Role != tiered.RoleOwner || !st.L2.Attached {
		t.Errorf("got role %v, L2 %+v, want an owner with L2", st.Role, st.L2)
	}

	end(holder)
	late := startGuest(t, task, syscall.SysProcAttr{})
	late.must("open")
	write(late)
	last := written[len(written)-1]
	readers := []*guest{next, late}
	if holder.cmd.ProcessState == nil {
		if got := holder.hear(); got.Err != "" || !slices.Contains(written, got.Value) {
			t.Errorf("the read that was stopped: got %+v, want a value that was written", got)
		}
		readers = append(readers, holder)
	}
	waitFor(t, "L2 hit", func() bool {
		a := next.must("get", heldKey)
		return a.Value == last && a.Tier == tiered.TierL2.String()
	})
	for _, g := range readers {
		g.want(heldKey, last)
	}
	write(next)
	for _, g := range readers {
		g.want(heldKey, written[len(written)-1])
	}
}
