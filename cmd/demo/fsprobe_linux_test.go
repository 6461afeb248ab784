package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestProbeOfAFullDisk: it is no reason not to open the store.
func TestProbeOfAFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling: got %v, want ENOSPC", err)
	}
	got, err := probeDisk(dir)
	if err != nil || got.writes != 0 || got.String() != "tmpfs, which is full" {
		t.Errorf("got %+v, %q, %v, want a full tmpfs and no error", got, got, err)
	}
}
