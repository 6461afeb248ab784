//go:build !wasm

package l3bolt

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/tiered/tier"
)

// BenchmarkAppend is what a group costs in the journal alone, the fdatasync
// included.
func BenchmarkAppend(b *testing.B) {
	for _, changes := range []int{1, 64} {
		b.Run(fmt.Sprintf("changes=%d", changes), func(b *testing.B) {
			o, err := (&Options{}).withDefaults()
			if err != nil {
				b.Fatal(err)
			}
			j := newJournal(o.FS, filepath.Join(b.TempDir(), "journal"), [16]byte{1}, &o)
			if err := o.FS.MkdirAll(j.dir); err != nil {
				b.Fatal(err)
			}
			j.next = 1
			j.start()
			g := benchGroup(b, changes)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := j.append(g); err != nil {
					b.Fatal(err)
				}
				if len(j.full) > 0 {
					j.trim(j.full[len(j.full)-1].last)
				}
			}
			if err := j.close(true); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func benchGroup(b *testing.B, changes int) *tier.Group {
	b.Helper()
	c, err := codec.New(codec.Options{Level: -1}, 1<<20)
	if err != nil {
		b.Fatal(err)
	}
	g := &tier.Group{Version: uint64(changes)}
	for n := range changes {
		key := fmt.Sprintf("session:%016x", n)
		frame := c.Encode(make([]byte, 300))
		head := codec.Seal(frame, key, uint64(n+1), 0)
		g.Changes = append(g.Changes, tier.Change{Key: key, Frame: frame, Head: head})
	}
	return g
}
