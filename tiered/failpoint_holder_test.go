//go:build failpoints && linux

package tiered_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/stratakv/strata/l2mmap"
	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered"
)

// A second process that is stopped while it has a page of L2 locked.

const (
	holderDirEnv  = "STRATA_TEST_HOLDER_DIR"
	holderIDEnv   = "STRATA_TEST_HOLDER_ID"
	holderSeedEnv = "STRATA_TEST_HOLDER_SEED"

	heldKey = "k"
)

// TestHolderChild fills L2 with the frame that it found there; it stops where
// the failpoint says.
func TestHolderChild(t *testing.T) {
	dir := os.Getenv(holderDirEnv)
	if dir == "" {
		t.Skip("runs as a child of TestFailpointStoppedHolder")
	}
	opts := &l2mmap.ControlOptions{}
	id, err := hex.DecodeString(os.Getenv(holderIDEnv))
	if err != nil {
		t.Fatal(err)
	}
	copy(opts.StoreID[:], id)
	if opts.Seed, err = strconv.ParseUint(os.Getenv(holderSeedEnv), 10, 64); err != nil {
		t.Fatal(err)
	}
	place, err := l2mmap.Place(l2mmap.PlaceOptions{
		StoreDir: dir, StoreID: opts.StoreID, SharedDir: filepath.Join(dir, "shared"), Bytes: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	control, err := l2mmap.OpenControl(place, opts)
	if err != nil {
		t.Fatal(err)
	}
	pages, err := l2mmap.Open(place, control, nil)
	if err != nil {
		t.Fatal(err)
	}
	hash := xxh3.HashStringSeed(heldKey, opts.Seed)
	word := control.Load(l2mmap.BucketOf(hash))
	frame, _, ok := pages.Get(nil, heldKey, hash, func() int64 { return 0 })
	if !ok {
		t.Fatal("L2 does not have the key")
	}
	err = pages.Fill(heldKey, hash, frame, 0, 0, word)
	fmt.Printf("filled: %v\n", err)
}

// TestFailpointStoppedHolder: who is stopped with a page locked holds up no
// write for more than a moment, and what he does when he goes on is not
// trusted.
func TestFailpointStoppedHolder(t *testing.T) {
	for _, point := range []string{"l2mmap-locked", "l2mmap-changing"} {
		t.Run(point, func(t *testing.T) {
			for range 3 {
				stoppedHolder(t, point)
			}
		})
	}
}

func stoppedHolder(t *testing.T, point string) {
	s, env := openForHolder(t)
	mustSet(t, s, heldKey, "first", 0)
	cmd := exec.Command(os.Args[0], "-test.run=^TestHolderChild$")
	cmd.Env = append(append(os.Environ(), env...), failpointEnv+"="+point+"=stop@1")
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait() // its status is known, or it is killed
	defer cmd.Process.Kill()
	if status := waitStopped(t, cmd.Process.Pid); !status.Stopped() {
		t.Fatalf("%s was not hit, the child ended (%v)", point, status)
	}

	for _, value := range []string{"second", "third"} {
		start := time.Now()
		mustSet(t, s, heldKey, value, 0)
		if took := time.Since(start); took > 5*time.Second {
			t.Fatalf("a write beside a stopped holder took %v", took)
		}
		wantValue(t, s, heldKey, value)
	}
	if got := s.InFlight(heldKey); got != 1 {
		t.Errorf("brackets left open: got %d, want 1, whatever the number of groups", got)
	}
	start := time.Now()
	for i := range 50 {
		mustSet(t, s, fmt.Sprint("other", i), "v", 0)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("50 writes beside a stopped holder took %v", took)
	}

	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	mustSet(t, s, heldKey, "fourth", 0) // mostly before the background's turn
	wantValue(t, s, heldKey, "fourth")
	if status := waitStopped(t, cmd.Process.Pid); !status.Exited() || status.ExitStatus() != 0 {
		t.Fatalf("the holder ended with %v", status)
	}
	wantValue(t, s, heldKey, "fourth")
	waitEnded(t, s)
	for range 3 {
		wantValue(t, s, heldKey, "fourth")
	}
	if got := s.Stats().L2; !got.Attached {
		t.Errorf("L2 is gone: %s", got.Detached)
	}
}

// waitEnded waits until the background has ended what was left in flight,
// reading meanwhile.
func waitEnded(t *testing.T, s *tiered.Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for s.InFlight(heldKey) != 0 {
		if ctx.Err() != nil {
			t.Fatal("the background does not end what was left in flight")
		}
		wantValue(t, s, heldKey, "fourth")
	}
}

// openForHolder opens a store without L1, so that L2 shows, and tells a child
// how to attach to its L2.
func openForHolder(t *testing.T) (*tiered.Store, []string) {
	t.Helper()
	dir := t.TempDir()
	db, err := l3bolt.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	shared := filepath.Join(dir, "shared")
	s, err := tiered.OpenOver(db, dir, &tiered.Options{L1Bytes: -1, L2Bytes: 1 << 20, SharedDir: shared})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if !s.Stats().L2.Attached {
		t.Fatal("no L2: nothing is tested")
	}
	state := db.State()
	return s, []string{
		holderDirEnv + "=" + dir,
		holderIDEnv + "=" + fmt.Sprintf("%x", state.ID),
		holderSeedEnv + "=" + strconv.FormatUint(state.Seed, 10),
	}
}
