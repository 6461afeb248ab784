//go:build !wasm

package l3bolt

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"

	"github.com/stratakv/strata/tiered/tier"
	bolt "go.etcd.io/bbolt"
)

// DB is a durable store of records in one directory, a tier.Durable.
//
// A commit: (1) wait while memory is at its bound, or far ahead of a checkpoint,
// (2) append the group to the journal, (3) fdatasync, (4) publish it in the
// active overlay. A checkpoint: (1) freeze the active overlay, (2) write it,
// sorted, into bbolt, in pieces spread over time, of which the last one moves the
// position, (3) drop it, (4) release the journal segments behind the position, to
// be written anew. On a full disk it goes another way, which squeeze describes.
// bbolt's file never gets shorter; what gives its room back is a compaction.
//
// Invariants:
//
//	D1  Nothing of a group is visible before its fdatasync succeeded, and then
//	    all of it at once, under one write lock (P1, P3).
//	D2  The published state is active over frozen over bbolt.
//	D3  bbolt receives nothing but frozen, which is published, hence durable in
//	    the journal; its position changes in the transaction of the last piece.
//	    So nobody minds that bbolt shows a commit before its last sync.
//	D4  frozen changes only when it becomes active again, together with what
//	    came since; an entry leaves it only after bbolt has committed it.
//	D5  Broken is for good: nothing is appended to the journal and nothing
//	    written to bbolt any more; reads of the published state go on.
//	D6  Of each published record with a deadline there is an entry at a slot not
//	    above its own: in the timers of the overlay that holds it, or, if bbolt
//	    holds it, in early or in bbolt's index at or behind cursor. Entries that
//	    no record bears out are passed over.
//	D7  Nothing that points into the mapped file leaves the function that began
//	    the transaction.
//	D8  On a full disk (P2) groups with Reserve go on: the journal's spare is
//	    room for them that nobody else can take, and comes back with each
//	    checkpoint (J6, J8). Checkpoints go on as soon as what is published,
//	    less what frees room, fits into what store.db has of free pages and of
//	    room behind them, which nobody else can take either. A group without
//	    Reserve is refused while the spare is lent, or that room nearly used up.
//	D9  Dictionaries alone go straight into bbolt, each in a transaction of its
//	    own that changes nothing else but the format's features. It is durable
//	    when KeepDictionary returns, which is before a frame names it; replay
//	    knows nothing of it. An entry is never changed and never removed, and
//	    whoever copies store.db copies all of bucketDict.
//
// Lock order: commitMu, the compactor's, checkpointMu, checkMu, expiry.mu, scanMu,
// mu, memory.mu, then bbolt's own. mu is never taken inside of a bbolt transaction.
// The status' own lock is never taken inside of mu.
type DB struct {
	dir     string
	opts    Options
	lock    *os.File // LOCK, held for life
	base    bases
	journal *journal
	opened  tier.State

	// commitMu makes Commit and Close one after the other.
	commitMu sync.Mutex
	closed   bool // guarded by commitMu

	// checkpointMu is held while a checkpoint runs, checkMu while anyone writes
	// into bbolt.
	checkpointMu sync.Mutex
	checkMu      sync.Mutex
	position     uint64 // guarded by checkMu: the sequence that bbolt has reached
	// miscounted, guarded by checkMu: the usage counts records that damage took.
	miscounted bool

	// mu guards what is published. Reads hold it shared.
	mu        sync.RWMutex
	active    *overlay
	frozen    *overlay // nil: no checkpoint is under way
	published state
	overcount overcount // guarded by mu
	// scanMu is held by the scan that orders the overlays.
	scanMu sync.Mutex

	expiry expiry
	memory *memory

	timed       atomic.Bool // set by Open, Commit: some record had a deadline
	commits     atomic.Uint64
	checkpoints atomic.Uint64
	pieces      atomic.Uint64 // of checkpoints
	written     atomic.Int64  // how much of frozen is in bbolt, in its bytes; by checkpoints
	fileBytes   atomic.Int64  // set by Open and checkpoints
	short       atomic.Bool   // the disk is full, and little left of bbolt's half of the room; likewise, and by Commit

	status    checkpointStatus
	compactor compactor
	kick      chan struct{} // asks the checkpointer to look
	hurry     chan struct{} // ends a checkpoint's pause
	stop      chan struct{} // closed by Close
	done      chan struct{} // closed when the checkpointer has ended
}

var _ tier.Durable = (*DB)(nil)

// State gives what was found at opening, the journal included.
func (d *DB) State() tier.State { return d.opened }

// Timed reports whether any record may have a deadline. It stays true until
// the store is reopened.
func (d *DB) Timed() bool { return d.timed.Load() }

// Stats returns the counters as they are now.
func (d *DB) Stats() tier.DurableStats {
	d.mu.RLock()
	defer d.mu.RUnlock()
	s := tier.DurableStats{
		Usage: d.published.usage.Minus(d.overcount.found), Commits: d.commits.Load(), Checkpoints: d.checkpoints.Load(),
		FileBytes: d.fileBytes.Load(), FreeBytes: d.compactor.free.Load(), JournalBytes: d.active.journalBytes,
		Compactions: d.compactor.ended.Load(), Uncompacted: d.compactor.why(),
	}
	if d.frozen != nil {
		s.JournalBytes += d.frozen.journalBytes
		s.Checkpointing = true
	}
	return s
}

// Err returns why the store no longer writes, or, while it does, why the last
// checkpoint found no room; nil when all is well.
func (d *DB) Err() error { return d.status.err() }

// Close writes what is pending into bbolt, removes the journal and releases
// the directory; a broken store only releases. An error says that something
// could not be written back: it is still in the journal. Further calls do
// nothing.
func (d *DB) Close() error {
	d.commitMu.Lock()
	defer d.commitMu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	close(d.stop)
	for _, done := range []chan struct{}{d.done, d.compactor.done} {
		select {
		case <-done:
		case <-d.base.died:
			// It may hang in bbolt for ever, or wait for who does.
		}
	}
	err := d.finish()
	return errors.Join(err, d.journal.close(err == nil && d.status.broken() == nil), d.release())
}

// finish runs the last checkpoints.
func (d *DB) finish() error {
	if d.status.broken() != nil {
		return nil
	}
	if err := d.checkpoint(true); err != nil {
		return err
	}
	if d.position != d.published.sequence {
		d.freeze()
		if err := d.checkpoint(true); err != nil {
			return err
		}
	}
	return d.settle()
}

// settle commits once more without a change, so that both of bbolt's meta
// pages lead to all that was written: without a journal nothing else would
// show that the older one stands for less, should the newer one be damaged.
func (d *DB) settle() error {
	if d.status.broken() != nil {
		return nil
	}
	err := d.base.update(func(tx *bolt.Tx, g *guard) error {
		return d.reach(tx, g, d.published, d.miscounted)
	})
	if err != nil {
		return d.checkpointFailed(err)
	}
	return nil
}

// release gives up the files and, last, the lock.
func (d *DB) release() error {
	return errors.Join(d.base.close(), d.lock.Close())
}
