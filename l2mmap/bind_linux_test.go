package l2mmap_test

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
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

// inside gives control and page file in a directory of the store's, as bound by
// truth.
func inside(t *testing.T, store, dir string, truth l2mmap.Truth) (*l2mmap.Control, *l2mmap.Cache, l2mmap.Bound) {
	t.Helper()
	o := controlOptions()
	o.StoreDir = store
	control, err := l2mmap.OpenControl(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	c, err := l2mmap.Open(dir, control, &l2mmap.PageOptions{Bytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(); _ = control.Close() })
	bound, err := control.Bind(truth, c)
	if err != nil {
		t.Fatal(err)
	}
	return control, c, bound
}

// TestFilesInTheStoreMustBeClosedInOrder (rule 4 of Bind): a copy of the store
// that was made while it was in use has copies of its files, each of another
// moment. What its owner has closed is of one.
func TestFilesInTheStoreMustBeClosedInOrder(t *testing.T) {
	for _, tc := range []struct {
		name      string
		saved     []string // files that are again as they were when they were in use
		version   uint64   // of the truth, and of the control file when it was closed
		elsewhere bool     // the files are not in the store's directory
		link      bool     // its name is a link
		attached  bool     // others have had the files open all the time
		keeps     bool
		pages     bool // only the page file is wiped
	}{
		{name: "closed in order", keeps: true},
		{name: "through a link", link: true, keeps: true},
		{name: "killed", saved: []string{"control-", "pages-"}},
		{name: "killed, through a link", saved: []string{"control-", "pages-"}, link: true},
		{name: "killed, the files elsewhere", saved: []string{"control-", "pages-"}, elsewhere: true, keeps: true},
		{name: "killed, others attached", saved: []string{"control-", "pages-"}, attached: true, keeps: true},
		{name: "control file of before", saved: []string{"control-"}},
		{name: "page file of before", saved: []string{"pages-"}, pages: true},
		{name: "page file closed at another version", version: 1, pages: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			store := private(t, t.TempDir())
			dir := filepath.Join(store, "shared")
			if tc.elsewhere {
				dir = filepath.Join(t.TempDir(), "shared")
			}
			if tc.link {
				link := filepath.Join(t.TempDir(), "link")
				if err := os.Symlink(store, link); err != nil {
					t.Fatal(err)
				}
				store = link
			}
			control, c, _ := inside(t, store, dir, l2mmap.Truth{Opening: 1, BootID: "boot"})
			put(t, c, "k", []byte("v"), 0, 0)
			restore := func() {}
			for _, prefix := range tc.saved {
				restore = after(restore, save(t, only(t, dir, prefix)))
			}
			if tc.attached {
				other, follower, err := files(dir, nil)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = follower.Close(); _ = other.Close() })
			}
			err := c.Close()
			control.EndGroup(tc.version)
			if err = errors.Join(err, control.Close()); err != nil {
				t.Fatal(err)
			}
			restore()
			_, c, bound := inside(t, store, dir, l2mmap.Truth{Opening: 2, Previous: 1, Version: tc.version, BootID: "boot"})
			_, hit := get(c, "k", 0)
			if hit != tc.keeps || (bound.Wiped == "" && bound.PagesWiped == "") != tc.keeps || (bound.PagesWiped != "") != tc.pages {
				t.Errorf("got hit %v, %+v, want kept %v, pages alone %v", hit, bound, tc.keeps, tc.pages)
			}
		})
	}
}

func after(first, then func()) func() { return func() { first(); then() } }

// save copies the file; restore writes the copy over it, so that it stays the
// same file.
func save(t *testing.T, path string) (restore func()) {
	t.Helper()
	saved, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteAt(saved, 0)
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
}
