package l2mmap_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stratakv/strata/l2mmap"
)

// pledgeChild pledges itself to the control file in dir, as its owner or as a
// follower, and stays.
func pledgeChild(dir string, args []string, in *bufio.Reader) error {
	control, err := l2mmap.OpenControl(dir, controlOptions())
	if err != nil {
		return err
	}
	take := l2mmap.PledgeFollower
	if args[1] == "owner" {
		take = l2mmap.PledgeOwner
	}
	if _, err := take(args[0], control); err != nil {
		return err
	}
	fmt.Println("pledged")
	_, err = in.ReadString('\n')
	return err
}

// TestPledges (its rules 2 and 3): while somebody trusts a control file, nobody
// becomes the owner with another one.
func TestPledges(t *testing.T) {
	store, dir := t.TempDir(), memoryDir(t)
	control, err := l2mmap.OpenControl(dir, controlOptions())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = control.Close() })
	owner, err := l2mmap.PledgeOwner(store, control)
	if err != nil {
		t.Fatalf("first owner: %v", err)
	}
	follower := spawn(t, nil, "pledge", dir, store, "follower")
	if got := follower.line(); got != "pledged" {
		t.Fatalf("follower: got %q", got)
	}
	if err := owner.Close(); err != nil {
		t.Fatal(err)
	}

	other, err := l2mmap.OpenControl(memoryDir(t), controlOptions())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	for name, c := range map[string]*l2mmap.Control{"another control file": other, "none": nil, "the heap": l2mmap.NewControl(controlOptions())} {
		if _, err := l2mmap.PledgeOwner(store, c); !errors.Is(err, l2mmap.ErrInUse) {
			t.Errorf("owner with %s beside a follower: got %v, want ErrInUse", name, err)
		}
	}
	if _, err := l2mmap.PledgeFollower(store, other); !errors.Is(err, l2mmap.ErrMismatch) {
		t.Errorf("follower of another control file: got %v, want ErrMismatch", err)
	}
	second := spawn(t, nil, "pledge", dir, store, "owner")
	if got := second.line(); got != "pledged" {
		t.Errorf("owner with the same control file: got %q", got)
	}

	follower.kill()
	second.kill()
	moved, err := l2mmap.PledgeOwner(store, other)
	if err != nil {
		t.Fatalf("owner with another control file, alone: %v", err)
	}
	if _, err := l2mmap.PledgeFollower(store, control); !errors.Is(err, l2mmap.ErrMismatch) {
		t.Errorf("follower of the old control file: got %v, want ErrMismatch", err)
	}
	_ = moved.Close()
	none, err := l2mmap.PledgeOwner(store, nil)
	if err != nil {
		t.Fatalf("owner that shares nothing: %v", err)
	}
	if _, err := l2mmap.PledgeFollower(store, other); !errors.Is(err, l2mmap.ErrMismatch) {
		t.Errorf("follower of an owner that shares nothing: got %v, want ErrMismatch", err)
	}
	_ = none.Close()
}

// TestAttachControl: a follower takes the owner's control file and no other,
// and makes none.
func TestAttachControl(t *testing.T) {
	dir := memoryDir(t)
	owner, _, _ := owner(t, dir, &l2mmap.PageOptions{Bytes: 1 << 20})
	follower, err := l2mmap.AttachControl(dir, controlOptions(), owner.ID())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = follower.Close() })
	owner.Begin(3)
	if got := follower.Load(3).InFlight(); got != 1 {
		t.Errorf("the owner's word: got %d in flight, want 1", got)
	}
	other := owner.ID()
	other[0]++
	if _, err := l2mmap.AttachControl(dir, controlOptions(), other); !errors.Is(err, l2mmap.ErrMismatch) {
		t.Errorf("another identity: got %v, want ErrMismatch", err)
	}
	empty := filepath.Join(memoryDir(t), "none")
	if _, err := l2mmap.AttachControl(empty, controlOptions(), owner.ID()); !errors.Is(err, l2mmap.ErrMismatch) {
		t.Errorf("no directory: got %v, want ErrMismatch", err)
	}
	if _, err := os.Lstat(empty); err == nil {
		t.Error("attaching made a directory")
	}
}

// TestPledgeBesideUnpledged: an owner waits for one that keeps everybody from
// pledging, and that gives way: it trusts no words.
func TestPledgeBesideUnpledged(t *testing.T) {
	store := t.TempDir()
	var controls [2]*l2mmap.Control
	for i := range controls {
		control, err := l2mmap.OpenControl(memoryDir(t), controlOptions())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = control.Close() })
		controls[i] = control
	}
	before, err := l2mmap.PledgeOwner(store, controls[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	release, err := l2mmap.Unpledged(store)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, release)
	pledge, err := l2mmap.PledgeOwner(store, controls[1])
	if err != nil {
		t.Fatalf("an owner with other words: got %v, want none", err)
	}
	if _, err := l2mmap.PledgeFollower(store, controls[0]); !errors.Is(err, l2mmap.ErrMismatch) {
		t.Errorf("a follower of the words before: got %v, want ErrMismatch", err)
	}
	if err := pledge.Close(); err != nil {
		t.Error(err)
	}
}

// TestDisown: who gives the ownership up stays attached, and another binds.
func TestDisown(t *testing.T) {
	dir := memoryDir(t)
	first, pages, _ := owner(t, dir, &l2mmap.PageOptions{Bytes: 1 << 20})
	second, err := l2mmap.AttachControl(dir, controlOptions(), first.ID())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = second.Close() })
	truth := l2mmap.Truth{Opening: 77, Previous: first.State().Opening, Version: first.State().Version, BootID: "boot"}
	if _, err := second.Bind(truth, nil); !errors.Is(err, l2mmap.ErrInUse) {
		t.Fatalf("bind beside an owner: got %v, want ErrInUse", err)
	}
	first.Begin(9)
	first.Disown()
	bound, err := second.Bind(truth, nil)
	if err != nil || bound.Repaired != 1 || bound.Wiped != "" {
		t.Fatalf("bind after it: got %+v, %v; want one bucket repaired", bound, err)
	}
	if w := first.Load(9); w.InFlight() != 0 {
		t.Errorf("who gave up: got %d in flight, want 0", w.InFlight())
	}
	if _, ok := get(pages, "k", 0); ok {
		t.Error("a page file that is not bound gave an entry")
	}
}
