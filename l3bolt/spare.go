//go:build !wasm

package l3bolt

import (
	"os"
	"path/filepath"
	"sync"

	"github.com/stratakv/strata/tiered/tier"
)

// spare is a file whose room is kept back for groups that free room: the
// journal's next segment when the disk has no room for one. It holds nothing;
// losing it, or failing to make it, is no fault.
type spare struct {
	fs   FS
	dir  string
	name string
	size int64 // ≤ 0: none is kept

	mu    sync.Mutex
	kept  bool // guarded by mu: the file is there with its room
	short bool // guarded by mu: it is not, because the disk is full
}

func newSpare(fs FS, dir string, size int64) *spare {
	return &spare{fs: fs, dir: dir, name: filepath.Join(dir, "spare"), size: size}
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
	s.kept, s.short = err == nil, lacksRoom(err)
	return err
}

// lent reports whether there is none, because the disk is full.
func (s *spare) lent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.short
}

// claim is what a group that does not free room must pass: while the spare is
// lent out, what room there is is not for such groups (P2).
func (s *spare) claim() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.short {
		return nil
	}
	if err := s.keepLocked(); s.short {
		return failed(tier.ErrFull, "keep", s.name, err)
	}
	return nil
}

// take gives the file another name; false if there is none, or not one of need
// bytes.
func (s *spare) take(name string, need int64) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.kept || s.size < need {
		return false, nil
	}
	s.kept, s.short = false, true
	err := s.fs.Rename(s.name, name)
	if err != nil {
		_ = s.keepLocked()
	}
	return true, err
}

// adopt makes a file that nothing needs any more the spare; false: there is one
// already, and the file has its old name.
func (s *spare) adopt(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept || s.size <= 0 || s.fs.Rename(name, s.name) != nil {
		return false
	}
	_ = s.keepLocked()
	return true
}

// make gives the file its size and its room. Its name is durable then: what is
// written into the file later must never be found under the one that it had
// before.
func (s *spare) make() error {
	f, err := s.fs.OpenFile(s.name, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return err
	}
	err = s.fill(f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return s.fs.SyncDir(s.dir)
}

// fill takes the room: in one call where the system has one, else by writing.
func (s *spare) fill(f File) error {
	have, err := f.Size()
	if err != nil {
		return err
	}
	if have > s.size {
		return f.Truncate(s.size)
	}
	if err := f.Preallocate(s.size); err != nil {
		if have == s.size && isFull(err) {
			return nil // better than what there would be without
		}
		return err
	}
	if have, err = f.Size(); err != nil {
		return err
	}
	return writeZeros(f, have, s.size)
}
