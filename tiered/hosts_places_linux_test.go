package tiered_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
)

// Odd places: stores whose files lie where not every process can use them as
// usual. What cannot be had is done without, and said; or the error names the
// cure.

func openIn(t *testing.T, dir string, o tiered.Options) *tiered.Store {
	t.Helper()
	if o.SharedDir == "" {
		o.SharedDir = dir + "-shared"
	}
	s, err := tiered.Open(dir, &o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// wantCoherent: what one of the stores writes all read at once.
func wantCoherent(t *testing.T, stores ...*tiered.Store) {
	t.Helper()
	for i, writer := range stores {
		value := fmt.Sprint("by ", i)
		mustSet(t, writer, "coherent", value, time.Hour)
		for _, s := range stores {
			for range 2 {
				wantValue(t, s, "coherent", value)
			}
		}
	}
}

// TestPlaceLongPath: a socket's address has no room for it.
func TestPlaceLongPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("a", 100), strings.Repeat("b", 100))
	owner, follower := openIn(t, dir, tiered.Options{}), openIn(t, dir, tiered.Options{})
	if st := follower.Stats(); st.Role != tiered.RoleFollower || !st.L2.Attached {
		t.Fatalf("got role %v, L2 %+v", st.Role, st.L2)
	}
	wantCoherent(t, owner, follower)
}

// TestPlaceSocketDeleted: the owner makes it anew.
func TestPlaceSocketDeleted(t *testing.T) {
	dir := t.TempDir() + "/store"
	owner, follower := openIn(t, dir, tiered.Options{}), openIn(t, dir, tiered.Options{})
	if err := os.Remove(filepath.Join(dir, "sock")); err != nil {
		t.Fatal(err)
	}
	wantCoherent(t, owner, follower)
	begun := time.Now()
	late := openIn(t, dir, tiered.Options{})
	if took := time.Since(begun); took > 4*time.Second {
		t.Errorf("a new follower got in after %v", took)
	}
	wantCoherent(t, owner, follower, late)
}

// TestPlaceOtherOptions: the owner's words and pages are everybody's.
func TestPlaceOtherOptions(t *testing.T) {
	dir := t.TempDir() + "/store"
	owner := openIn(t, dir, tiered.Options{L2Bytes: 4 << 20})
	other := dir + "-other"
	follower := openIn(t, dir, tiered.Options{L2Bytes: 16 << 20, SharedDir: other})
	if got, want := follower.Stats().L2, owner.Stats().L2; !got.Attached || got.Limit != want.Limit {
		t.Errorf("the follower's L2: got %+v, want the limit %d", got, want.Limit)
	}
	if _, err := os.Lstat(other); err == nil {
		t.Error("the follower made a directory for words of its own")
	}
	wantCoherent(t, owner, follower)
}

// TestPlaceSharedDirDeleted: who has the words goes on with them; who comes
// later works without caches; and while anybody trusts the deleted words nobody
// owns with others.
func TestPlaceSharedDirDeleted(t *testing.T) {
	for _, role := range []tiered.Role{tiered.RoleAuto, tiered.RoleFollower} {
		t.Run(role.String(), func(t *testing.T) {
			task := guestTask{Dir: t.TempDir() + "/store"}
			task.Shared = task.Dir + "-shared"
			owner := startGuest(t, task, syscall.SysProcAttr{})
			owner.must("open")
			trusting := task
			trusting.Role = role
			old := startGuest(t, trusting, syscall.SysProcAttr{})
			old.must("open")
			owner.must("set", "k", "1")
			old.want("k", "1")
			if err := os.RemoveAll(task.Shared); err != nil {
				t.Fatal(err)
			}
			owner.must("set", "k", "2")
			old.want("k", "2")
			late := startGuest(t, task, syscall.SysProcAttr{})
			late.must("open")
			late.wantWithout()
			late.want("k", "2")
			late.must("now")
			late.must("set", "k", "3")
			old.want("k", "3")

			owner.kill()
			last := startGuest(t, task, syscall.SysProcAttr{})
			last.tell("open")
			late.must("set", "k", "4") // somebody owns now
			old.want("k", "4")
			if a := last.hear(); a.Err != "" {
				t.Fatal(a.Err)
			}
			last.must("set", "k", "5")
			for _, g := range []*guest{old, late, last} {
				g.want("k", "5")
			}
			if st := old.must("stats").Stats; role == tiered.RoleAuto && st.Role != tiered.RoleOwner {
				t.Errorf("who trusts the deleted words is %v, want owner", st.Role)
			}
		})
	}
}

// remoteDurable lies on a network file system.
type remoteDurable struct{ *toyDurable }

func (d remoteDurable) State() tier.State {
	s := d.toyDurable.State()
	s.Remote = true
	return s
}

// TestPlaceRemote: a network file system is used, and said.
func TestPlaceRemote(t *testing.T) {
	for remote, d := range map[bool]tier.Durable{false: newToyDurable(), true: remoteDurable{newToyDurable()}} {
		log := new(guestLog)
		s, err := tiered.OpenOver(d, "", &tiered.Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		mustSet(t, s, "k", "v", 0)
		wantValue(t, s, "k", "v")
		_ = s.Close()
		if said := strings.Contains(strings.Join(log.lines(), ""), "network"); said != remote {
			t.Errorf("remote %v: the log says so: %v", remote, said)
		}
	}
}

func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a namespace")
	}
}

// startInside starts a child in namespaces of its own.
func startInside(t *testing.T, task guestTask, attr syscall.SysProcAttr) *guest {
	t.Helper()
	asRoot(t)
	return startGuest(t, task, attr)
}

// TestPlaceMountNamespace: a container that sees the store's directory and not
// the words.
func TestPlaceMountNamespace(t *testing.T) {
	asRoot(t)
	task := guestTask{Dir: t.TempDir() + "/store"}
	task.Shared = task.Dir + "-shared"
	owner := startGuest(t, task, syscall.SysProcAttr{})
	owner.must("open")
	old := startGuest(t, task, syscall.SysProcAttr{})
	old.must("open")
	hidden := task
	hidden.Hide = true
	inside := startInside(t, hidden, syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS})
	inside.must("open")
	inside.wantWithout()
	for i, writer := range []*guest{owner, old, inside} {
		writer.must("set", "k", fmt.Sprint(i))
		for _, g := range []*guest{owner, old, inside} {
			g.want("k", fmt.Sprint(i))
		}
	}
	owner.kill()
	inside.must("set", "k", "after")
	old.want("k", "after")
	if st := old.must("stats").Stats; st.Role != tiered.RoleOwner {
		t.Errorf("who has the words is %v, want owner", st.Role)
	}
}

// TestPlacePIDNamespace: a child in another one is a follower as any other, and
// owns as any other.
func TestPlacePIDNamespace(t *testing.T) {
	asRoot(t)
	task := guestTask{Dir: filepath.Join(t.TempDir(), strings.Repeat("a", 110))} // /proc is the other one's
	task.Shared = task.Dir + "-shared"
	owner := startGuest(t, task, syscall.SysProcAttr{})
	owner.must("open")
	inside := startInside(t, task, syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID})
	inside.must("open")
	if st := inside.must("stats").Stats; st.Role != tiered.RoleFollower || !st.L1.Attached || !st.L2.Attached {
		t.Errorf("got role %v, L1 %+v, L2 %+v", st.Role, st.L1, st.L2)
	}
	owner.must("set", "k", "1")
	inside.want("k", "1")
	inside.must("set", "k", "2")
	owner.want("k", "2")
	owner.kill()
	inside.must("set", "k", "3")
	outside := startGuest(t, task, syscall.SysProcAttr{})
	outside.must("open")
	outside.want("k", "3")
}

// TestPlaceReadOnly: nobody can own there; beside an owner elsewhere it is a
// follower as any other.
func TestPlaceReadOnly(t *testing.T) {
	asRoot(t)
	task := guestTask{Dir: t.TempDir() + "/store"}
	task.Shared = task.Dir + "-shared"
	openIn(t, task.Dir, tiered.Options{}).Close()
	task.ReadOnly = true
	inside := startInside(t, task, syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS})
	a := inside.ask("open")
	if !a.Unavailable || !strings.Contains(a.Err, "read-only") || !strings.Contains(a.Err, "mount the file system writable") {
		t.Errorf("alone: got %q, want ErrUnavailable that names the cure", a.Err)
	}
	owner := openIn(t, task.Dir, tiered.Options{})
	inside.must("open")
	mustSet(t, owner, "k", "1", 0)
	inside.want("k", "1")
	inside.must("set", "k", "2")
	wantValue(t, owner, "k", "2")
	if st := inside.must("stats").Stats; !st.L1.Attached || !st.L2.Attached {
		t.Errorf("got L1 %+v, L2 %+v, want both", st.L1, st.L2)
	}
}

// TestPlaceOfAnotherUser: root makes no file in it.
func TestPlaceOfAnotherUser(t *testing.T) {
	asRoot(t)
	dir := t.TempDir() + "/store"
	openIn(t, dir, tiered.Options{}).Close()
	const uid = 54321
	if err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, uid, uid))
	}); err != nil {
		t.Fatal(err)
	}
	list := func() (all []string) {
		_ = filepath.WalkDir(dir, func(path string, e os.DirEntry, _ error) error {
			info, _ := e.Info()
			all = append(all, fmt.Sprint(path, info.Size(), info.ModTime(), info.Sys().(*syscall.Stat_t).Uid))
			return nil
		})
		return all
	}
	before := list()
	for _, o := range []tiered.Options{{}, {Role: tiered.RoleOwner}, {Fresh: true}} {
		_, err := tiered.Open(dir, &o)
		if !errors.Is(err, tiered.ErrUnavailable) || !strings.Contains(fmt.Sprint(err), "uid 54321") || !strings.Contains(err.Error(), "chown") {
			t.Errorf("%+v: got %v, want ErrUnavailable with the uid and the cure", o.Role, err)
		}
	}
	if after := list(); !slices.Equal(before, after) {
		t.Errorf("got %q\nwant %q", after, before)
	}
}

// TestRolesAreKept: what a role asks for and cannot have is an error in time.
func TestRolesAreKept(t *testing.T) {
	t.Parallel() // it waits for limits to pass
	dir := t.TempDir() + "/store"
	s := openIn(t, dir, tiered.Options{})
	mustSet(t, s, "k", "v", 0)
	for name, o := range map[string]tiered.Options{
		"owner": {Role: tiered.RoleOwner}, "fresh": {Fresh: true}, "fresh owner": {Role: tiered.RoleOwner, Fresh: true},
	} {
		begun := time.Now()
		if _, err := tiered.Open(dir, &o); !errors.Is(err, tiered.ErrLocked) {
			t.Errorf("%s beside an owner: got %v, want ErrLocked", name, err)
		}
		if took := time.Since(begun); took > 4*time.Second {
			t.Errorf("%s: after %v", name, took)
		}
	}
	wantValue(t, s, "k", "v")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := tiered.OpenContext(ctx, t.TempDir(), &tiered.Options{Role: tiered.RoleFollower}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a follower with nobody there, until its context ended: got %v", err)
	}
	if testing.Short() {
		return
	}
	begun := time.Now()
	empty := t.TempDir() + "/empty"
	if _, err := tiered.Open(empty, &tiered.Options{Role: tiered.RoleFollower}); !errors.Is(err, tiered.ErrUnavailable) {
		t.Errorf("a follower with nobody there: got %v, want ErrUnavailable", err)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("a follower with nobody there: after %v", took)
	}
	if _, err := os.Lstat(empty); err == nil {
		t.Error("a follower made a directory")
	}
}

// TestFreshBesideFollower: a store whose owner has just died is still open, and
// is not emptied.
func TestFreshBesideFollower(t *testing.T) {
	task := guestTask{Dir: t.TempDir() + "/store"}
	task.Shared = task.Dir + "-shared"
	owner := startGuest(t, task, syscall.SysProcAttr{})
	owner.must("open")
	owner.must("set", "k", "1")
	follower := task
	follower.Role = tiered.RoleFollower
	reader := startGuest(t, follower, syscall.SysProcAttr{})
	reader.must("open")
	reader.want("k", "1")
	owner.kill()
	if _, err := tiered.Open(task.Dir, &tiered.Options{Fresh: true, SharedDir: task.Shared}); !errors.Is(err, tiered.ErrLocked) {
		t.Errorf("fresh beside a follower: got %v, want ErrLocked", err)
	}
	wantValue(t, openIn(t, task.Dir, tiered.Options{}), "k", "1")
}
