package suite

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// limit ends a case that hangs; the slowest takes seconds on a slow disk.
const limit = 2 * time.Minute

// maxFaults is how many faults of one case are told; the rest is noise.
const maxFaults = 8

// Faults are those of one case at work. Errorf may be called by goroutines that
// the case starts; what may end the case belongs to its own.
type Faults struct {
	Seed uint64 // of a random run, told with its faults; else 0

	mu     sync.Mutex // guards faults
	faults []error
}

// Errorf notes a fault; the case goes on.
func (f *Faults) Errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.faults) < maxFaults {
		f.faults = append(f.faults, fmt.Errorf(format, args...))
	}
}

// Fatalf notes a fault and ends the case.
func (f *Faults) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	runtime.Goexit()
}

// After runs a case in a goroutine of its own, so that Fatalf can end it and
// a limit can leave it, and returns its faults.
func (f *Faults) After(run func()) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		run()
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return f.Err()
	case <-timer.C:
		return errors.Join(f.Err(), fmt.Errorf("did not end within %v", limit))
	}
}

// Err gives the faults noted by now, joined.
func (f *Faults) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.faults) > 0 && f.Seed != 0 {
		return fmt.Errorf("with seed %#x: %w", f.Seed, errors.Join(f.faults...))
	}
	return errors.Join(f.faults...)
}
