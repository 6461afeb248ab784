package tiered_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stratakv/strata/tiered"
)

// TestPlaceStoppedTrustsOldWords (member, 1): a process that is stopped, with
// words that have been deleted since, keeps everybody from owning with others,
// until it can see to it itself, or is gone.
func TestPlaceStoppedTrustsOldWords(t *testing.T) {
	for _, c := range []struct {
		name string
		role tiered.Role // of who is stopped
		heal func(stopped *guest)
	}{
		{"goes on and owns", tiered.RoleAuto, (*guest).goOn},
		{"goes on and gives up", tiered.RoleFollower, (*guest).goOn},
		{"is killed", tiered.RoleAuto, (*guest).kill},
	} {
		t.Run(c.name, func(t *testing.T) {
			task := guestTask{Dir: t.TempDir() + "/store"}
			task.Shared = task.Dir + "-shared"
			owner := startGuest(t, task, syscall.SysProcAttr{})
			owner.must("open")
			trusting := task
			trusting.Role = c.role
			old := startGuest(t, trusting, syscall.SysProcAttr{})
			old.must("open")
			owner.must("set", "k", "1")
			old.want("k", "1")
			old.stop()
			if err := os.RemoveAll(task.Shared); err != nil {
				t.Fatal(err)
			}
			owner.must("set", "k", "2")
			owner.kill()
			late := startGuest(t, task, syscall.SysProcAttr{})
			if a := late.ask("open", "300ms"); a.Err == "" {
				t.Error("a new process owns with new words while a stopped one trusts the old")
				late.must("set", "k", "3")
				old.goOn()
				t.Fatalf("the stopped one read %q after 3 was written", old.must("get", "k").Value)
			} else if !a.Expired && !a.Locked {
				t.Errorf("got %q, want ErrLocked or the context's end", a.Err)
			}
			late.tell("open")
			c.heal(old)
			if a := late.hear(); a.Err != "" {
				t.Fatal(a.Err)
			}
			late.want("k", "2")
			late.must("set", "k", "3")
			late.want("k", "3")
			if c.name == "is killed" {
				return
			}
			old.want("k", "3")
			old.must("set", "k", "4")
			late.want("k", "4")
			if st := old.must("stats").Stats; (st.Role == tiered.RoleOwner) != (c.role == tiered.RoleAuto) {
				t.Errorf("who was stopped is %v", st.Role)
			}
		})
	}
}

// TestOpenSaysWhatItsPledgeLacks: a fault of MAPPED is one of the truth, by its
// kind, and nothing is left open.
func TestOpenSaysWhatItsPledgeLacks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	opts := &tiered.Options{SharedDir: dir + "-shared"}
	mapped := filepath.Join(dir, "MAPPED")
	if err := os.MkdirAll(mapped, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, fresh := range []bool{false, true} {
		opts.Fresh = fresh
		s, err := tiered.Open(dir, opts)
		if !errors.Is(err, tiered.ErrUnavailable) {
			t.Errorf("fresh %t: got %v, want ErrUnavailable", fresh, err)
		}
		if err == nil {
			_ = s.Close()
		}
	}
	if err := os.Remove(mapped); err != nil {
		t.Fatal(err)
	}
	s, err := tiered.Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
