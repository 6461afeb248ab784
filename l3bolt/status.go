//go:build !wasm

package l3bolt

import (
	"errors"
	"fmt"
	"sync"

	"github.com/stratakv/strata/tiered/tier"
)

// checkpointStatus is how the DB's writing fares: well, short of room, or
// broken for good (D5).
type checkpointStatus struct {
	mu      sync.Mutex
	changed sync.Cond // with L mu: changes has grown
	changes uint64    // guarded by mu: of the below, pieces, and ends of checkpoints
	ends    uint64    // guarded by mu: of checkpoints, however they ended
	noRoom  error     // guarded by mu: ErrFull, if the last checkpoint found the disk full
	fatal   error     // guarded by mu: why nothing is written any more
}

func (s *checkpointStatus) init() { s.changed.L = &s.mu }

func (s *checkpointStatus) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fatal != nil {
		return s.fatal
	}
	return s.noRoom
}

func (s *checkpointStatus) broken() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fatal
}

func (s *checkpointStatus) full() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.noRoom
}

// now is how it stands: noRoom if the last checkpoint found the disk full, and
// err if it is broken, which is what Commit then returns. await(seen) waits for
// the next change. ends is how many checkpoints have ended.
func (s *checkpointStatus) now() (seen, ends uint64, noRoom, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changes, s.ends, s.noRoom, s.usableLocked()
}

func (s *checkpointStatus) await(seen uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.changes == seen {
		s.changed.Wait()
	}
}

func (s *checkpointStatus) changedLocked() {
	s.changes++
	s.changed.Broadcast()
}

func (s *checkpointStatus) usableLocked() error {
	if s.fatal == nil {
		return nil
	}
	if errors.Is(s.fatal, tier.ErrCorrupt) {
		// The damage is the cause, not what this call met: one sentinel only.
		return fmt.Errorf("%w: %v", tier.ErrUnavailable, s.fatal)
	}
	return fmt.Errorf("%w: %w", tier.ErrUnavailable, s.fatal)
}

// breakBy ends all writing. The first cause stays. The cause is a fault, or
// ErrCorrupt; never another sentinel.
func (s *checkpointStatus) breakBy(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fatal == nil {
		s.fatal = cause
	}
	s.changedLocked()
}

// progressed tells who waits that a piece is written.
func (s *checkpointStatus) progressed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changedLocked()
}

// checkpointed records how an attempt ended: nil, or a full disk.
func (s *checkpointStatus) checkpointed(noRoom error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noRoom = noRoom
	s.ends++
	s.changedLocked()
}
