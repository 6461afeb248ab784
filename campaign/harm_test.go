//go:build linux

package campaign_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// storeFiles reads the files of a store, LOCK aside, without the zeros at
// their ends that the harm would otherwise hit most of the time.
func storeFiles(dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	names, err := filepath.Glob(filepath.Join(dir, "journal", "*.log"))
	if err != nil {
		return nil, err
	}
	for _, name := range append(names, filepath.Join(dir, "store.db")) {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return nil, err
		}
		files[rel] = data
	}
	return files, nil
}

// harm is what happens to one file.
type harm struct {
	file     string
	kind     string
	from, to int // the bytes that are not what they were
	data     []byte
}

func (h harm) String() string { return fmt.Sprintf("%s %s %d-%d", h.kind, h.file, h.from, h.to) }

func anyHarm(rng *rand.Rand, files map[string][]byte) harm {
	names := slices.Sorted(maps.Keys(files)) // journal first, store.db last
	h := harm{file: "store.db"}
	if rng.IntN(2) == 0 {
		h.file = names[rng.IntN(len(names))]
	}
	last, newest := lastGroup(files), rng.IntN(4) == 0
	newest = newest && last.file != ""
	if newest {
		h.file = last.file
	}
	sound := files[h.file]
	at := rng.IntN(len(bytes.TrimRight(sound, "\x00")))
	if newest {
		at = last.to - 1 - rng.IntN(min(last.to, 3000)) // in the last groups
	}
	if h.file == "store.db" && rng.IntN(8) == 0 {
		at = rng.IntN(2 * 4096) // bbolt's meta pages
	}
	h.data = bytes.Clone(sound)
	h.from, h.to = at, len(sound)
	switch rng.IntN(5) {
	case 0:
		h.kind, h.to = "flip", at+1
		h.data[at] ^= 1 << rng.IntN(8)
	case 1:
		h.kind, h.to = "noise", min(at+64, len(sound))
		for i := range h.data[at:h.to] {
			h.data[at+i] = byte(rng.Uint32())
		}
	case 2:
		h.kind, h.from, h.to = "zero", at&^4095, min(at&^4095+4096, len(sound))
		clear(h.data[h.from:h.to])
	case 3:
		h.kind = "cut"
		h.data = h.data[:at]
	case 4:
		h.kind, h.from = "append", len(sound)
		for range 1 + rng.IntN(8192) {
			h.data = append(h.data, byte(rng.Uint32()))
		}
		h.to = len(h.data)
	}
	return h
}

// group is a record of the journal: bytes [from, to) of a file.
type group struct {
	file     string
	number   int // from 1
	from, to int
}

// groups are the records of the files' journal, in each file up to the first
// bytes that are none. A segment that was used before may have some of its
// former ones at its end: their numbers are the lower ones.
func groups(files map[string][]byte) []group {
	const header, recordHeader, magic = 64, 24, 0x6a72_7473
	var found []group
	for name, data := range files {
		if name == "store.db" {
			continue
		}
		for at := header; at+recordHeader <= len(data) && binary.LittleEndian.Uint32(data[at:]) == magic; {
			length := int(binary.LittleEndian.Uint32(data[at+4:]))
			g := group{file: name, number: int(binary.LittleEndian.Uint64(data[at+8:])), from: at}
			g.to = (at + recordHeader + length + 7) &^ 7
			found = append(found, g)
			at = g.to
		}
	}
	return found
}

// lastGroup is the newest of them; its file is empty if there is none.
func lastGroup(files map[string][]byte) group {
	var last group
	for _, g := range groups(files) {
		if g.number > last.number {
			last = g
		}
	}
	return last
}

func writeHarmed(dir string, files map[string][]byte, h harm) error {
	if err := os.MkdirAll(filepath.Join(dir, "journal"), 0o700); err != nil {
		return err
	}
	for name, data := range files {
		if name == h.file {
			data = h.data
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}
