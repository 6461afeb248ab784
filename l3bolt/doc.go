//go:build !wasm

// Package l3bolt is the durable tier: records on one local disk, in a bbolt
// B+tree behind a journal. It never evicts; what Commit acknowledged survives
// kill -9 and a power cut.
//
// # Use
//
// [Open] gives a [DB], which is a tier.Durable; the example shows one. It
// judges nothing: deadlines, conditions and quotas belong to the authority
// above it.
//
// # What lies in the directory
//
//	LOCK            held for life by whoever has the store open; never unlinked
//	store.db        bbolt: what the last checkpoint wrote, and the journal
//	                position; behind that, room kept back for checkpoints
//	store.db.tmp    a store.db in the making, or one that a crash left unfinished;
//	                nothing needs it, and opening removes it
//	journal/N.log   what was committed since; and files of which bbolt has all,
//	                for the next segments. N.log.tmp is one that is being made
//	journal/spare   room kept back for the journal, for writes that free room
//
// At rest the journal takes up, beside what was committed since the last
// checkpoint, the spare and at most CheckpointBytes and three segments, by
// default 180 MiB in all; a store that never filled half a segment, one segment
// and the spare. Where store.db lacks room, all but the spare is given back.
// Close leaves the spare only.
//
// store.db and journal/ belong together: a backup holds both, or a store.db
// of a store that was closed.
//
// # Guarantees
//
// The invariants are numbered at [DB] (D1 to D9), at the journal (J1 to J10),
// and at the type compaction (C1 to C8). In short: a group is appended to the
// journal, synced, and only then published, all of it at once; bbolt receives
// only what the journal has made durable; a failed sync is never repeated and
// ends all writing.
//
// # Concurrency
//
// Commit and Due must not overlap with each other; everything else may be
// called at any time from anywhere. Three goroutines belong to the DB: the
// checkpointer, the one that makes the journal's segments ahead, and the one
// that compacts store.db. They have ended when Close
// returns.
//
// # Ownership
//
// Frames given to Commit belong to the DB. Frames that come out are heap
// memory that nobody changes; nothing points into the mapped file.
//
// # Errors
//
// Callers branch on the sentinels of package tier: ErrLocked (someone has the
// directory), ErrFull (no room, nothing happened), ErrUnknownOutcome (a sync
// failed: the group may show after reopening), ErrUnavailable (nothing
// happened, and no write will until the store is reopened), ErrCorrupt (with
// file and offset). Messages name file and operation, never keys or values.
package l3bolt
