package l3bolt

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openFlags: a symbolic link put in place of a file is not followed.
const openFlags = unix.O_NOFOLLOW

// datasync makes f's contents durable.
func datasync(f *os.File) error {
	return retryEINTR("fdatasync", f, func(fd int) error { return unix.Fdatasync(fd) })
}

// preallocate reserves the first size bytes. File systems that cannot are
// used without.
func preallocate(f *os.File, size int64) error {
	_, err := allocate(f, 0, size)
	return err
}

// allocate makes sure that n bytes at off have their room, zeros where nothing
// was written; done is false where the file system cannot.
func allocate(f *os.File, off, n int64) (done bool, err error) {
	err = retryEINTR("fallocate", f, func(fd int) error { return unix.Fallocate(fd, 0, off, n) })
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) {
		return false, nil
	}
	return err == nil, err
}

// retryEINTR runs op on f's descriptor. EINTR says that the call did not run
// to its end, not that it failed: repeating it hides no lost write.
func retryEINTR(name string, f *os.File, op func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var opErr error
	if err := raw.Control(func(fd uintptr) {
		for {
			if opErr = op(int(fd)); opErr != unix.EINTR {
				return
			}
		}
	}); err != nil {
		return err
	}
	if opErr != nil {
		return &os.PathError{Op: name, Path: f.Name(), Err: opErr}
	}
	return nil
}

// freeBytes is how much room the disk of dir has for this user.
func freeBytes(dir string) (int64, bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, false
	}
	return int64(st.Bavail) * int64(st.Bsize), true
}

// blocksOf is what a file takes of its disk.
func blocksOf(info os.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(st.Blocks) * 512 // whatever the file system's blocks are
	}
	return info.Size()
}

// onMemory reports whether dir lies on a file system that a reboot empties.
func onMemory(dir string) bool { return memoryType(fileSystem(dir)) }

// onRemote reports whether dir lies on a file system of another machine, or of a
// program: its locks and syncs are as good as theirs.
func onRemote(dir string) bool { return remoteType(fileSystem(dir)) }

// fileSystem is the type of dir's, 0 if nobody can say.
func fileSystem(dir string) uint32 {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0
	}
	return uint32(st.Type)
}

func memoryType(fsType uint32) bool {
	switch fsType {
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		return true
	}
	return false
}

func remoteType(fsType uint32) bool {
	switch fsType {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.CEPH_SUPER_MAGIC,
		unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC, unix.CODA_SUPER_MAGIC, unix.NCP_SUPER_MAGIC, unix.V9FS_MAGIC, unix.FUSE_SUPER_MAGIC:
		return true
	}
	return false
}
