package tier

import "errors"

// The sentinels that callers branch on with [errors.Is]. Package tiered
// re-exports the same values.
var (
	// ErrNotFound: the key has no live record.
	ErrNotFound = errors.New("not found")
	// ErrClosed: the store was closed; nothing was done.
	ErrClosed = errors.New("store is closed")
	// ErrTTL: the lifetime is negative, above MaxTTL, or has no meaning here.
	ErrTTL = errors.New("lifetime out of range")
	// ErrTooLarge: a key, a value or a batch is over its limit; nothing was done.
	ErrTooLarge = errors.New("too large")
	// ErrFull: the quota or the disk has no room; the old value stays.
	ErrFull = errors.New("store is full")
	// ErrVersion: the record's version is not the expected one; nothing was done.
	ErrVersion = errors.New("version does not match")
	// ErrCorrupt: bytes from disk or memory fail their checksum or their form.
	ErrCorrupt = errors.New("corrupt data")
	// ErrUnknownOutcome: the write may or may not have happened.
	ErrUnknownOutcome = errors.New("outcome unknown")
	// ErrUnavailable: the store cannot serve this now; nothing was done.
	ErrUnavailable = errors.New("store is unavailable")
	// ErrLocked: another process, or another store of this one, owns the
	// directory, and cannot be followed.
	ErrLocked = errors.New("directory is in use by another store")
)
