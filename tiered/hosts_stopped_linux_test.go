package tiered_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stratakv/strata/tiered"
)

// TestStoppedOwner: while the owner is stopped, and so alive, nobody takes its
// place; calls end by their context or the limit, each with the error that says
// what is known; L1 goes on; all heals when it goes on.
func TestStoppedOwner(t *testing.T) {
	t.Parallel() // it waits for limits to pass
	r := newHostsRun(t, 1)
	owner := r.start()
	waitFor(t, "an owner", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.owner == owner.id
	})
	defer r.end(owner, syscall.SIGKILL)
	s, err := tiered.Open(r.dir, &tiered.Options{SharedDir: r.dir + "-shared"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	if err := s.Set(ctx, "mine", []byte("before"), 0); err != nil {
		t.Fatal(err)
	}
	if got := s.Stats().Role; got != tiered.RoleFollower {
		t.Fatalf("got role %v, want follower", got)
	}
	if err := owner.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "stop of all its threads", func() bool { return threadsStopped(t, owner.cmd.Process.Pid) })
	if got, err := s.Get(ctx, "mine"); err != nil || string(got) != "before" {
		t.Errorf("an L1 hit: got %q, %v", got, err)
	}
	calls := map[string]struct {
		call func(context.Context) error
		want error
	}{
		"read":  {func(ctx context.Context) error { _, err := s.Get(ctx, "absent"); return err }, tiered.ErrUnavailable},
		"write": {func(ctx context.Context) error { return s.Set(ctx, "mine", []byte("late"), 0) }, tiered.ErrUnknownOutcome},
	}
	for name, c := range calls {
		short, cancel := context.WithTimeout(ctx, time.Second)
		err := c.call(short)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, tiered.ErrUnknownOutcome) != (name == "write") {
			t.Errorf("%s until its context ended: got %v", name, err)
		}
	}
	if !testing.Short() {
		var wg sync.WaitGroup
		for name, c := range calls {
			wg.Go(func() {
				begun := time.Now()
				if err := c.call(ctx); !errors.Is(err, c.want) {
					t.Errorf("%s until the limit: got %v, want %v", name, err, c.want)
				}
				if took := time.Since(begun); took < 4*time.Second || took > 10*time.Second {
					t.Errorf("%s took %v, want about 5 s", name, took)
				}
			})
		}
		wg.Wait()
	}
	if st := s.Stats(); st.Role != tiered.RoleFollower {
		t.Errorf("beside a stopped owner: got role %v", st.Role)
	}
	if err := owner.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "healing", func() bool { return s.Set(ctx, "mine", []byte("after"), 0) == nil })
	if got, err := s.Get(ctx, "mine"); err != nil || string(got) != "after" {
		t.Errorf("healed: got %q, %v", got, err)
	}
}

// threadsStopped: a signal takes effect when each thread meets it.
func threadsStopped(t *testing.T, pid int) bool {
	t.Helper()
	stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(stats) == 0 {
		t.Fatalf("no threads: %v", err)
	}
	for _, name := range stats {
		stat, err := os.ReadFile(name)
		_, state, _ := strings.Cut(string(stat), ") ")
		if err != nil || !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return true
}

// waitFor polls until cond holds.
func waitFor(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for begun := time.Now(); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("no %s within 20 s", what)
		}
	}
}
