//go:build !wasm

package l3bolt

import "os"

// disk is the file system as compactions need it: a seam for tests.
type disk struct {
	Open    func(name string, flag int, mode os.FileMode) (*os.File, error)
	Sync    func(*os.File) error
	Rename  func(from, to string) error
	Remove  func(name string) error
	SyncDir func(dir string) error
	// Free is how much room the disk of dir has for this user; false if nobody
	// can say.
	Free func(dir string) (bytes int64, known bool)
}

func realDisk() disk {
	return disk{
		Open: openFile, Sync: (*os.File).Sync, Rename: os.Rename, Remove: os.Remove, SyncDir: syncDir, Free: freeBytes,
	}
}

// openFile follows no symbolic link put in place of a file.
func openFile(name string, flag int, mode os.FileMode) (*os.File, error) {
	return os.OpenFile(name, flag|openFlags, mode)
}
