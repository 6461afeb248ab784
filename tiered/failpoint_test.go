//go:build failpoints && linux

package tiered_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stratakv/strata/tiered"
)

// The crash campaign with the kills at named points of the code: a child kills
// itself where STRATA_FAILPOINT says, and the store is judged as TestCrash
// judges it. A child that never came to its point is a failure.

const (
	failpointEnv      = "STRATA_FAILPOINT"
	failpointKillsEnv = "STRATA_FAILPOINT_KILLS"
)

// failpoints gives for each place the children of one round, which run one
// after the other on one directory; each is killed where its spec says.
var failpoints = []struct {
	name     string
	children func(rng *rand.Rand) []string
	fresh    bool     // each round in a directory of its own
	env      []string // of the children
}{
	{name: "appended, not synced", children: at("l3bolt-appended", 100)},
	{name: "synced, not published", children: at("l3bolt-synced", 100)},
	{name: "in a checkpoint", children: at("l3bolt-checkpoint", 2)},
	{name: "in a piece of a checkpoint", children: at("l3bolt-piece", 6)},
	{name: "between two pieces of a checkpoint", children: at("l3bolt-pieces", 6)},
	{name: "between pieces, then in the next opening's", children: func(rng *rand.Rand) []string {
		return []string{kill("l3bolt-pieces", 1+rng.IntN(4)), kill("l3bolt-pieces", 1+rng.IntN(4)), kill("l3bolt-checkpointed", 1)}
	}},
	{name: "between a checkpoint and the journal's release", children: at("l3bolt-checkpointed", 2)},
	{name: "between a checkpoint and the making of its segments into new ones", children: at("l3bolt-recycle", 4)},
	{name: "in recycling, renamed", children: at("l3bolt-renamed", 4)},
	{name: "in recycling, with a header and without its name", children: at("l3bolt-headed", 6)},
	{name: "with two checkpoints queued", children: at("l3bolt-queued", 4), env: []string{crashCheckpointEnv + "=4096"}},
	{name: "in a compaction", children: at("l3bolt-compact", 3)},
	{name: "compacted, not renamed", children: at("l3bolt-compact-whole", 1)},
	{name: "compacted and renamed, directory not synced", children: at("l3bolt-compact-renamed", 1)},
	{name: "compacted, readers not moved", children: at("l3bolt-compact-durable", 1)},
	{name: "compacted, old file not closed", children: at("l3bolt-compacted", 1)},
	{name: "committed, not in L2", children: at("tiered-committed", 100)},
	{name: "in L2, not ended", children: at("tiered-cached", 100)},
	{name: "ended, not acknowledged", children: at("tiered-ended", 100)},
	{name: "page locked", children: at("l2mmap-locked", 300)},
	{name: "sequence odd", children: at("l2mmap-changing", 300)},
	{name: "in replay, twice in a row", children: func(rng *rand.Rand) []string {
		return []string{"l3bolt-synced=kill@40", kill("l3bolt-replay", 1+rng.IntN(30)), kill("l3bolt-replay", 1+rng.IntN(30))}
	}},
	{name: "replayed, old segments there, twice in a row", children: func(*rand.Rand) []string {
		return []string{"l3bolt-synced=kill@40", kill("l3bolt-replayed", 1), kill("l3bolt-replayed", 1)}
	}},
	{name: "in replay and after it", children: func(rng *rand.Rand) []string {
		return []string{"l3bolt-synced=kill@40", kill("l3bolt-replayed", 1), kill("l3bolt-replay", 1+rng.IntN(30))}
	}},
	{name: "created, not renamed", fresh: true, children: func(*rand.Rand) []string {
		return []string{kill("l3bolt-create", 1), kill("l3bolt-create", 1), "l3bolt-synced=kill@10"}
	}},
	{name: "renamed, directory not synced", fresh: true, children: func(*rand.Rand) []string {
		return []string{kill("l3bolt-created", 1), "l3bolt-synced=kill@10"}
	}},
}

func kill(name string, n int) string { return fmt.Sprintf("%s=kill@%d", name, n) }

// at is one child, killed at the n-th time with n up to most.
func at(name string, most int) func(*rand.Rand) []string {
	return func(rng *rand.Rand) []string { return []string{kill(name, 1+rng.IntN(most))} }
}

func TestFailpointKills(t *testing.T) {
	kills := 3
	if v := os.Getenv(failpointKillsEnv); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			t.Fatalf("%s=%s: want a number above 0", failpointKillsEnv, v)
		}
		kills = n
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for i, p := range failpoints {
		t.Run(p.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			dir, last := t.TempDir(), map[string]int{}
			acknowledged, later := 0, 0
			for round := range kills {
				if p.fresh {
					dir, last = t.TempDir(), map[string]int{}
				}
				first := round*1_000_000 + 1
				acks := map[string]int{}
				for _, spec := range p.children(rng) {
					for key, n := range failpointChild(t, dir, first, spec, nil, p.env...) {
						acks[key] = n
					}
				}
				acknowledged += len(acks)
				later += crashJudge(t, dir, first, acks, last)
				if t.Failed() {
					t.Fatalf("round %d of %d", round+1, kills)
				}
			}
			t.Logf("%d rounds, %d keys with acknowledged writes, %d keys one write further", kills, acknowledged, later)
		})
	}
}

// failpointChild runs a child until it is killed where spec says, and returns
// its acknowledgements. A child that stops there is continued after stopped.
func failpointChild(t *testing.T, dir string, first int, spec string, stopped func(), env ...string) map[string]int {
	t.Helper()
	cmd, out := crashChild(t, dir, first, append(env, failpointEnv+"="+spec)...)
	late := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
	defer late.Stop()
	type said struct {
		acks map[string]int
		rest string
	}
	done := make(chan said, 1)
	go func() {
		acks, rest := crashAcks(t, out, nil)
		done <- said{acks, rest}
	}()
	status := waitStopped(t, cmd.Process.Pid)
	for status.Stopped() {
		if stopped != nil {
			stopped()
		}
		if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Error(err)
		}
		status = waitStopped(t, cmd.Process.Pid)
	}
	s := <-done
	_ = cmd.Wait() // its status is known
	if !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("%s was not hit, the child ended by itself (%v):\n%s", spec, status, s.rest)
	}
	return s.acks
}

// waitStopped waits until the process has stopped or ended.
func waitStopped(t *testing.T, pid int) syscall.WaitStatus {
	t.Helper()
	for {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil)
		if err == nil {
			return status
		}
		if !errors.Is(err, syscall.EINTR) {
			t.Fatal(err)
		}
	}
}

// TestFailpointOldMetaPages: a power cut between a checkpoint's data and its
// meta page. The child stops before its checkpoint writes, when the meta pages
// are copied, and is killed when bbolt has committed and the journal is still
// there; then the old meta pages are put back.
func TestFailpointOldMetaPages(t *testing.T) {
	dir, last := t.TempDir(), map[string]int{}
	for round := range 3 {
		first := round*1_000_000 + 1
		n := round%2 + 1
		name := filepath.Join(dir, "store.db")
		var old []byte
		acks := failpointChild(t, dir, first, fmt.Sprintf("l3bolt-checkpoint=stop@%d,l3bolt-checkpointed=kill@%d", n, n), func() {
			old = metaPages(t, name)
		})
		now := metaPages(t, name)
		if old == nil || string(old) == string(now) {
			t.Fatal("the checkpoint wrote no meta page: nothing was tested")
		}
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(old, 0); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		crashJudge(t, dir, first, acks, last)
		if t.Failed() {
			t.Fatalf("round %d", round+1)
		}
	}
}

func metaPages(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pages := make([]byte, 2*os.Getpagesize())
	if _, err := f.ReadAt(pages, 0); err != nil {
		t.Fatal(err)
	}
	return pages
}

// TestFailpointErrorInACheckpoint: a checkpoint that fails for another reason
// than room, in its first piece, a later one or the last, ends all writing; what
// was acknowledged is read, and there again after reopening.
func TestFailpointErrorInACheckpoint(t *testing.T) {
	for _, spec := range []string{"l3bolt-piece=error@1", "l3bolt-piece=error@3", "l3bolt-checkpoint=error@1"} {
		t.Run(spec, func(t *testing.T) {
			dir := t.TempDir()
			cmd, out := crashChild(t, dir, 1, failpointEnv+"="+spec)
			late := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
			defer late.Stop()
			acks, rest := crashAcks(t, out, nil)
			err := cmd.Wait()
			if err == nil || !strings.Contains(rest, tiered.ErrUnavailable.Error()) || strings.Contains(rest, "panic") {
				t.Fatalf("got %v, want a refused write:\n%s", err, rest)
			}
			if len(acks) == 0 {
				t.Fatal("nothing was acknowledged before the fault")
			}
			crashJudge(t, dir, 1, acks, map[string]int{})
		})
	}
}
