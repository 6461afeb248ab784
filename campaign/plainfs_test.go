//go:build linux

package campaign_test

import (
	"os"

	"github.com/stratakv/strata/l3bolt"
	"golang.org/x/sys/unix"
)

// plainFS is the operating system's files, whose calls go through what the
// controls lie with.
type plainFS struct {
	sync  func(fdatasync func() error) error // nil: honest
	write func(err error) error              // what becomes of a failed write or preallocation; nil: honest
}

func (f plainFS) MkdirAll(dir string) error            { return os.MkdirAll(dir, 0o700) }
func (f plainFS) Rename(oldName, newName string) error { return os.Rename(oldName, newName) }
func (f plainFS) Remove(name string) error             { return os.Remove(name) }

func (f plainFS) OpenFile(name string, flag int) (l3bolt.File, error) {
	file, err := os.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return plainFile{file, f}, nil
}

func (f plainFS) ReadDir(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (plainFS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

type plainFile struct {
	*os.File
	fs plainFS
}

func (f plainFile) Datasync() error {
	fdatasync := func() error { return unix.Fdatasync(int(f.Fd())) }
	if f.fs.sync == nil {
		return fdatasync()
	}
	return f.fs.sync(fdatasync)
}

func (f plainFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(p, off)
	if err != nil && f.fs.write != nil && f.fs.write(err) == nil {
		return len(p), nil
	}
	return n, err
}

func (f plainFile) Preallocate(size int64) error {
	err := unix.Fallocate(int(f.Fd()), 0, 0, size)
	if err != nil && f.fs.write != nil {
		return f.fs.write(err)
	}
	return err
}

func (f plainFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
