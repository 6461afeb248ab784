package l2mmap

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/edsrzf/mmap-go"
	"golang.org/x/sys/unix"
)

// The locks of a file are byte ranges beyond its end. They belong to the open
// file description: two handles of one process exclude each other, and the
// kernel lets go when the last descriptor is closed and the last mapping is
// gone, by the process's death at the latest.
const (
	lockGate  = 1 << 30        // of the control file: attaching, creating, removing
	lockOwner = lockGate + 1   // of the control file: the owner
	lockTemp  = lockGate + 2   // of a file that is being made
	lockUse   = lockGate + 3   // of a page file: shared by those who have it open
	lockSlots = lockGate + 100 // of the control file: + slot
)

// gateLimit is how long an opening waits for another one.
const gateLimit = 5 * time.Second

const tempPrefix = "tmp-"

// folder is a directory of the user's own that nobody else can open.
type folder struct{ f *os.File }

// openFolder opens path, and makes it if there is none. It must be on a file
// system whose mappings and locks hold between processes.
func openFolder(path string) (*folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	return openThere(path)
}

// openThere is openFolder of one that exists. fs.ErrNotExist: there is none.
func openThere(path string) (*folder, error) {
	fd, err := retry(func() (int, error) {
		return unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("%s: %w: not a directory itself", path, ErrUnsafe)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	d := &folder{os.NewFile(uintptr(fd), path)}
	if err := d.check(); err != nil {
		_ = d.close()
		return nil, err
	}
	return d, nil
}

func (d *folder) close() error { return d.f.Close() }

func (d *folder) check() error {
	var st unix.Stat_t
	if err := unix.Fstat(int(d.f.Fd()), &st); err != nil {
		return err
	}
	if int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s: %w: its owner is uid %d", d.f.Name(), ErrUnsafe, st.Uid)
	}
	if st.Mode&0o077 != 0 {
		return fmt.Errorf("%s: %w: its mode is %#o, not 0700", d.f.Name(), ErrUnsafe, st.Mode&0o777)
	}
	var sys unix.Statfs_t
	if err := unix.Fstatfs(int(d.f.Fd()), &sys); err != nil {
		return err
	}
	if !shareable(uint32(sys.Type)) {
		return fmt.Errorf("%s: %w: file system type %#x", d.f.Name(), ErrUnsupported, uint32(sys.Type))
	}
	return nil
}

// shareable lists the local file systems whose mappings are coherent and whose
// locks are the kernel's own. Network and FUSE file systems are not among them.
func shareable(fsType uint32) bool {
	switch fsType {
	case unix.TMPFS_MAGIC, unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.OVERLAYFS_SUPER_MAGIC:
		return true
	}
	return false
}

// open opens a file of exactly size bytes. fs.ErrNotExist: there is none.
func (d *folder) open(name string, size int64) (*os.File, error) {
	fd, err := retry(func() (int, error) {
		return unix.Openat(int(d.f.Fd()), name, unix.O_RDWR|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	})
	path := d.f.Name() + "/" + name
	if errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("%s: %w: a symbolic link", path, ErrUnsafe)
	}
	if errors.Is(err, unix.EISDIR) {
		return nil, fmt.Errorf("%s: %w: not a plain file", path, ErrUnsafe)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	if err := checkFile(f, size); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func checkFile(f *os.File, size int64) error {
	st, err := statOf(f)
	if err != nil {
		return err
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return fmt.Errorf("%w: not a plain file", ErrUnsafe)
	case int(st.Uid) != os.Geteuid():
		return fmt.Errorf("%w: its owner is uid %d", ErrUnsafe, st.Uid)
	case st.Mode&0o077 != 0:
		return fmt.Errorf("%w: its mode is %#o, not 0600", ErrUnsafe, st.Mode&0o777)
	case st.Nlink > 1:
		return fmt.Errorf("%w: it has %d names", ErrUnsafe, st.Nlink)
	case size >= 0 && st.Size != size:
		return fmt.Errorf("%w: %d bytes, not %d", errDamagedFile, st.Size, size)
	}
	return nil
}

func statOf(f *os.File) (st unix.Stat_t, err error) {
	err = withFd(f, func(fd int) error { return unix.Fstat(fd, &st) })
	return st, err
}

// unlinked reports whether f has lost its name.
func unlinked(f *os.File) bool {
	st, err := statOf(f)
	return err != nil || st.Nlink == 0
}

// create makes a file of size bytes that exist on the disk, lets fill write its
// header, and then gives it its name, all at once. fs.ErrExist: the name is
// taken. On any error no file stays.
func (d *folder) create(name string, size int64, fill func(m memory)) error {
	var tail [8]byte
	_, _ = rand.Read(tail[:])
	temp := tempPrefix + hex.EncodeToString(tail[:])
	dir := int(d.f.Fd())
	fd, err := retry(func() (int, error) {
		return unix.Openat(dir, temp, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	})
	if err != nil {
		return &fs.PathError{Op: "create", Path: d.f.Name() + "/" + temp, Err: err}
	}
	f := os.NewFile(uintptr(fd), d.f.Name()+"/"+name)
	defer func() { _ = f.Close() }()
	if err := d.prepare(f, size, fill); err != nil {
		_ = unix.Unlinkat(dir, temp, 0)
		return err
	}
	err = unix.Renameat2(dir, temp, dir, name, unix.RENAME_NOREPLACE)
	if err == nil {
		return nil
	}
	_ = unix.Unlinkat(dir, temp, 0)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return fmt.Errorf("%w: no renaming without replacing", ErrUnsupported)
	}
	if errors.Is(err, unix.ENOENT) {
		err = unix.EEXIST // taken for a leftover, before it was locked: try again
	}
	return &fs.PathError{Op: "rename", Path: f.Name(), Err: err}
}

func (d *folder) prepare(f *os.File, size int64, fill func(m memory)) error {
	if _, err := lock(f, unix.F_WRLCK, lockTemp, 1); err != nil {
		return err
	}
	err := withFd(f, func(fd int) error { return unix.Fallocate(fd, 0, 0, size) })
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return fmt.Errorf("%s: %w: no fallocate", f.Name(), ErrUnsupported)
	}
	if err != nil {
		return &fs.PathError{Op: "fallocate", Path: f.Name(), Err: err}
	}
	m, err := mapFile(f, size)
	if err != nil {
		return err
	}
	defer unmap(m)
	return guard(m, func() error { fill(m); return nil })
}

// remove takes a name away.
func (d *folder) remove(name string) error { return unix.Unlinkat(int(d.f.Fd()), name, 0) }

// names lists what is in d and begins with prefix. After an error it may be some
// of them.
func (d *folder) names(prefix string) ([]string, error) {
	entries, err := os.ReadDir(d.f.Name())
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// removeIdle takes away the file of that name if nobody holds any of its
// locks. It only loses its name, and is never made shorter: a process that has
// closed it lets go of the locks at once, but of the mapping when the last
// reader has left, and a reader must not fault. The memory is free by then.
func (d *folder) removeIdle(name string) bool {
	f, err := d.open(name, -1)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	ok, err := lock(f, unix.F_WRLCK, lockGate, lockSlots+slots-lockGate)
	return err == nil && ok && !unlinked(f) && d.remove(name) == nil
}

// mapFile maps the first size bytes of f.
func mapFile(f *os.File, size int64) (memory, error) {
	if int64(int(size)) != size {
		return nil, fmt.Errorf("%s: %w: %d bytes do not fit the address space", f.Name(), ErrUnsupported, size)
	}
	m, err := mmap.MapRegion(f, int(size), mmap.RDWR, 0, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "mmap", Path: f.Name(), Err: err}
	}
	return memory(m), nil
}

// unmap is for memory that nobody refers to any more.
func unmap(m memory) {
	mapped := mmap.MMap(m)
	_ = mapped.Unmap()
}

// guard turns a fault in m into an error.
func guard(m memory, fn func() error) (err error) {
	before := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(before)
		if r := recover(); r != nil {
			if !faultIn(r, m) {
				panic(r)
			}
			err = fmt.Errorf("%w: %s", ErrMismatch, reasonFault)
		}
	}()
	return fn()
}

// lock takes or frees a byte range of f without waiting; false: another has it.
func lock(f *os.File, kind int16, start, length int64) (bool, error) {
	err := withFd(f, func(fd int) error {
		return unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: kind, Start: start, Len: length})
	})
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return false, nil
	}
	return err == nil, err
}

// lockWithin is lock with a limit.
func lockWithin(f *os.File, kind int16, start int64, limit time.Duration) error {
	for begun := time.Now(); ; time.Sleep(time.Millisecond) {
		ok, err := lock(f, kind, start, 1)
		if err != nil {
			return err
		}
		if ok {
			return nil
		}
		if time.Since(begun) > limit {
			return fmt.Errorf("%s: %w: another opening does not end", f.Name(), ErrInUse)
		}
	}
}

// withFd runs fn on f's descriptor, which no Close takes away meanwhile.
func withFd(f *os.File, fn func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var fnErr error
	if err := raw.Control(func(fd uintptr) {
		for {
			if fnErr = fn(int(fd)); fnErr != unix.EINTR {
				return
			}
		}
	}); err != nil {
		return err
	}
	return fnErr
}

// retry repeats a call that a signal cut off.
func retry(fn func() (int, error)) (int, error) {
	for {
		if n, err := fn(); err != unix.EINTR {
			return n, err
		}
	}
}
