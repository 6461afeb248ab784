package l2mmap_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stratakv/strata/l2mmap"
)

// placed makes a store's directory and its place in base.
func placed(t testing.TB, base, storeDir string, id byte) string {
	t.Helper()
	if err := os.MkdirAll(storeDir, 0o700); err != nil {
		t.Fatal(err)
	}
	dir, err := l2mmap.Place(l2mmap.PlaceOptions{StoreDir: storeDir, StoreID: [16]byte{id}, SharedDir: base, Bytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// TestOrphansAreJudgedEach: whatever is wrong with one place, the others go or
// stay as they should, and one whose files somebody has open always stays.
func TestOrphansAreJudgedEach(t *testing.T) {
	base, stores := memoryDir(t), t.TempDir()
	opts := &l2mmap.PageOptions{Bytes: 1 << 20}
	note := func(dir string) string { return filepath.Join(dir, "home") }
	stays := map[string]func(dir string) error{ // their stores are gone, all of them
		"live":                   nil,
		"live without its note":  func(dir string) error { return os.Remove(note(dir)) },
		"open to group":          func(dir string) error { return os.Chmod(dir, 0o750) },
		"note is a directory":    func(dir string) error { return errors.Join(os.Remove(note(dir)), os.Mkdir(note(dir), 0o700)) },
		"note is a link":         func(dir string) error { return errors.Join(os.Remove(note(dir)), os.Symlink("/etc/passwd", note(dir))) },
		"note is too long":       func(dir string) error { return os.Truncate(note(dir), 1<<20) },
		"control file has links": func(dir string) error { c := only(t, dir, "control-"); return os.Link(c, c+".2") },
		"somebody's file":        func(dir string) error { return os.WriteFile(filepath.Join(dir, "precious"), nil, 0o600) },
	}
	goes := map[string]func(dir string) error{
		"closed":           nil,
		"without its note": func(dir string) error { return os.Remove(note(dir)) },
		"empty":            func(dir string) error { return errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)) },
		"another layout": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "control-v999"), []byte("x"), 0o600)
		},
		"making was cut off": func(dir string) error { return os.WriteFile(filepath.Join(dir, "tmp-1"), nil, 0o600) },
	}
	dirs, id := map[string]string{}, byte(1)
	for _, kind := range []map[string]func(string) error{stays, goes} {
		for name, spoil := range kind {
			dir := placed(t, base, filepath.Join(stores, name), id)
			id++
			control, c, _ := owner(t, dir, opts)
			if !strings.HasPrefix(name, "live") {
				_ = c.Close()
				_ = control.Close()
			}
			if spoil != nil {
				if err := spoil(dir); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
			dirs[name] = dir
		}
	}
	if err := os.RemoveAll(stores); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(filepath.Join(base, strings.Repeat("0", 32)+"-"+strings.Repeat("0", 16)), nil, 0o600),
		os.Symlink(t.TempDir(), filepath.Join(base, strings.Repeat("1", 32)+"-"+strings.Repeat("1", 16)))); err != nil {
		t.Fatal(err)
	}
	placed(t, base, t.TempDir(), 0)
	for name := range stays {
		if !exists(dirs[name]) {
			t.Errorf("%s: the place is gone", name)
		}
	}
	for name := range goes {
		if exists(dirs[name]) {
			t.Errorf("%s: the place is there still", name)
		}
	}
	for _, name := range []string{"live", "somebody's file", "control file has links"} {
		if !exists(note(dirs[name])) {
			t.Errorf("%s: the note whose place it is is gone", name)
		}
	}
	for _, name := range []string{"live", "live without its note"} {
		only(t, dirs[name], "control-")
		only(t, dirs[name], "pages-")
	}
}

// TestMovedStoreKeepsItsPlace: its note names the directory of before, which is
// gone, while it is open from where it is now.
func TestMovedStoreKeepsItsPlace(t *testing.T) {
	base, stores := memoryDir(t), t.TempDir()
	before, after := filepath.Join(stores, "before"), filepath.Join(stores, "after")
	dir := placed(t, base, before, 1)
	if err := os.Rename(before, after); err != nil {
		t.Fatal(err)
	}
	if again := placed(t, base, after, 1); again != dir {
		t.Fatalf("got %s, want %s again", again, dir)
	}
	placed(t, base, t.TempDir(), 2)
	if home, err := os.ReadFile(filepath.Join(dir, "home")); string(home) != after {
		t.Errorf("note: got %q, %v, want %q", home, err, after)
	}
}

// TestCopiedPlaceGoes: a copy of a store has no use for the original's place,
// which was copied with it. The original has.
func TestCopiedPlaceGoes(t *testing.T) {
	original := filepath.Join(private(t, t.TempDir()), "store")
	dir := placed(t, filepath.Join(original, "shared"), original, 1)
	control, c, _ := owner(t, dir, &l2mmap.PageOptions{Bytes: 1 << 20})
	_ = c.Close()
	_ = control.Close()
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(original)); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(copied, "shared", "*"))
	if err != nil || len(names) != 1 {
		t.Fatalf("copied: got %v, %v, want one place", names, err)
	}
	if err := errors.Join(os.Chmod(filepath.Join(copied, "shared"), 0o700), os.Chmod(names[0], 0o700), os.Chmod(only(t, names[0], "control-"), 0o600),
		os.Chmod(only(t, names[0], "pages-"), 0o600), os.Chmod(only(t, names[0], "home"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if own := placed(t, filepath.Join(copied, "shared"), copied, 1); own == names[0] {
		t.Fatal("the copy has the original's place")
	}
	if exists(names[0]) {
		t.Error("the original's place is in the copy still")
	}
	if !exists(only(t, dir, "pages-")) {
		t.Error("the original's own page file is gone")
	}
}

// TestPlacesMadeAtOnce: each opening removes orphans, and a place that is being
// made is one for a moment.
func TestPlacesMadeAtOnce(t *testing.T) {
	base := memoryDir(t)
	for round := range byte(20) {
		var wg sync.WaitGroup
		for i := range byte(8) {
			storeDir := t.TempDir()
			wg.Go(func() {
				dir, err := l2mmap.Place(l2mmap.PlaceOptions{StoreDir: storeDir, StoreID: [16]byte{round, i}, SharedDir: base, Bytes: 1 << 20})
				if err != nil {
					t.Errorf("place: %v", err)
				} else if home, err := os.ReadFile(filepath.Join(dir, "home")); string(home) != storeDir {
					t.Errorf("note: got %q, %v, want %q", home, err, storeDir)
				}
			})
		}
		wg.Wait()
	}
}

// filled makes files in dir and closes them; nothing is mapped any more when it
// returns.
func filled(dir string) error {
	control, c, err := files(dir, &l2mmap.PageOptions{Bytes: 8 << 20})
	if err != nil {
		return err
	}
	if err := errors.Join(c.Close(), control.Close()); err != nil {
		return err
	}
	control, c = nil, nil
	for range 100 {
		runtime.GC()
		if maps, err := os.ReadFile("/proc/self/maps"); err != nil || !strings.Contains(string(maps), dir) {
			return err
		}
	}
	return errors.New("the files stay mapped")
}

// inLittleMemory mounts a small file system where places in memory lie, and
// prints what became of some of them.
func inLittleMemory(dir string, _ []string, _ *bufio.Reader) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=20m"); err != nil {
		return err
	}
	place := func(id byte, bytes int64) (string, error) {
		home := filepath.Join(dir, fmt.Sprint(id))
		if err := os.MkdirAll(home, 0o700); err != nil {
			return "", err
		}
		return l2mmap.Place(l2mmap.PlaceOptions{StoreDir: home, StoreID: [16]byte{id}, Bytes: bytes})
	}
	if _, err := place(1, 1<<30); err != nil {
		return err
	}
	left, err := os.ReadDir("/dev/shm")
	if err != nil {
		return err
	}
	first, err := place(2, 1<<20)
	if err != nil {
		return err
	}
	if err := filled(first); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(dir, "2")); err != nil {
		return err
	}
	second, err := place(3, 1<<20)
	fmt.Printf("left %d, second in memory %v\n", len(left), strings.HasPrefix(second, "/dev/shm/"))
	return err
}

// TestOrphansGoBeforeRoomIsJudged: what stores that are gone have left does not
// drive the others out of memory; and where there is no room, nothing is made.
func TestOrphansGoBeforeRoomIsJudged(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	out := spawn(t, &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}, "little", t.TempDir()).line()
	if out != "left 0, second in memory true" {
		t.Errorf("got %q, want nothing left without room, and the second place in memory", out)
	}
}

// TestTidy: page files go that nobody has open, and nothing else.
func TestTidy(t *testing.T) {
	dir := memoryDir(t)
	control, c, _ := owner(t, dir, &l2mmap.PageOptions{Bytes: 1 << 20})
	if err := os.WriteFile(filepath.Join(dir, "tmp-1"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tidy := func(control *l2mmap.Control) {
		t.Helper()
		if err := l2mmap.Tidy(dir, control); err != nil {
			t.Fatalf("tidy: %v", err)
		}
	}
	tidy(control)
	only(t, dir, "pages-")
	if exists(filepath.Join(dir, "tmp-1")) {
		t.Error("a file whose making was cut off is there still")
	}
	second, follower, err := files(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	tidy(control)
	only(t, dir, "pages-")
	_ = follower.Close()
	_ = second.Close()
	tidy(l2mmap.NewControl(controlOptions())) // has no place
	only(t, dir, "pages-")
	tidy(control)
	if names, _ := filepath.Glob(filepath.Join(dir, "pages-*")); len(names) != 0 {
		t.Errorf("got %v, want no page file", names)
	}
	only(t, dir, "control-")
}

// TestRemovedFileDoesNotFault: who has closed a page file may still be reading
// it, and has no lock any more. The file that is removed then keeps its length.
func TestRemovedFileDoesNotFault(t *testing.T) {
	dir := memoryDir(t)
	control, c, _ := owner(t, dir, &l2mmap.PageOptions{Bytes: 1 << 20})
	_ = c.Close()
	if err := l2mmap.Tidy(dir, control); err != nil {
		t.Fatal(err)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "pages-*")); len(names) != 0 {
		t.Fatalf("got %v, want no page file", names)
	}
	if !c.Readable() {
		t.Error("reading what was mapped before: got a fault")
	}
}
