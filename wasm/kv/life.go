package kv

import (
	"math"

	"github.com/stratakv/strata/tiered/tier"
)

// Mode says how a Life is to be read.
type Mode uint8

// The modes.
const (
	LifeDefault  Mode = iota // Options.DefaultTTL
	LifeTTL                  // Ms from now on, rounded up to a millisecond; 0: no expiry
	LifeDeadline             // at Ms, unix milliseconds; 0: no expiry; in the past: a removal
	LifeKeep                 // the live record's deadline; none if there is none. Of conditional sets alone.
)

// Life is the lifetime that a write asks for.
type Life struct {
	Mode Mode
	Ms   float64
}

// check refuses a lifetime with ErrTTL, as package tiered does.
func (s *Store) check(op *Op, now moment) error {
	bound := s.opts.MaxTTL
	ms := op.Life.Ms
	switch op.Life.Mode {
	case LifeDefault:
		ms = s.opts.DefaultTTL
		fallthrough
	case LifeTTL:
		if !lifetime(ms) || bound > 0 && (ms == 0 || ms > bound) {
			return tier.ErrTTL
		}
		return nil
	case LifeDeadline:
		if ms != ms || bound > 0 && (ms == 0 || ms > float64(now.ms)+bound) {
			return tier.ErrTTL
		}
		return nil
	case LifeKeep:
		if op.Kind != tier.OpSet || !op.If || bound > 0 && op.Expect == 0 {
			return tier.ErrTTL
		}
		return nil
	}
	return ErrArgument
}

// deadline is what a checked lifetime asks for, unix milliseconds.
func (s *Store) deadline(l Life, old tier.Head, now moment) int64 {
	switch l.Mode {
	case LifeKeep:
		return old.Deadline
	case LifeDeadline:
		if l.Ms == 0 {
			return 0
		}
		return max(ceil(l.Ms), 1)
	case LifeDefault:
		l.Ms = s.opts.DefaultTTL
	}
	if l.Ms == 0 {
		return 0
	}
	ttl := ceil(l.Ms)
	if ttl > math.MaxInt64-now.msUp {
		return math.MaxInt64
	}
	return now.msUp + ttl
}

// ceil rounds up; the ends of the range stand for what lies beyond them.
func ceil(ms float64) int64 {
	if ms >= math.MaxInt64 {
		return math.MaxInt64
	}
	if ms < 0 {
		return 0
	}
	return int64(math.Ceil(ms))
}
