//go:build !wasm

package l2mmap

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/zeebo/xxh3"
)

// PlaceOptions say for which store a place is sought.
type PlaceOptions struct {
	StoreDir string   // the store's directory, which exists
	StoreID  [16]byte // the store's random identity
	// SharedDir is the directory to use; "": /dev/shm if it is safe and has
	// room, else StoreDir.
	SharedDir string
	// Bytes is the room that the files need; as for PageOptions.Bytes.
	Bytes int64
}

// homeName is the file that says whose place a directory is.
const homeName = "home"

// Place chooses the directory of a store's control and page files and makes it:
// one of its own, whose name tells the store and its directory apart from
// every other store, a copy of it included. One that has the store's control
// file already is chosen again, so that all processes of a host agree.
//
// It also removes places whose store is gone, if no process has anything open
// there, so that a memory file system does not fill.
func Place(o PlaceOptions) (string, error) {
	home, err := filepath.Abs(o.StoreDir)
	if err != nil {
		return "", fmt.Errorf("place: %w", err)
	}
	identity, err := dirIdentity(home)
	if err != nil {
		return "", fmt.Errorf("place: %w", err)
	}
	name := placeName(o.StoreID, identity)
	bases := []string{filepath.Join(home, "shared")}
	if o.SharedDir != "" {
		bases = []string{o.SharedDir}
	} else if inMemory := memoryBase(); inMemory != "" {
		bases = []string{inMemory, bases[0]}
	}
	for _, base := range bases { // before room is judged
		removeOrphans(base, name, home)
	}
	base := choose(bases, name, o.Bytes)
	dir := filepath.Join(base, name)
	if err := claim(dir, home); err != nil {
		return "", fmt.Errorf("place: %w", err)
	}
	return dir, nil
}

// choose takes the first base that has the place already, else the first with
// room, else the last.
func choose(bases []string, name string, maxBytes int64) string {
	for _, base := range bases {
		if _, err := os.Lstat(filepath.Join(base, name, controlName())); err == nil && safeBase(base) {
			return base
		}
	}
	if maxBytes <= 0 {
		maxBytes = defaultBytes
	}
	last := len(bases) - 1
	for _, base := range bases[:last] {
		if room(base) >= maxBytes+controlBytes+spareBytes && safeBase(base) {
			return base
		}
	}
	return bases[last]
}

// spareBytes stay free on a memory file system for others.
const spareBytes = 16 << 20

// placeName is hex(store id)-hex(identity of its directory).
func placeName(storeID [16]byte, identity string) string {
	return hex.EncodeToString(storeID[:]) + "-" + fmt.Sprintf("%016x", xxh3.HashString(identity))
}

// isPlaceName reports whether Place made a directory of that name.
func isPlaceName(name string) bool {
	if len(name) != 32+1+16 || name[32] != '-' {
		return false
	}
	_, err := hex.DecodeString(name[:32] + name[33:])
	return err == nil
}
