//go:build linux

package campaign_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// volume is an ext4 in a file, on a loop device that goes with its mount.
type volume struct {
	t       *testing.T
	image   string
	dir     string // where it is mounted
	mounted bool
}

func newVolume(t *testing.T, bytes int64) *volume {
	t.Helper()
	need(t, "mkfs.ext4", "mount")
	base := t.TempDir()
	v := &volume{t: t, image: filepath.Join(base, "image"), dir: filepath.Join(base, "volume")}
	if err := os.WriteFile(v.image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(v.image, bytes); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(v.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	// No blocks kept for root: a full disk is full for these tests, too.
	run(t, "mkfs.ext4", "-q", "-F", "-m", "0", v.image)
	t.Cleanup(v.unmount)
	return v
}

func (v *volume) mount(options string) {
	v.t.Helper()
	run(v.t, "mount", "-t", "ext4", "-o", "loop,"+options, v.image, v.dir)
	v.mounted = true
}

func (v *volume) unmount() {
	v.t.Helper()
	if !v.mounted {
		return
	}
	v.mounted = false
	if err := unix.Unmount(v.dir, 0); err != nil {
		v.t.Errorf("unmount: %v", err)
		_ = unix.Unmount(v.dir, unix.MNT_DETACH)
	}
}

// EXT4_IOC_SHUTDOWN and its flag that leaves the journal as it is on the disk.
const (
	ext4Shutdown   = 0x8004587d
	ext4NoLogFlush = 2
)

// cut takes the power away: nothing more reaches the disk, what was not synced
// is gone.
func (v *volume) cut() error {
	d, err := os.Open(v.dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := unix.IoctlSetPointerInt(int(d.Fd()), ext4Shutdown, ext4NoLogFlush); err != nil {
		return fmt.Errorf("shutting ext4 down: %w", err)
	}
	return nil
}

// mountTmpfs mounts a tmpfs of so many bytes.
func mountTmpfs(t *testing.T, bytes int) string {
	t.Helper()
	need(t)
	dir := filepath.Join(t.TempDir(), "tmpfs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("strata", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		t.Fatalf("mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, strings.TrimSpace(string(out)))
	}
}
