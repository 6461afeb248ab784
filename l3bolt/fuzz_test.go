//go:build !wasm

package l3bolt_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered/tier"
)

// FuzzReplay replays any bytes as a segment: no panic, and no record but those
// that were appended to this very segment.
func FuzzReplay(f *testing.F) {
	r := record(f)
	whole := r.fs.ReadFile(r.segment)
	for _, cut := range []int{0, 63, 64, r.starts[1], r.starts[2] + 5, len(whole)} {
		f.Add(whole[:cut])
	}
	// A recycled file: behind the records lie those of its former life, or of a
	// segment that came later.
	again := recordRecycled(f)
	tail := again.fs.ReadFile(again.segment)
	for _, cut := range []int{64, again.starts[0], again.starts[1] + 7, again.starts[3]} {
		f.Add(append(bytes.Clone(tail[:cut]), again.old[cut:]...))
		f.Add(append(bytes.Clone(tail[:cut]), again.later[cut:]...))
		f.Add(append(bytes.Clone(whole[:min(cut, r.starts[3])]), again.old[64:]...))
	}
	var genuine [][]byte
	if err := l3bolt.Replay(whole, func(payload []byte) { genuine = append(genuine, bytes.Clone(payload)) }); err != nil || len(genuine) != 3 {
		f.Fatalf("replay of a sound segment: %d records, %v", len(genuine), err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n := 0
		err := l3bolt.Replay(data, func(payload []byte) {
			if bytes.HasPrefix(data, whole[:64]) && (n >= len(genuine) || !bytes.Equal(payload, genuine[n])) {
				t.Errorf("record %d is none that was appended", n)
			}
			n++
		})
		if err != nil && !errors.Is(err, tier.ErrCorrupt) && !errors.Is(err, tier.ErrUnavailable) {
			t.Errorf("got %v, want ErrCorrupt or ErrUnavailable", err)
		}
	})
}

// FuzzGroup decodes any bytes as a group whose checksum was right: no panic,
// and what is decoded has the form of a group.
func FuzzGroup(f *testing.F) {
	mk, m := newMaker(f, 15), emptyModel()
	for range 8 {
		var g *tier.Group
		g, m = mk.group(m)
		f.Add(l3bolt.EncodeGroup(g))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := l3bolt.DecodeGroup(data)
		if err != nil && !errors.Is(err, tier.ErrCorrupt) {
			t.Errorf("got %v, want ErrCorrupt", err)
		}
		for _, key := range keys {
			if len(key) > 32_000 {
				t.Errorf("got a key of %d bytes", len(key))
			}
		}
	})
}

// FuzzValue takes any bytes apart as a record's value in bbolt.
func FuzzValue(f *testing.F) {
	for _, slot := range []uint64{0, 1, 1 << 40, 1<<64 - 2} {
		f.Add(l3bolt.EncodeValue(true, slot, []byte("frame")))
	}
	f.Add(l3bolt.EncodeValue(false, 0, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		indexed, slot, frame, err := l3bolt.DecodeValue(data)
		if err != nil {
			if !errors.Is(err, tier.ErrCorrupt) {
				t.Errorf("got %v, want ErrCorrupt", err)
			}
			return
		}
		i2, s2, f2, err := l3bolt.DecodeValue(l3bolt.EncodeValue(indexed, slot, frame))
		if err != nil || i2 != indexed || s2 != slot || !bytes.Equal(f2, frame) {
			t.Errorf("round trip: got %s, want %s", fmt.Sprint(i2, s2, f2, err), fmt.Sprint(indexed, slot, frame))
		}
	})
}
