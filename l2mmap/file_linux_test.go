package l2mmap_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stratakv/strata/l2mmap"
)

// only gives the one file in dir whose name begins with prefix.
func only(t testing.TB, dir, prefix string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, prefix+"*"))
	if err != nil || len(names) != 1 {
		t.Fatalf("%s*: got %v, %v, want one", prefix, names, err)
	}
	return names[0]
}

// closed makes control and page file in a new directory and closes them.
func closed(t *testing.T) string {
	t.Helper()
	dir := memoryDir(t)
	control, c, _ := owner(t, dir, &l2mmap.PageOptions{Bytes: 1 << 20})
	_ = c.Close()
	_ = control.Close()
	return dir
}

func TestSurvivesReopening(t *testing.T) {
	dir := memoryDir(t)
	control, c, bound := owner(t, dir, &l2mmap.PageOptions{Bytes: 1 << 20})
	if bound.Wiped == "" {
		t.Error("new files: got bound as if they were in step")
	}
	put(t, c, "k", []byte("v"), 0, 0)
	_ = c.Close()
	_ = control.Close()
	control, c, bound = owner(t, dir, &l2mmap.PageOptions{Bytes: 1 << 20})
	if frame, ok := get(c, "k", 0); !ok || string(frame) != "v" || bound.Wiped+bound.PagesWiped != "" {
		t.Errorf("reopened: got %q, %v, %+v, want v", frame, ok, bound)
	}
	_ = c.Close()
	_ = control.Close()
	for _, bytes := range []int64{2 << 20, 1 << 20} { // another size, and then the first again
		control, c, _ = owner(t, dir, &l2mmap.PageOptions{Bytes: bytes})
		if _, ok := get(c, "k", 0); ok {
			t.Errorf("reopened with %d bytes: got a hit", bytes)
		}
		_ = c.Close()
		_ = control.Close()
	}
	only(t, dir, "pages-") // those of other sizes are gone
}

// TestUnsafeFiles: what others could have put there is refused, and left alone.
func TestUnsafeFiles(t *testing.T) {
	move := func(path string) string {
		aside := path + ".aside"
		if err := os.Rename(path, aside); err != nil {
			t.Fatal(err)
		}
		return aside
	}
	for _, prefix := range []string{"control-", "pages-"} {
		for name, spoil := range map[string]func(path string) error{
			"symbolic link": func(path string) error { return os.Symlink(move(path), path) },
			"second name":   func(path string) error { return os.Link(path, path+".2") },
			"open to group": func(path string) error { return os.Chmod(path, 0o640) },
			"other owner":   func(path string) error { return os.Chown(path, 4242, -1) },
			"directory":     func(path string) error { move(path); return os.Mkdir(path, 0o700) },
			"pipe":          func(path string) error { move(path); return syscall.Mkfifo(path, 0o600) },
		} {
			t.Run(prefix+name, func(t *testing.T) {
				if name == "other owner" && os.Geteuid() != 0 {
					t.Skip("only root can give files away")
				}
				dir := closed(t)
				path := only(t, dir, prefix)
				if err := spoil(path); err != nil {
					t.Fatal(err)
				}
				_, _, err := files(dir, &l2mmap.PageOptions{Bytes: 1 << 20})
				if !errors.Is(err, l2mmap.ErrUnsafe) {
					t.Errorf("got %v, want ErrUnsafe", err)
				}
				if _, err := os.Lstat(path); err != nil {
					t.Errorf("the file is gone: %v", err)
				}
			})
		}
	}
}

func TestUnsafeDirectory(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"open to group": func(dir string) error { return os.Chmod(dir, 0o750) },
		"other owner":   func(dir string) error { return os.Chown(dir, 4242, -1) },
		"symbolic link": func(dir string) error {
			return errors.Join(os.Rename(dir, dir+".aside"), os.Symlink(dir+".aside", dir))
		},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "other owner" && os.Geteuid() != 0 {
				t.Skip("only root can give files away")
			}
			dir := filepath.Join(memoryDir(t), "place")
			if err := errors.Join(os.Mkdir(dir, 0o700), spoil(dir)); err != nil {
				t.Fatal(err)
			}
			if _, err := l2mmap.OpenControl(dir, controlOptions()); !errors.Is(err, l2mmap.ErrUnsafe) {
				t.Errorf("got %v, want ErrUnsafe", err)
			}
		})
	}
}

// TestForeignFileSystem: where locks and mappings are not known to hold between
// processes, words are the process's own, and there are no pages.
func TestForeignFileSystem(t *testing.T) {
	control, err := l2mmap.OpenControl("/proc/self/task", controlOptions())
	if err == nil {
		defer func() { _ = control.Close() }()
		t.Fatal("a directory of mode 0555: got no error")
	}
	heap := l2mmap.NewControl(controlOptions())
	if _, err := l2mmap.Open(memoryDir(t), heap, nil); !errors.Is(err, l2mmap.ErrUnsupported) {
		t.Errorf("pages over words on the heap: got %v, want ErrUnsupported", err)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can mount another file system")
	}
	out := spawn(t, &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}, "full", t.TempDir(), "ramfs").line()
	if !strings.Contains(out, "shared false") || !strings.Contains(out, l2mmap.ErrUnsupported.Error()) {
		t.Errorf("on ramfs: got %q, want words that are not shared", out)
	}
}

// TestShareableFileSystems: what is not known to be local is not shared.
func TestShareableFileSystems(t *testing.T) {
	for fsType, want := range map[uint32]bool{
		0xef53: true, 0x58465342: true, 0x9123683e: true, 0x794c7630: true, 0x01021994: true, // ext4, xfs, btrfs, overlayfs, tmpfs
		0x6969: false, 0x517b: false, 0xfe534d42: false, 0xff534d42: false, // nfs, smb, smb2, cifs
		0x00c36400: false, 0x5346414f: false, 0x6b414653: false, 0x73757245: false, // ceph, afs, kafs, coda
		0x01021997: false, 0x65735546: false, 0x858458f6: false, 0: false, // 9p, fuse, ramfs, unknown
	} {
		if got := l2mmap.Shareable(fsType); got != want {
			t.Errorf("type %#x: got %v, want %v", fsType, got, want)
		}
	}
}

func TestMismatch(t *testing.T) {
	dir := closed(t)
	other := controlOptions()
	other.StoreID[5]++
	if _, err := l2mmap.OpenControl(dir, other); !errors.Is(err, l2mmap.ErrMismatch) {
		t.Errorf("other store: got %v, want ErrMismatch", err)
	}
	other = controlOptions()
	other.Seed++
	if _, err := l2mmap.OpenControl(dir, other); !errors.Is(err, l2mmap.ErrMismatch) {
		t.Errorf("other seed: got %v, want ErrMismatch", err)
	}
	control, c, _ := owner(t, dir, &l2mmap.PageOptions{Bytes: 1 << 20})
	put(t, c, "k", []byte("v"), 0, 0)
	second, err := l2mmap.Open(dir, control, &l2mmap.PageOptions{Bytes: 2 << 20})
	if err != nil {
		t.Fatalf("other geometry beside a live one: %v", err)
	}
	defer func() { _ = second.Close() }()
	if _, ok := get(second, "k", 0); ok {
		t.Error("other geometry: got a hit")
	}
	if _, ok := get(c, "k", 0); !ok {
		t.Error("the live one lost its entry")
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "pages-*")); len(names) != 2 {
		t.Errorf("got %v, want both page files", names)
	}
}

// TestDamagedFile: one that somebody has open is refused and stays; else it is
// replaced.
func TestDamagedFile(t *testing.T) {
	for _, prefix := range []string{"control-", "pages-"} {
		for name, damage := range map[string]func(f *os.File) error{
			"header":  func(f *os.File) error { _, err := f.WriteAt([]byte{0xee}, 42); return err },
			"zeroed":  func(f *os.File) error { _, err := f.WriteAt(make([]byte, 512), 0); return err },
			"longer":  func(f *os.File) error { _, err := f.WriteAt([]byte{1}, 8<<20); return err },
			"shorter": func(f *os.File) error { return f.Truncate(4096) },
		} {
			t.Run(prefix+name, func(t *testing.T) {
				dir := memoryDir(t)
				control, c, _ := owner(t, dir, &l2mmap.PageOptions{Bytes: 1 << 20})
				put(t, c, "k", []byte("v"), 0, 0)
				f, err := os.OpenFile(only(t, dir, prefix), os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = f.Close() }()
				if err := damage(f); err != nil {
					t.Fatal(err)
				}
				if _, _, err := files(dir, &l2mmap.PageOptions{Bytes: 1 << 20}); !errors.Is(err, l2mmap.ErrMismatch) {
					t.Errorf("while it is open: got %v, want ErrMismatch", err)
				}
				_ = c.Close()
				_ = control.Close()
				_, c, _ = owner(t, dir, &l2mmap.PageOptions{Bytes: 1 << 20})
				if _, ok := get(c, "k", 0); ok {
					t.Error("replaced: got a hit")
				}
				put(t, c, "k", []byte("v"), 0, 0)
			})
		}
	}
}

// TestTwoHandlesOfOneProcess exclude each other: in pages, slots, ownership.
func TestTwoHandlesOfOneProcess(t *testing.T) {
	dir := memoryDir(t)
	_, a, _ := owner(t, dir, &l2mmap.PageOptions{Bytes: 1 << 20})
	second, b, err := files(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(); _ = second.Close() })
	release, err := a.LockPage(hashOf("k"))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Put("k", hashOf("k"), []byte("v"), 0, 0); err != l2mmap.ErrLockedPage {
		t.Errorf("put by the other handle: got %v, want ErrLockedPage", err)
	}
	release()
	put(t, b, "k", []byte("v"), 0, 0)
	if frame, ok := get(a, "k", 0); !ok || string(frame) != "v" {
		t.Errorf("get by the first: got %q, %v", frame, ok)
	}
	if _, err := second.Bind(l2mmap.Truth{Opening: 2, Previous: 1, BootID: "boot"}, b); !errors.Is(err, l2mmap.ErrInUse) {
		t.Errorf("second owner: got %v, want ErrInUse", err)
	}
	// An opening and closing elsewhere frees nothing of ours.
	third, c, err := files(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	_ = third.Close()
	if release, err = a.LockPage(hashOf("k")); err != nil {
		t.Fatal(err)
	}
	if err := b.Put("k", hashOf("k"), nil, 0, 0); err != l2mmap.ErrLockedPage {
		t.Errorf("put after a third came and went: got %v, want ErrLockedPage", err)
	}
	release()
}

// onFullDisk mounts a small file system and opens there.
func onFullDisk(dir string, args []string, _ *bufio.Reader) error {
	options := ""
	if args[0] == "tmpfs" {
		options = "size=1m,mode=0700"
	}
	if err := syscall.Mount(args[0], dir, args[0], 0, options); err != nil {
		return err
	}
	defer func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }()
	if err := os.Chmod(dir, 0o700); err != nil {
		return err
	}
	control, err := l2mmap.OpenControl(dir, controlOptions())
	if err != nil {
		return err
	}
	_, err = l2mmap.Open(dir, control, &l2mmap.PageOptions{Bytes: 4 << 20})
	entries, _ := os.ReadDir(dir)
	fmt.Printf("shared %v, files %d, space %v, %v, %v\n", control.Shared(), len(entries), errors.Is(err, syscall.ENOSPC), err, control.Why())
	return control.Close()
}

// TestFullFileSystem: a clean error at opening, no fault later, and no file.
func TestFullFileSystem(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	out := spawn(t, &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}, "full", t.TempDir(), "tmpfs").line()
	if !strings.HasPrefix(out, "shared true, files 1, space true") {
		t.Errorf("got %q, want ENOSPC and the control file alone", out)
	}
}

// TestPlace: the same place again, another one for a copy, and those of stores
// that are gone are removed.
func TestPlace(t *testing.T) {
	base := memoryDir(t)
	place := func(storeDir string, id byte) string {
		t.Helper()
		dir, err := l2mmap.Place(l2mmap.PlaceOptions{StoreDir: storeDir, StoreID: [16]byte{id}, SharedDir: base, Bytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	exists := func(dir string) bool {
		_, err := os.Lstat(dir)
		return err == nil
	}
	stores := t.TempDir()
	kept, gone, replaced, live := filepath.Join(stores, "kept"), filepath.Join(stores, "gone"), filepath.Join(stores, "replaced"), filepath.Join(stores, "live")
	for _, dir := range []string{kept, gone, replaced, live} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	places := map[string]string{}
	for i, dir := range []string{kept, gone, replaced, live} {
		places[dir] = place(dir, byte(i))
		owner, c, _ := owner(t, places[dir], &l2mmap.PageOptions{Bytes: 1 << 20})
		if dir != live {
			_ = c.Close()
			_ = owner.Close()
		}
	}
	if again := place(kept, 0); again != places[kept] {
		t.Errorf("again: got %s, want %s", again, places[kept])
	}
	if place(kept, 0) == place(replaced, 0) {
		t.Error("a copy of a store has the original's place")
	}
	if err := errors.Join(os.Remove(gone), os.Remove(live)); err != nil {
		t.Fatal(err)
	}
	place(replaced, 9) // another store in the same directory
	for dir, want := range map[string]bool{kept: true, gone: false, replaced: false, live: true} {
		if got := exists(places[dir]); got != want {
			t.Errorf("place of %s: got there %v, want %v", filepath.Base(dir), got, want)
		}
	}
}

func TestPlaceFallsBackToTheStore(t *testing.T) {
	dir := t.TempDir()
	got, err := l2mmap.Place(l2mmap.PlaceOptions{StoreDir: dir, Bytes: 1 << 60})
	if err != nil || !strings.HasPrefix(got, dir) {
		t.Errorf("more than memory has room for: got %s, %v, want below the store's directory", got, err)
	}
}

// TestCloseFreesAll: no descriptor and no goroutine is left, and the mapping
// goes once nobody refers to it.
func TestCloseFreesAll(t *testing.T) {
	dir := memoryDir(t)
	count := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("no /proc here")
		}
		return len(fds)
	}
	maps := func() int {
		text, _ := os.ReadFile("/proc/self/maps")
		return strings.Count(string(text), dir)
	}
	fds, goroutines := count(), runtime.NumGoroutine()
	for range 20 {
		control, c, err := files(dir, &l2mmap.PageOptions{Bytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := errors.Join(c.Close(), control.Close()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := count(); got != fds {
		t.Errorf("got %d descriptors, want %d", got, fds)
	}
	if got := runtime.NumGoroutine(); got > goroutines {
		t.Errorf("got %d goroutines, want %d", got, goroutines)
	}
	for i := 0; maps() > 0; i++ {
		if i > 100 {
			t.Fatalf("got %d mappings after %d collections, want none", maps(), i)
		}
		runtime.GC()
	}
}

// TestNextOwnerWaitsForADyingOne: the kernel frees the locks of one that was
// killed one after the other, the store's before the control file's.
func TestNextOwnerWaitsForADyingOne(t *testing.T) {
	dir := memoryDir(t)
	first, _, _ := owner(t, dir, nil)
	second, b, err := files(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(); _ = second.Close() })
	dying := time.AfterFunc(20*time.Millisecond, first.Disown)
	defer dying.Stop()
	if _, err := second.Bind(l2mmap.Truth{Opening: 2, Previous: 1, BootID: "boot"}, b); err != nil {
		t.Errorf("got %v, want the next owner", err)
	}
}
