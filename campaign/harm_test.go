//go:build linux

package campaign_test

import (
	"bytes"
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
	newest := len(names) > 1 && rng.IntN(4) == 0
	if newest {
		h.file = names[len(names)-2]
	}
	sound := files[h.file]
	used := len(bytes.TrimRight(sound, "\x00"))
	at := rng.IntN(used)
	if newest {
		at = used - 1 - rng.IntN(min(used, 3000)) // its last records
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
