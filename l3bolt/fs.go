//go:build !wasm

package l3bolt

import (
	"io"
	"os"
)

// FS is the file system as the journal and the spare file need it: a seam for
// tests (package faultfs). Names are whole paths. Its methods are safe for
// concurrent use.
type FS interface {
	// MkdirAll makes dir and its parents, private to the user.
	MkdirAll(dir string) error
	// OpenFile opens a regular file with flags of package os, private to the user.
	OpenFile(name string, flag int) (File, error)
	Rename(oldName, newName string) error
	Remove(name string) error
	// ReadDir returns the names of dir's entries in ascending order.
	ReadDir(dir string) ([]string, error)
	// SyncDir makes creations, renames and removals in dir durable.
	SyncDir(dir string) error
}

// File is an open file of an FS.
type File interface {
	io.ReaderAt
	// WriteAt returns an error whenever it wrote less than all of p.
	io.WriterAt
	io.Closer
	Size() (int64, error)
	Truncate(size int64) error
	// Preallocate makes sure that the file's first size bytes have their room,
	// zeros where nothing was written; it may do nothing where that cannot be
	// had, but then also says nil.
	Preallocate(size int64) error
	// Datasync makes the contents durable, and the size as far as they need it.
	Datasync() error
	// Sync makes contents and size durable.
	Sync() error
}

const (
	dirMode  = 0o700
	fileMode = 0o600
)

// osFS is the operating system's file system.
type osFS struct{}

func (osFS) MkdirAll(dir string) error            { return os.MkdirAll(dir, dirMode) }
func (osFS) Rename(oldName, newName string) error { return os.Rename(oldName, newName) }
func (osFS) Remove(name string) error             { return os.Remove(name) }
func (osFS) SyncDir(dir string) error             { return syncDir(dir) }

func (osFS) OpenFile(name string, flag int) (File, error) {
	f, err := os.OpenFile(name, flag|openFlags, fileMode)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) ReadDir(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

type osFile struct{ *os.File }

func (f osFile) Preallocate(size int64) error { return preallocate(f.File, size) }
func (f osFile) Datasync() error              { return datasync(f.File) }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
