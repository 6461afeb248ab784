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

// room is the free space at base, or where it would be made.
func room(base string) int64 {
	var st unix.Statfs_t
	err := unix.Statfs(base, &st)
	if errors.Is(err, unix.ENOENT) {
		err = unix.Statfs(filepath.Dir(base), &st)
	}
	if err != nil {
		return 0
	}
	return int64(st.Bavail) * int64(st.Bsize)
}

// claim makes the place and writes down whose it is.
func claim(dir, home string) error {
	var err error
	for range claimTries {
		// An opening beside this one may take the new file for a leftover, or the
		// new directory, which is nobody's still, for an orphan.
		if err = claimOnce(dir, home); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return err
}

// claimTries is more than the openings that come beside one.
const claimTries = 1000

func claimOnce(dir, home string) error {
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
	return d.write(homeName, home)
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

// removeOrphans removes the places in base whose store is gone. Each is judged
// for itself: one that cannot be judged stays, and holds up no other.
func removeOrphans(base, keep, home string) {
	d, err := openThere(base)
	if err != nil {
		return // there is none, or it is not the user's own alone
	}
	defer func() { _ = d.close() }()
	names, _ := d.names("") // some, if not all
	for _, name := range names {
		if name != keep && isPlaceName(name) {
			removeOrphan(filepath.Join(base, name), home)
		}
	}
}

// removeOrphan removes dir if its store is gone and nobody has its files open.
// A live process holds a lock in its control file, and one in its page file: a
// file goes only while none of its locks is held, and the note whose place it
// is, and the directory, go last.
func removeOrphan(dir, home string) {
	d, err := openThere(dir)
	if err != nil {
		return
	}
	defer func() { _ = d.close() }()
	theirs, err := d.home()
	if err != nil || !gone(dir, theirs, home) {
		return
	}
	controls, err := d.names(controlPrefix)
	if err != nil {
		return
	}
	for _, name := range controls {
		if !d.removeIdle(name) {
			return
		}
	}
	d.tidy("")
	if now, err := d.home(); err != nil || now != theirs {
		return // its store has come back, from elsewhere
	}
	if left, err := d.names(""); err == nil && len(left) == 1 && left[0] == homeName {
		_ = d.remove(homeName)
	}
	_ = os.Remove(dir) // not if anything else is there
}

// home tells whose place d is, "" if nobody has said so.
func (d *folder) home() (string, error) {
	home, err := d.read(homeName)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return home, err
}

// gone reports whether the store whose place dir is, for its directory theirs,
// has no use for it any more: the directory does not exist, is another one now,
// or is home and holds the caller's store, which has another place. What lies in
// home itself came with a copy.
func gone(dir, theirs, home string) bool {
	if theirs == "" || theirs == home || filepath.Dir(filepath.Dir(dir)) == home {
		return true
	}
	identity, err := dirIdentity(theirs)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	return !strings.HasSuffix(dir, placeName([16]byte{}, identity)[32:])
}

// within reports whether dir lies in storeDir, if that is known.
func within(storeDir, dir string) bool {
	if storeDir == "" {
		return false
	}
	rel, err := filepath.Rel(resolved(storeDir), resolved(dir))
	return err != nil || filepath.IsLocal(rel)
}

// resolved is the path without symbolic links.
func resolved(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return path
}
