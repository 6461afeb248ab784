package tier

import "context"

// Authority is the one place of a host that orders and judges writes, and the
// source of truth for reads. Its methods are safe for concurrent use, beside
// Close too.
//
//  1. Each key is linearizable over all methods (P3).
//  2. No record is returned at or after its deadline (P4), and no write
//     revives one that a reader has seen gone (P5).
type Authority interface {
	// Load returns the live record of key; found is false if there is none.
	Load(ctx context.Context, key string) (rec Record, found bool, err error)
	// LoadMany returns the live record of each key, in their order; Version 0
	// where there is none. Each record is read for itself.
	LoadMany(ctx context.Context, keys []string) ([]Record, error)
	// Scan returns one chunk of live records. next is the From of the chunk
	// that follows; more is false at the end of the range. A chunk may be
	// empty although more is true.
	Scan(ctx context.Context, r Range) (recs []Record, next string, more bool, err error)
	// Write judges ops in order and applies all or none. A refused write
	// returns the refusing op's index and error in results, and that error.
	// Results are in the order of ops. ErrUnknownOutcome says that it may have
	// happened; any other error that it has not.
	Write(ctx context.Context, ops []Op) (results []Result, err error)
	// WriteOne is Write of one op, without a slice for it and its result.
	WriteOne(ctx context.Context, op Op) (Result, error)
	// DeleteExpired removes the records whose deadline has come and returns
	// their number.
	DeleteExpired(ctx context.Context) (int, error)
	// Close answers what was accepted, then ends. Later calls are ErrClosed.
	Close() error
}
