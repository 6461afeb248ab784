//go:build unix

package l3bolt

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestWriteCure: what is said of a LOCK that cannot be written is what helps.
func TestWriteCure(t *testing.T) {
	own := filepath.Join(t.TempDir(), lockName)
	if err := os.WriteFile(own, nil, fileMode); err != nil {
		t.Fatal(err)
	}
	foreign := "/" // root's
	if os.Geteuid() == 0 {
		foreign = filepath.Join(t.TempDir(), lockName)
		if err := os.WriteFile(foreign, nil, fileMode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(foreign, 54321, -1); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, file string
		err        error
		want       string
	}{
		{"read-only file system", own, syscall.EROFS, "mount"},
		{"read-only file system with another user's store", foreign, syscall.EROFS, "mount"},
		{"another user's store", foreign, syscall.EACCES, "run it as uid"},
		{"directory without permission", own, syscall.EACCES, "writable for this user"},
	} {
		err := &os.PathError{Op: "open", Path: c.file, Err: c.err}
		if got := writeCure(c.file, err); !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q in it", c.name, got, c.want)
		}
	}
}
