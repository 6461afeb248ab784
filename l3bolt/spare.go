//go:build !wasm

package l3bolt

import (
	"os"
	"path/filepath"
	"sync"

	"github.com/stratakv/strata/tiered/tier"
)

// spare is the file whose room is kept back for groups that free room, and
// for checkpoints. It holds nothing; losing it, or failing to make it, is no
// fault.
type spare struct {
	fs   FS
	name string
	size int64 // ≤ 0: none is kept

	mu    sync.Mutex
	kept  bool // guarded by mu: the file is there with its room
	short bool // guarded by mu: it is not, because the disk is full
}

func newSpare(fs FS, dir string, size int64) *spare {
	return &spare{fs: fs, name: filepath.Join(dir, "spare"), size: size}
}

// release gives the room back to the file system; false if none was kept.
func (s *spare) release() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.kept {
		return false
	}
	s.kept, s.short = false, true
	return s.fs.Remove(s.name) == nil
}

// keep makes the file if there is room for it.
func (s *spare) keep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.keepLocked()
}

func (s *spare) keepLocked() error {
	if s.kept || s.size <= 0 {
		return nil
	}
	err := s.make()
	if err != nil {
		_ = s.fs.Remove(s.name)
	}
	s.kept, s.short = err == nil, isFull(err)
	return err
}

// claim is what a group that does not free room must pass: while the spare's
// room is lent out, what is left of it is not for such groups (P2).
func (s *spare) claim() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.short {
		return nil
	}
	if err := s.keepLocked(); isFull(err) {
		return failed(tier.ErrFull, "keep", s.name, err)
	}
	return nil
}

func (s *spare) make() error {
	f, err := s.fs.OpenFile(s.name, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return err
	}
	err = s.fill(f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// fill takes the room: in one call where the system has one, else by writing.
func (s *spare) fill(f File) error {
	if err := f.Preallocate(s.size); err != nil {
		return err
	}
	have, err := f.Size()
	if err != nil {
		return err
	}
	zeros := make([]byte, min(max(s.size-have, 0), 64<<10))
	for ; have < s.size; have += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros, have); err != nil {
			return err
		}
	}
	return nil
}
