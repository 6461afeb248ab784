package kv

import (
	"math"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/l3mem"
	"github.com/stratakv/strata/tiered/tier"
)

// maxKept is the largest scratch memory that is kept for the next call.
const maxKept = 1 << 20

// Store is one store.
//
//  1. A record at or past its deadline is absent for every call (P4, P5).
//  2. A write that is refused changes nothing, not even the version.
//  3. Versions grow by every write and are never given twice, over an import too:
//     it goes on above the versions that the snapshot names.
//  4. What lies in memory is a packed value (package codec): the memory is the
//     store's own, and l3mem keeps the rest of the frame beside it.
//  5. nextDue is at or before the earliest deadline of all records.
type Store struct {
	opts    Options
	mem     *l3mem.Store // nil after Close
	coder   *codec.Codec
	clock   clock
	version uint64
	nextDue int64

	ops     []tier.Change   // of the running write
	views   map[string]view // of the running write of many
	results []Result        // likewise
	frames  []byte          // packed values or keys of the running call; empty between calls
	scratch []byte          // of a walk
	ends    []int           // where each key ends that a walk gathered in frames
	cursor  []byte          // where the next chunk begins

	counters Counters
}

// Counters count since the opening.
type Counters struct {
	Hits, Misses uint64 // of reads
	Writes       uint64 // versions made
	Swept        uint64 // expired records removed
}

// Stats is a snapshot of what a store holds and did.
type Stats struct {
	Counters
	Usage     tier.Usage // expired, unswept records included
	Evictions uint64
	UsedBytes int64 // of MaxBytes
	MaxBytes  int64
	Version   uint64 // the last one given
	Clock     int64  // the store's time when it was last told, unix milliseconds
}

// Open returns an empty store. wall is unix milliseconds, boot milliseconds
// since the host's start. ErrArgument: some option or time is out of range.
func Open(o Options, wall, boot float64) (*Store, error) {
	opts, err := o.Resolve()
	if err != nil {
		return nil, err
	}
	s := &Store{opts: opts, views: map[string]view{}, nextDue: math.MaxInt64}
	if s.clock.store, err = nanos(wall); err != nil {
		return nil, err
	}
	if s.clock.boot, err = nanos(boot); err != nil {
		return nil, err
	}
	// What is stored stays readable, whatever ValueBytes is.
	if s.coder, err = codec.New(opts.Codec, MaxValueBytes); err != nil {
		return nil, ErrArgument
	}
	if s.mem, err = l3mem.New(&l3mem.Options{MaxBytes: opts.MaxBytes, Evict: opts.Evict}); err != nil {
		return nil, ErrArgument
	}
	return s, nil
}

// Close gives the memory back. Nothing may follow.
func (s *Store) Close() {
	_ = s.mem.Close()
	*s = Store{}
}

// Look tells the store the wall clock, unix milliseconds. A host does so every
// 100 ms or so while it uses the store.
func (s *Store) Look(wall, boot float64) error { return s.clock.look(wall, boot) }

// Get appends the live value of key to dst. ErrNotFound: there is none.
// ErrTooLarge: no key is so long.
func (s *Store) Get(dst []byte, key string, boot float64) (value []byte, head tier.Head, err error) {
	now, err := s.ready(key, boot)
	if err != nil {
		return dst, tier.Head{}, err
	}
	packed, head, found := s.mem.AppendFrame(s.frames, key)
	s.frames = packed[:0]
	if !found || head.Expired(now.ms) {
		s.counters.Misses++
		return dst, tier.Head{}, tier.ErrNotFound
	}
	s.counters.Hits++
	value, err = s.coder.Unpack(dst, packed, head.RawLen)
	s.trim()
	return value, head, err
}

// Head gives the head of key's live record. ErrNotFound: there is none. It is
// no read that keeps a record from eviction.
func (s *Store) Head(key string, boot float64) (tier.Head, error) {
	now, err := s.ready(key, boot)
	if err != nil {
		return tier.Head{}, err
	}
	head := s.mem.Head(key)
	if !head.Live(now.ms) {
		return tier.Head{}, tier.ErrNotFound
	}
	return head, nil
}

// ready checks what every call is given.
func (s *Store) ready(key string, boot float64) (moment, error) {
	if len(key) > MaxKeyBytes {
		return moment{}, tier.ErrTooLarge
	}
	return s.clock.read(boot)
}

// Sweep removes at most limit expired records, never more than 1,024, and
// returns how many.
func (s *Store) Sweep(limit int, boot float64) (int, error) {
	now, err := s.clock.read(boot)
	if err != nil {
		return 0, err
	}
	return s.sweep(now.ms, min(limit, maxChunk)), nil
}

func (s *Store) sweep(now int64, limit int) int {
	if now < s.nextDue {
		return 0
	}
	n := s.mem.Sweep(now, limit)
	s.counters.Swept += uint64(n)
	s.nextDue = s.mem.Earliest()
	return n
}

// Clear removes all records at once.
func (s *Store) Clear() {
	s.mem.Clear()
	s.nextDue = math.MaxInt64
}

// Stats gives the counters.
func (s *Store) Stats() Stats {
	mem := s.mem.Stats()
	return Stats{
		Counters: s.counters, Usage: mem.Usage, Evictions: mem.Evictions, UsedBytes: mem.FileBytes,
		MaxBytes: s.opts.MaxBytes, Version: s.version, Clock: s.clock.store / nsPerMs,
	}
}

// trim lets go of scratch memory that is too large to keep.
func (s *Store) trim() {
	if cap(s.frames) > maxKept {
		s.frames = nil
	}
	if cap(s.scratch) > maxKept {
		s.scratch = nil
	}
}
