package tiered_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stratakv/strata/tiered"
)

// TestCheckpointBytesBoundWhatWaits: what is above the limit goes into store.db,
// and what is not stays in the journal.
func TestCheckpointBytesBoundWhatWaits(t *testing.T) {
	const each, writes = 32 << 10, 64
	for _, c := range []struct {
		limit int64
		want  bool
	}{{256 << 10, true}, {0, false}} {
		t.Run(fmt.Sprint(c.limit), func(t *testing.T) {
			dir := t.TempDir()
			s, err := tiered.Open(filepath.Join(dir, "store"), &tiered.Options{
				SharedDir: filepath.Join(dir, "shared"), Limits: tiered.Limits{CheckpointBytes: c.limit},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			rng := rand.NewChaCha8([32]byte{1})
			value := make([]byte, each)
			for i := range writes {
				_, _ = rng.Read(value)
				if err := s.Set(t.Context(), fmt.Sprint(i), value, 0); err != nil {
					t.Fatal(err)
				}
			}
			if c.want {
				waitFor(t, "a checkpoint", func() bool { return s.Stats().L3.Checkpoints > 0 })
				return
			}
			if l3 := s.Stats().L3; l3.Checkpoints != 0 || l3.JournalBytes < each*writes {
				t.Errorf("got %d checkpoints and %d bytes in the journal, want all of it there", l3.Checkpoints, l3.JournalBytes)
			}
		})
	}
	if _, err := tiered.Open(t.TempDir(), &tiered.Options{Limits: tiered.Limits{CheckpointBytes: -1}}); err == nil {
		t.Error("got a store with a negative limit, want an error")
	}
}
