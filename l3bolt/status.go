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
	changed sync.Cond // with L mu: any of the below, or frozen was dropped
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

// usable is nil, or what a Commit of a broken store returns.
func (s *checkpointStatus) usable() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.usableLocked()
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
	s.changed.Broadcast()
}

// checkpointed records how an attempt ended: nil, or a full disk.
func (s *checkpointStatus) checkpointed(noRoom error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noRoom = noRoom
	s.changed.Broadcast()
}

// wait returns nil when frozen is gone and active was frozen in its turn, or
// at once when spill allows to go beyond the bound of a full disk.
func (s *checkpointStatus) wait(spill bool, freeze func(), frozen func() bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for frozen() {
		if err := s.usableLocked(); err != nil {
			return err
		}
		if s.noRoom != nil {
			if spill {
				return nil
			}
			return s.noRoom
		}
		s.changed.Wait()
	}
	freeze()
	return nil
}
