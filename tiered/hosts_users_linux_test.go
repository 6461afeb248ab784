package tiered_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stratakv/strata/tiered"
)

// Stores seen by users without root's powers.

// someUser is a uid that nobody has.
const someUser = 54321

// userDir is a directory for stores of a user who is not root, and how a child
// becomes that user: root's tests borrow a uid, others are such a user.
func userDir(t *testing.T) (dir string, attr syscall.SysProcAttr) {
	t.Helper()
	dir, err := os.MkdirTemp("", "strata-user-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = chmodAll(dir, 0o700, 0o600) // what cannot be removed otherwise
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if os.Geteuid() == 0 {
		attr.Credential = credential(someUser)
		if err := errors.Join(os.Chmod(dir, 0o755), os.Chown(dir, someUser, someUser)); err != nil {
			t.Fatal(err)
		}
	}
	return dir, attr
}

func credential(uid uint32) *syscall.Credential { return &syscall.Credential{Uid: uid, Gid: uid} }

// chmodAll sets the modes of all directories and files in dir, but dir's own.
func chmodAll(dir string, dirMode, fileMode os.FileMode) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil || path == dir:
			return err
		case e.IsDir():
			return os.Chmod(path, dirMode|0o100) // WalkDir goes in
		case e.Type().IsRegular():
			return os.Chmod(path, fileMode)
		}
		return nil
	})
}

// TestPlaceReadOnlyByMode: what a user may only read he cannot own; the error
// names the cure, and nothing was changed.
func TestPlaceReadOnlyByMode(t *testing.T) {
	for _, c := range []struct {
		name        string
		dirs, files os.FileMode
	}{
		{"all of it", 0o500, 0o400},
		{"the files", 0o700, 0o400},
	} {
		t.Run(c.name, func(t *testing.T) {
			base, attr := userDir(t)
			task := guestTask{Dir: base + "/store", Shared: base + "/shared"}
			first := startGuest(t, task, attr)
			first.must("open")
			first.must("set", "k", "1")
			first.must("close")
			if err := chmodAll(task.Dir, c.dirs, c.files); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(task.Dir, c.dirs); err != nil {
				t.Fatal(err)
			}
			a := startGuest(t, task, attr).ask("open", "2s")
			if !a.Unavailable || !strings.Contains(a.Err, "make the directory writable for this user") {
				t.Errorf("got %q, want ErrUnavailable that names the cure", a.Err)
			}
			if err := errors.Join(os.Chmod(task.Dir, 0o700), chmodAll(task.Dir, 0o700, 0o600)); err != nil {
				t.Fatal(err)
			}
			cured := startGuest(t, task, attr)
			cured.must("open")
			cured.want("k", "1")
		})
	}
}

// TestPlaceReadOnlyFolder: where the files can be written and the directory not,
// no socket can be made: one process works alone, and says so.
func TestPlaceReadOnlyFolder(t *testing.T) {
	base, attr := userDir(t)
	task := guestTask{Dir: base + "/store", Shared: base + "/shared"}
	first := startGuest(t, task, attr)
	first.must("open")
	first.must("set", "k", "1")
	first.must("close")
	if err := os.Chmod(task.Dir, 0o500); err != nil {
		t.Fatal(err)
	}
	alone := startGuest(t, task, attr)
	alone.must("open")
	alone.want("k", "1")
	alone.must("set", "k", "2")
	alone.want("k", "2")
	if log := strings.Join(alone.must("stats").Log, "\n"); !strings.Contains(log, "other processes cannot reach this owner") {
		t.Errorf("got the log %q, want a line that others cannot come", log)
	}
	if a := startGuest(t, task, attr).ask("open", "300ms"); !a.Locked && !a.Expired {
		t.Errorf("a second process: got %q, want ErrLocked or the context's end", a.Err)
	}
}

// TestPlaceOfAnotherUserWithOwner: whoever is not the owner's user is told so,
// root too, and disturbs nobody.
func TestPlaceOfAnotherUserWithOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be three users")
	}
	for name, mode := range map[string]os.FileMode{"closed": 0o700, "open": 0o755} {
		t.Run(name, func(t *testing.T) {
			base, attr := userDir(t)
			task := guestTask{Dir: base + "/store", Shared: base + "/shared"}
			owner := startGuest(t, task, attr)
			owner.must("open")
			owner.must("set", "k", "1")
			if err := os.Chmod(task.Dir, mode); err != nil {
				t.Fatal(err)
			}
			root, another := syscall.SysProcAttr{}, syscall.SysProcAttr{Credential: credential(someUser + 1)}
			for _, role := range []tiered.Role{tiered.RoleAuto, tiered.RoleFollower, tiered.RoleOwner} {
				wantUserNamed(t, task, role, root)
				wantUserNamed(t, task, role, another)
			}
			owner.want("k", "1")
			owner.must("set", "k", "2")
			second := startGuest(t, task, attr)
			second.must("open")
			second.want("k", "2")
		})
	}
}

// wantUserNamed: opening the store in the given role is refused, with who must
// do it.
func wantUserNamed(t *testing.T, task guestTask, role tiered.Role, attr syscall.SysProcAttr) {
	t.Helper()
	task.Role, task.Shared = role, task.Shared+"-theirs"
	a := startGuest(t, task, attr).ask("open", "2s")
	if !a.Unavailable || !strings.Contains(a.Err, "run under the same") && !strings.Contains(a.Err, "run it as uid 54321") {
		t.Errorf("%v: got %q, want ErrUnavailable that names the cure", role, a.Err)
	}
}
