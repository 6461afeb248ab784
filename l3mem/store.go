package l3mem

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/stratakv/strata/tiered/tier"
)

// Store keeps records in memory. It is a [tier.Durable].
//
// A record is a chain of blocks in one arena. Its first block carries the links
// of every index, so that an index takes no memory of its own:
//
//   - the directory finds a record by its key's hash: Load, Heads, overwriting;
//   - the order tree has the records in the order of their keys: Scan;
//   - the expiry tree has those with a deadline in its order: Due;
//   - the sieve, with Evict, has them in the order of their arrival.
//
// A commit plans, makes room, and applies:
//
//  1. Of the changes of one key the last one stands. Each of them is looked up.
//  2. The blocks after the group are those in use, less those of the records
//     that it changes, plus those of its own frames. If that is more than
//     there are, the group is refused, or others are evicted. Only if it fits
//     by evicting all others is anything evicted at all.
//  3. Changes that give blocks back come first, those that take blocks second:
//     the blocks in use never exceed the larger of before and after.
//
// Invariants:
//
//  1. Each block is in the chain of exactly one record, or in one free chain,
//     or was never used; used counts the first. Whether a group fits depends on
//     nothing but used and sizes.
//  2. Each record is in the list of its hash's directory entry, once.
//  3. Each record is in the order tree; it is in the expiry tree if and only
//     if it has a deadline. Both are AVL trees.
//  4. With Evict, each record is in the sieve's list, once. Outside
//     Commit no record is pinned.
//  5. usage is the sum over all records.
type Store struct {
	state tier.State
	evict bool

	// mu guards all below but the sieve's visited bits, which are atomic and
	// set under a read lock.
	mu        sync.RWMutex
	arena     arena
	directory directory
	order     tree
	expiry    tree
	sieve     sieve
	usage     tier.Usage
	commits   uint64
	evictions uint64
	plan      []effect // of the running Commit, kept for the next

	keyScratch []byte // the key of the record that is being taken out
}

var _ tier.Durable = (*Store)(nil)

// New returns an empty store. nil options are the defaults. It fails only for
// a MaxBytes out of range.
func New(o *Options) (*Store, error) {
	opts, err := o.resolve()
	if err != nil {
		return nil, err
	}
	s := &Store{evict: opts.Evict}
	s.layOut(opts)
	s.randomize()
	return s, nil
}

// randomize draws what must differ from store to store. The generator is the
// runtime's ChaCha8, which the host seeds; crypto/rand would add a seventh to
// the size of the WebAssembly reactor, and nothing here is a key.
func (s *Store) randomize() {
	for i := range s.state.ID {
		s.state.ID[i] = byte(rand.Uint32())
	}
	s.state.Seed = rand.Uint64()
	s.state.Epoch = 1
	s.directory.secrets = [2]uint64{rand.Uint64(), rand.Uint64()}
}

// layOut divides MaxBytes: the visited bits, then the directory, then blocks.
func (s *Store) layOut(opts Options) {
	bytes := opts.MaxBytes
	header := headerSize
	if opts.Evict {
		header = evictHeaderSize
		words := bytes/(blockSize*32) + 1
		s.sieve.visited = make([]atomic.Uint32, words)
		bytes -= words * 4
	}
	blocks := bytes / blockSize
	first := blocks/65 + 1 // a block of the directory serves 64 others
	s.arena = arena{
		mem:    make([]byte, blocks*blockSize),
		header: header,
		first:  uint32(first),
		fresh:  uint32(first),
		end:    uint32(blocks),
	}
	a := &s.arena
	s.directory = directory{arena: a, entries: uint64(first * blockSize / entrySize)}
	s.order = tree{arena: a, links: atOrder, shift: orderShift, compare: byKey}
	s.expiry = tree{arena: a, links: atExpiry, shift: expiryShift, compare: byDeadline}
	s.sieve.arena = a
}

// State gives a random identity and seed; Epoch is 1, Version 0, Durable false.
func (s *Store) State() tier.State { return s.state }

// Load returns the record of key, an expired one too. Its frame is a copy.
func (s *Store) Load(key string) (tier.Record, bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closedLocked() {
		return tier.Record{}, false, tier.ErrClosed
	}
	ref := s.findLocked(key)
	if ref == 0 {
		return tier.Record{}, false, nil
	}
	if s.evict {
		s.sieve.visit(ref)
	}
	return tier.Record{Key: key, Frame: s.arena.frame(ref), Head: s.arena.head(ref)}, true, nil
}

// Heads fills heads[i] with the head of keys[i], the zero Head if absent, and
// leaves out none. To ask for a head is no visit: it does not keep a record
// from eviction.
func (s *Store) Heads(keys []string, heads []tier.Head, blind []bool) error {
	clear(blind)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closedLocked() {
		return tier.ErrClosed
	}
	for i, key := range keys {
		heads[i] = tier.Head{}
		if ref := s.findLocked(key); ref != 0 {
			heads[i] = s.arena.head(ref)
		}
	}
	return nil
}

// Overcount is nothing: Heads leaves out none.
func (s *Store) Overcount() tier.Usage { return tier.Usage{} }

func (s *Store) findLocked(key string) uint32 {
	return s.directory.find(key, s.directory.hash(key))
}

// Timed reports whether any record has a deadline.
func (s *Store) Timed() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.expiry.root != 0
}

// Stats gives the counters. FileBytes is the memory of the blocks in use,
// Evictions what was removed to make room, expired records included.
func (s *Store) Stats() tier.DurableStats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return tier.DurableStats{
		Usage:     s.usage,
		Commits:   s.commits,
		FileBytes: int64(s.arena.used) * blockSize,
		Evictions: s.evictions,
	}
}

// Close gives the memory back. Calls that follow find no record: those that
// return an error return tier.ErrClosed.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arena = arena{}
	s.order.root, s.expiry.root = 0, 0
	s.sieve.visited = nil
	s.usage = tier.Usage{}
	s.plan, s.keyScratch = nil, nil
	return nil
}

func (s *Store) closedLocked() bool { return s.arena.mem == nil }
