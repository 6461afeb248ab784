//go:build !wasm

package l3bolt

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stratakv/strata/tiered/tier"
)

// TestWhatFreesRoomWaitsForTwoCheckpoints: on a full disk, with memory at its
// bound, a group with Reserve waits until two checkpoints have ended, however many
// pieces they write; any other one does not wait.
func TestWhatFreesRoomWaitsForTwoCheckpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &DB{opts: Options{CheckpointBytes: 1000}, active: newOverlay(0), kick: make(chan struct{}, 1)}
		d.active.journalBytes = 3000
		d.status.init()
		d.status.checkpointed(tier.ErrFull)
		if err := d.makeRoom(false); !errors.Is(err, tier.ErrFull) {
			t.Errorf("without Reserve: got %v, want ErrFull", err)
		}
		answer := make(chan error, 1)
		go func() { answer <- d.makeRoom(true) }()
		waits := func(when string) {
			t.Helper()
			synctest.Wait()
			select {
			case err := <-answer:
				t.Fatalf("%s: got %v, want to wait", when, err)
			default:
			}
		}
		waits("at first")
		for range 5 {
			d.status.progressed()
			waits("after a piece")
		}
		d.status.checkpointed(tier.ErrFull)
		waits("after one checkpoint")
		d.status.progressed()
		waits("after another piece")
		d.status.checkpointed(tier.ErrFull)
		if err := <-answer; !errors.Is(err, tier.ErrFull) {
			t.Errorf("after two checkpoints: got %v, want ErrFull", err)
		}
	})
}
