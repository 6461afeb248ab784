package l2mmap_test

import (
	"errors"
	"testing"

	"github.com/stratakv/strata/l2mmap"
	"golang.org/x/sys/unix"
)

// outOfReach takes bytes of a mapping away from this process alone.
func outOfReach(t *testing.T, b []byte) {
	t.Helper()
	if err := unix.Mprotect(b, unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
}

// TestDetachedPagesStayUnbound: an owner who cannot reach the page file's
// header any more unbinds it in the control file, for other processes and for
// the next opening, to which the header still looks bound.
func TestDetachedPagesStayUnbound(t *testing.T) {
	dir := memoryDir(t)
	opts := &l2mmap.PageOptions{Bytes: 1 << 20}
	control, c, _ := owner(t, dir, opts)
	other, follower, err := files(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = follower.Close(); _ = other.Close() })
	put(t, c, "k", []byte("old"), 0, 0)
	if _, ok := get(follower, "k", 0); !ok {
		t.Fatal("follower: got a miss")
	}
	outOfReach(t, c.Memory()[:l2mmap.FileHeaderBytes])
	if _, ok := get(c, "k", 0); ok || c.Detached() == "" {
		t.Fatalf("owner: got hit %v, detached %q", ok, c.Detached())
	}
	if err := c.Put("k", hashOf("k"), []byte("new"), 0, 0); !errors.Is(err, l2mmap.ErrDetached) {
		t.Fatalf("put: got %v, want ErrDetached", err)
	}
	if frame, ok := get(follower, "k", 0); ok {
		t.Errorf("follower: got %q in a file that nobody keeps in step", frame)
	}
	if s := control.State(); s.Opening == 0 || s.Pages != 0 {
		t.Errorf("got opening %d, %d pages, want a binding without pages", s.Opening, s.Pages)
	}
	if err := errors.Join(c.Close(), control.Close()); err != nil {
		t.Fatal(err)
	}
	_, later, bound := owner(t, dir, opts)
	if frame, ok := get(later, "k", 0); ok || bound.Wiped != "" || bound.PagesWiped == "" {
		t.Errorf("next opening: got %q, hit %v, %+v, want the pages wiped alone", frame, ok, bound)
	}
}

// TestDetachReachesAllWords: words that the owner cannot reach keep it from
// saying so neither in the others nor in the binding.
func TestDetachReachesAllWords(t *testing.T) {
	dir := memoryDir(t)
	control, c, _ := owner(t, dir, &l2mmap.PageOptions{Bytes: 1 << 20})
	follower, pages, err := files(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pages.Close(); _ = follower.Close() })
	put(t, c, "k", []byte("v"), 0, 0)
	const page = 4096
	outOfReach(t, control.Memory()[l2mmap.ControlWords:][:page])
	control.Begin(1)
	if control.Detached() == "" {
		t.Fatal("got attached still")
	}
	if s := follower.State(); s.Opening != 0 {
		t.Errorf("got opening %d bound still", s.Opening)
	}
	if _, ok := get(pages, "k", 0); ok {
		t.Error("another process: got a hit")
	}
	for b := l2mmap.Buckets - 1; b >= 0; b-- { // those that detach a reader come first
		if w := follower.Load(uint16(b)); w.InFlight() == 0 {
			t.Fatalf("word %d: another process got one that is trusted", b)
		}
		if b >= page/8 && follower.Possible(follower.LoadRaw(uint16(b))) {
			t.Fatalf("word %d: the owner left it to others", b)
		}
	}
}
