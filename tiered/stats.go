package tiered

import "time"

// Stats is a snapshot of a store's counters: plain data, ready for JSON.
// Counters start at the opening.
type Stats struct {
	Role    Role          // RoleOwner or RoleFollower
	Epoch   uint64        // grows by every opening of the directory
	Durable bool          // whether an acknowledged write survives a power cut (P1)
	Evict   bool          // whether the memory store evicts live records when full
	MaxTTL  time.Duration // Options.MaxTTL; 0: lifetimes have no bound

	L1, L2 CacheStats
	L3     TruthStats

	Dictionaries DictionaryStats // the owner's
}

// CacheStats is about a cache tier. A tier that a store does not have is not
// Attached and counts nothing.
type CacheStats struct {
	Hits, Misses, Fills, Refused, Evictions, Expired, Faults uint64

	// Of L2 alone: pages emptied because of damage or a dead holder, and copies
	// dropped because a writer was in the page.
	Resets, Torn uint64

	Entries, Bytes, Limit int64
	Attached              bool
	Detached              string // why the tier is not used, "" while it is
}

// TruthStats is about the tier that keeps the records: L3, or the memory store.
type TruthStats struct {
	Hits, Misses uint64 // reads that reached it
	Commits      uint64 // groups made durable
	Ops          uint64 // versions made by writes
	Swept        uint64 // expired records removed
	Checkpoints  uint64
	Compactions  uint64 // of store.db, after which it is as short as what it holds asks for
	Uncompacted  string // why there are none, until the store is reopened; "" while there may be
	Evictions    uint64 // by the memory store with Options.Evict

	// Of what many writers at once replace, without a quota, Records and the
	// bytes count the old records too, until the next checkpoint or Close.

	Records      int64 // stored ones, expired but unswept ones included
	LiveBytes    int64 // their keys and uncompressed values, what MaxBytes counts
	FileBytes    int64 // that store.db takes on disk, with the room kept back at its end; in the memory store, taken of its cap
	FreeBytes    int64 // of these, in pages of store.db that hold nothing
	JournalBytes int64 // what a reopening would replay
	RawBytes     int64 // values before compression
	StoredBytes  int64 // values as stored, with headers
	Limit        int64 // Options.MaxBytes

	Checkpointing bool // records are on their way from the journal to where they stay
}

// Stats returns a snapshot of the counters. After Close it is the zero Stats. A
// follower asks the owner for those of L3, and gives the last ones that it heard
// of if he does not answer within a second.
func (s *Store) Stats() Stats {
	var st Stats
	switch {
	case s.closed.Load():
		return Stats{}
	case s.truth != nil:
		st = s.truth.stats(s.opts)
		st.Evict = s.tier == TierMemory && s.opts.Evict
		if s.learning != nil {
			st.Dictionaries = s.learning.stats()
		}
	default:
		s.member.stats(&st)
	}
	if st.Epoch != 0 || s.tier == TierMemory {
		s.cacheStats(&st)
	}
	return st
}

// stats is the truth's part of Stats, the zero Stats after Close.
func (c *committer) stats(o *Options) Stats {
	if !c.gate.enter() {
		return Stats{}
	}
	defer c.gate.leave()
	state, d := c.durable.State(), c.durable.Stats()
	return Stats{
		Role: RoleOwner, Epoch: state.Epoch, Durable: state.Durable, MaxTTL: o.MaxTTL,
		L3: TruthStats{
			Hits: c.hits.Load(), Misses: c.misses.Load(),
			Commits: d.Commits, Ops: c.ops.Load(), Swept: c.swept.Load(), Checkpoints: d.Checkpoints, Evictions: d.Evictions,
			Compactions: d.Compactions, Uncompacted: d.Uncompacted,
			Records: d.Usage.Records, LiveBytes: d.Usage.LiveBytes, RawBytes: d.Usage.RawBytes, StoredBytes: d.Usage.StoredBytes,
			FileBytes: d.FileBytes, FreeBytes: d.FreeBytes, JournalBytes: d.JournalBytes, Limit: o.MaxBytes,
			Checkpointing: d.Checkpointing,
		},
	}
}
