//go:build linux || darwin

package tiered_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/stratakv/strata/tiered"
)

// TestFollowersReadWithDictionaries: they ask the owner for one that they meet,
// in L2 or in an answer, compress with it themselves, and have it when they own.
func TestFollowersReadWithDictionaries(t *testing.T) {
	for name, opts := range map[string]tiered.Options{
		"through L2": {L1Bytes: -1}, "through the owner": {L1Bytes: -1, L2Bytes: -1},
	} {
		t.Run(name, func(t *testing.T) {
			owner, follower := openTwo(t, opts)
			ctx := context.Background()
			setMany(t, owner, "web:", 0, firstSample, sessionsOf(1))
			owner.TrainDictionaries()
			setMany(t, owner, "web:", 5000, 100, sessionsOf(2))
			read := func(s *tiered.Store, from int, values func(int) []byte) {
				t.Helper()
				for i := range 100 {
					want := values(i)
					got, err := s.Get(ctx, fmt.Sprint("web:", from+i))
					if err != nil || !bytes.Equal(got, want) {
						t.Fatalf("session %d: got %d bytes, %v, want %d", from+i, len(got), err, len(want))
					}
				}
			}
			read(follower, 5000, sessionsOf(2))
			before := owner.Stats().L3
			setMany(t, follower, "web:", 6000, 100, sessionsOf(3))
			after := owner.Stats().L3
			if raw, stored := after.RawBytes-before.RawBytes, after.StoredBytes-before.StoredBytes; float64(stored) > 0.4*float64(raw) {
				t.Errorf("the follower's own writes: %d bytes stored in %d, want at most 0.4", raw, stored)
			}
			read(owner, 6000, sessionsOf(3))
			if st := follower.Stats().Dictionaries; st.Kept != 1 || follower.Dictionaries() != nil {
				t.Errorf("the follower tells %+v and %d dictionaries, want the owner's count, and none", st, len(follower.Dictionaries()))
			}
			if err := owner.Close(); err != nil {
				t.Fatal(err)
			}
			setMany(t, follower, "web:", 7000, 1, sessionsOf(4))
			read(follower, 5000, sessionsOf(2))
			read(follower, 6000, sessionsOf(3))
			if got := follower.Dictionaries(); len(got) != 1 || got[0].Prefix != "web:" {
				t.Errorf("the new owner has %d dictionaries, want 1", len(got))
			}
		})
	}
}
