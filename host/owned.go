package host

import (
	"context"

	"github.com/stratakv/strata/tiered/tier"
)

// Owned is the authority of the process that owns, and what followers must
// know of it. Its methods are safe for concurrent use.
//
// When the node is about to close it, the contexts of followers' calls end of cause
// ErrClosed. What DeleteExpired then returns beside its error is counted: it is to
// be all that was removed.
type Owned interface {
	tier.Authority
	// Hello is told to each follower when it connects. What changes with time
	// in it (Stamp, Version) is as of the call.
	Hello() Hello
	// WriteOnce is Write for a follower's write:
	//
	//  1. If the write of a.Ticket is remembered, its results are returned, and
	//     nothing is done. They say nothing of frames, and are not Own.
	//  2. Else, if it was sent before (a.Again) and might have been applied and
	//     forgotten, it is ErrUnknownOutcome; see [Attempt].
	//  3. Else it is judged as by Write, and if it made a version, remembered in
	//     the same commit.
	//
	// ErrClosed: nothing was done, and this authority ends or is about to close
	// Failed; the follower waits, and the next one gets the write.
	//
	// Neither it nor Post is called with the ticket of a write that is in work.
	WriteOnce(ctx context.Context, a Attempt, ops []tier.Op) ([]tier.Result, error)
	// Post begins the first of writes, in this order, as many as it returns: each
	// as by WriteOnce, but that it does not wait for the end, which [Answer] tells,
	// once. It begins those that there is room for. None of them was sent before.
	Post(writes []*Posted) int
	// Withdraw says that nobody waits any more for a write that was posted and is
	// not answered. It need not be done, but Answer is due as before.
	Withdraw(*Posted)
	// Dictionary returns a dictionary of the codec; tier.ErrNotFound.
	Dictionary(ctx context.Context, id uint32) ([]byte, error)
	// Stats returns the owner's counters for a follower's [Node.Stats]; opaque
	// here.
	Stats() []byte
	// Failed is closed when the authority can write no more: the node then
	// closes it and looks for another owner, itself included. nil: never.
	Failed() <-chan struct{}
}

// Attempt is one sending of a follower's write.
type Attempt struct {
	tier.Ticket
	// Again says that the write was sent before and its answer did not come:
	// it may have been applied.
	Again bool
	// After is a version that the store had reached when the write was first
	// sent. If it was applied its versions are above it: a memory that has
	// forgotten nothing above After, and does not know the write, proves that
	// it was not applied.
	After uint64
}

// Hello is what an owner tells its followers. It belongs to one connection:
// another owner, or another opening, has its own.
type Hello struct {
	StoreID [16]byte // tier.State.ID
	Epoch   uint64   // tier.State.Epoch
	Opening uint64   // tier.State.Opening
	Seed    uint64   // tier.State.Seed
	Version uint64   // a version that the store has reached
	Stamp   tier.Stamp

	// Mapping is the identity of the shared words, zero if there are none, and
	// Place the directory in which they lie, as the owner sees it.
	Mapping [16]byte
	Place   string

	// Extra is for the store alone, at most 64 KiB.
	Extra []byte

	PID int // of the owner, as it sees itself; set by the Node
}
