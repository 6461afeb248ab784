//go:build linux || darwin

package host_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stratakv/strata/host"
	"github.com/stratakv/strata/tiered/tier"
)

// A socket that is gone, or that something else lies in place of, is bound
// again; connections go on meanwhile.
func TestSocketIsBoundAgain(t *testing.T) {
	s := toyStore{dir: t.TempDir()}
	_, follower := pair(t, s)
	sock := filepath.Join(s.dir, "sock")
	for _, harm := range []func() error{
		func() error { return os.Remove(sock) },
		func() error { return errors.Join(os.Remove(sock), os.WriteFile(sock, nil, 0o600)) },
	} {
		before, err := os.Lstat(sock)
		if err != nil {
			t.Fatal(err)
		}
		if err := harm(); err != nil {
			t.Fatal(err)
		}
		if _, err := follower.Write(t.Context(), []tier.Op{set("a", "v")}); err != nil {
			t.Errorf("a connection broke: %v", err)
		}
		eventually(t, "the socket is there again", func() bool {
			info, err := os.Lstat(sock)
			return err == nil && info.Mode().Type() == fs.ModeSocket && !os.SameFile(info, before)
		})
		o := options(s)
		o.Role = host.RoleFollower
		open(t, s, o)
	}
	info, err := os.Lstat(sock)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want mode 0600", info.Mode(), err)
	}
}

// A path that fits no socket's address is reached by a descriptor, or the error
// names the cure.
func TestLongPath(t *testing.T) {
	s := toyStore{dir: filepath.Join(t.TempDir(), strings.Repeat("long", 40))}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	open(t, s, options(s))
	o := options(s)
	o.Role = host.RoleFollower
	n, err := host.Open(t.Context(), s.dir, o)
	if err != nil {
		if !strings.Contains(err.Error(), "symbolic link") {
			t.Errorf("the error names no cure: %v", err)
		}
		return
	}
	if _, err := n.Write(t.Context(), []tier.Op{set("a", "v")}); err != nil {
		t.Error(err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

// An owner whose socket cannot be bound works alone.
func TestUnbindableSocket(t *testing.T) {
	s := toyStore{dir: t.TempDir()}
	if err := os.MkdirAll(filepath.Join(s.dir, "sock", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	n := open(t, s, options(s))
	if _, err := n.Write(t.Context(), []tier.Op{set("a", "v")}); err != nil {
		t.Error(err)
	}
}
