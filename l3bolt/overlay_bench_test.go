//go:build !wasm

package l3bolt

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stratakv/strata/tiered/tier"
)

// BenchmarkOverlayPut puts sessions, of a million, that end in half an hour,
// into overlays that are replaced when they are full.
func BenchmarkOverlayPut(b *testing.B) {
	const sessions = 1 << 20
	keys := make([]string, sessions)
	for i := range keys {
		keys[i] = fmt.Sprintf("session:%016x", uint64(i)*0x9e3779b97f4a7c15)
	}
	frame := make([]byte, 336)
	rng := rand.New(rand.NewPCG(1, 2))
	o, now := newOverlay(0), int64(1_700_000_000_000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%50 == 0 {
			now++
		}
		head := tier.Head{Version: uint64(i + 1), Deadline: now + 1_800_000, RawLen: 300, FrameLen: len(frame)}
		o.put(keys[rng.IntN(sessions)], entry{frame: frame, head: head})
		if o.bytes() >= defaultCheckpointBytes {
			o = newOverlay(0)
		}
	}
}
