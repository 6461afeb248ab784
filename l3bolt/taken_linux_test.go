package l3bolt_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stratakv/strata/l3bolt"
)

// TestFileBytesAreTheDisks: a hole in store.db does not count, what is kept back
// does.
func TestFileBytesAreTheDisks(t *testing.T) {
	dir := memoryDir(t)
	opts := quiet(l3bolt.Options{SpareBytes: 1 << 20})
	if err := mustOpen(t, dir, opts, nil).Close(); err != nil {
		t.Fatal(err)
	}
	const hole = 1 << 30
	if err := os.Truncate(filepath.Join(dir, "store.db"), hole); err != nil {
		t.Fatal(err)
	}
	db := mustOpen(t, dir, opts, nil)
	if got := db.Stats().FileBytes; got < 1<<19 || got > hole/2 {
		t.Errorf("got %d bytes, want those kept back, half of %d, and little more", got, opts.SpareBytes)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
