package l2mmap_test

import (
	"encoding/binary"
	"testing"

	"github.com/stratakv/strata/l2mmap"
)

// TestUnboundWordsAreNotTrusted: nobody keeps words in step while an owner is
// binding, and in a file that has had none yet.
func TestUnboundWordsAreNotTrusted(t *testing.T) {
	dir := memoryDir(t)
	early, pages, err := files(dir, &l2mmap.PageOptions{Bytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pages.Close(); _ = early.Close() })
	if w := early.Load(7); w.InFlight() == 0 {
		t.Error("before the first owner: got a word that is trusted")
	}
	control, _, _ := owner(t, dir, &l2mmap.PageOptions{Bytes: 1 << 20})
	if w := early.Load(7); w.InFlight() != 0 {
		t.Errorf("bound: got %d in flight, want 0", w.InFlight())
	}
	opening := control.Memory()[l2mmap.ControlStateAt:][:8]
	bound := binary.LittleEndian.Uint64(opening)
	binary.LittleEndian.PutUint64(opening, 0) // as a new owner does first
	for _, c := range []*l2mmap.Control{early, control} {
		if w := c.Load(7); w.InFlight() == 0 {
			t.Error("while an owner is binding: got a word that is trusted")
		}
	}
	binary.LittleEndian.PutUint64(opening, bound)
	if w := early.Load(7); w.InFlight() != 0 || early.Detached() != "" {
		t.Errorf("bound again: got %d in flight, detached %q", w.InFlight(), early.Detached())
	}
}
