//go:build !linux && !wasm

package l3bolt

import "os"

const openFlags = 0

// datasync makes f's contents durable. os.File.Sync asks the drive itself to
// flush where that is a call of its own (F_FULLFSYNC on darwin).
func datasync(f *os.File) error { return f.Sync() }

// preallocate does nothing: there is no portable call for it.
func preallocate(*os.File, int64) error { return nil }

// allocate does nothing, and says so.
func allocate(*os.File, int64, int64) (done bool, err error) { return false, nil }

// freeBytes is known on linux only.
func freeBytes(string) (int64, bool) { return 0, false }

// blocksOf is a file's length: what it takes of its disk is known on linux only.
func blocksOf(info os.FileInfo) int64 { return info.Size() }

// onMemory and onRemote are known on linux only.
func onMemory(string) bool { return false }
func onRemote(string) bool { return false }
