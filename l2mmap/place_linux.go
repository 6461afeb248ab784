package l2mmap

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// memoryBase is where the user's places in memory lie.
func memoryBase() string { return filepath.Join("/dev/shm", "strata-"+strconv.Itoa(os.Geteuid())) }

// dirIdentity tells a directory from its copies; renaming does not change it.
func dirIdentity(dir string) (string, error) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return "", &fs.PathError{Op: "stat", Path: dir, Err: err}
	}
	return fmt.Sprintf("%d:%d", st.Dev, st.Ino), nil
}

// safeBase reports whether base is, or can be made, a folder of the user's own.
func safeBase(base string) bool {
	if _, err := os.Stat(filepath.Dir(base)); err != nil {
		return false
	}
	d, err := openFolder(base)
	if err != nil {
		return false
	}
	return d.close() == nil
}

// room is the free space at base.
func room(base string) int64 {
	var st unix.Statfs_t
	if err := unix.Statfs(base, &st); err != nil {
		return 0
	}
	return int64(st.Bavail) * int64(st.Bsize)
}

// claim makes the place and writes down whose it is.
func claim(dir, home string) error {
	d, err := openFolder(dir)
	if errors.Is(err, ErrUnsupported) {
		return nil // OpenControl will say so
	}
	if err != nil {
		return err
	}
	defer func() { _ = d.close() }()
	if before, err := d.read(homeName); err == nil && before == home {
		return nil
	}
	for range 5 {
		// An opening beside this one may take the new file for a leftover.
		if err = d.write(homeName, home); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return err
}

// maxHomeBytes bounds what is read of a home file.
const maxHomeBytes = 1 << 16

// read gives the contents of a small file.
func (d *folder) read(name string) (string, error) {
	f, err := d.open(name, -1)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	buf := make([]byte, maxHomeBytes)
	n, err := f.ReadAt(buf, 0)
	if n == len(buf) {
		return "", fmt.Errorf("%s: %w: too long", f.Name(), ErrMismatch)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return string(buf[:n]), err
}

// write puts a small file in place at once.
func (d *folder) write(name, text string) error {
	f, err := os.CreateTemp(d.f.Name(), tempPrefix)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(d.f.Name(), name))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// removeOrphans removes the places in base whose store is gone.
func removeOrphans(base, keep, home string) {
	d, err := openFolder(base)
	if err != nil {
		return // not the user's own alone: nothing there is removed
	}
	defer func() { _ = d.close() }()
	entries, err := os.ReadDir(base)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.Name() != keep && isPlaceName(e.Name()) && e.IsDir() {
			removeOrphan(filepath.Join(base, e.Name()), home)
		}
	}
}

// removeOrphan removes dir if its store is gone and nobody has its files open:
// its directory does not exist, is another one now, or is ours and holds the
// caller's store, which has another place.
func removeOrphan(dir, home string) {
	d, err := openFolder(dir)
	if err != nil {
		return
	}
	defer func() { _ = d.close() }()
	theirs, err := d.read(homeName)
	if err != nil {
		return
	}
	if theirs != home {
		identity, err := dirIdentity(theirs)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err == nil && strings.HasSuffix(dir, placeName([16]byte{}, identity)[32:]) {
			return
		}
	}
	for _, name := range d.names("control-v") {
		if !d.removeIdle(name) {
			return
		}
	}
	d.tidy("")
	if len(d.names(pagesPrefix)) == 0 && d.remove(homeName) == nil {
		_ = os.Remove(dir) // not if somebody has put a file there meanwhile
	}
}
