// Package tiered is strata's store: values that have a lifetime (sessions,
// tokens, carts, fragments), durable, fast, and never gone before their time.
//
//	s, err := tiered.Open("/var/lib/app/strata", nil)
//	err = s.Set(ctx, "session:42", value, 30*time.Minute) // on stable storage when it returns
//	value, err := s.Get(ctx, "session:42")                 // ErrNotFound when there is none
//	err = s.Close()
//
// [Open] keeps records in a directory; [OpenMemory] keeps the same contract in
// memory, on every build, WebAssembly included. This page is the
// specification; tests cite it by number.
//
// # Promises
//
//   - P1 Acknowledged is durable. A write returns nil only after its record is
//     on stable storage (fdatasync). A kill or a power cut after that loses
//     nothing. (Stores with files; Stats.Durable says so, and is false on
//     tmpfs.)
//   - P2 Never evicted before expiry. A quota or a full disk gives ErrFull; the
//     old value stays and reads go on. Delete, expiry and a shorter deadline
//     always work: expired records are swept before ErrFull, and a spare file
//     is kept on the disk for them. (The memory store evicts only with
//     Options.Evict.)
//   - P3 Linearizable per key, over all goroutines and all processes of a host,
//     L1 and L2 hits included. A Batch is atomic; GetMany and Scan promise each record, not one snapshot
//     of many. Nothing of a
//     write, a refused condition's answer included, is visible to anyone
//     before its group's fsync.
//   - P4 Expiry is exact by the store's clock: at its deadline, to the
//     millisecond, a record is gone, never before, and nothing revives it. The
//     clock is wall time at open, carried on by the boot clock; later wall
//     steps of more than 2 s are followed by slewing of at most 10 %, never
//     backwards. It is kept with each group of writes and every second, so
//     that a reopened store carries on: exactly in the same boot; in another,
//     from the later of wall time and the last kept time.
//   - P5 No resurrection: a deleted, replaced or expired value never comes
//     back, not by a crash or a reopening either.
//   - P6 Faults stay where they are: a fault in L1 or L2 is a miss and a
//     counter; a fault of the durable tier is the caller's error. A write whose fate is unknown says ErrUnknownOutcome,
//     never "failed".
//   - P7 Private bytes: what goes in and comes out is the caller's own copy.
//     [Store.View] alone lends, while its function runs.
//   - P8 The same contract on every build; one conformance suite, package
//     storetest.
//   - P9 Input is hostile: what comes from files is bounds-checked and
//     checksummed; never a panic, never a wrong value.
//   - P10 Bounded: memory, queues, goroutines and batches have limits that
//     [Options] names; Close is idempotent, ends every goroutine and may race
//     any call.
//
// # Words
//
// key, value (the user's bytes), record (key, value, deadline, version), frame
// (a record's encoded form), deadline (absolute expiry, unix ms, 0: none),
// version (uint64, the commit order, grows by every write), tier, bucket (one
// of 65,536 slices of the key space by hash), word (a bucket's coherence word),
// generation (the word's counter), authority (the one place that orders
// writes), group (the writes that share one fsync), commit.
//
// # The way of a write
//
// The caller encodes the value once. The authority's queue takes it; the one
// committer takes all that is queued as a group: it marks the touched buckets
// as in flight, judges conditions, appends one record to the journal and syncs
// it, publishes the group at once, brings L2 up to date, ends the bracket and
// answers. There is no idle delay: while a group is being synced the next one
// gathers.
//
// # The way of a read
//
// A reader loads the coherence word of its key's bucket. If nothing is in
// flight it asks L1, whose entries carry the generation that they were read at,
// then L2, a page cache in shared memory that survives a restart; else, and on
// a miss, the authority, which reads the published state. What it finds fills
// L2, if the word is still the same under the page's lock, and L1. The protocol
// is searched state by state in coherence_model_test.go, with the wordings of
// it that are wrong.
//
// One read waits, and only one: that of a record past its deadline while a
// write that rests on its being alive (Touch, a condition on its version) is
// between judging and publishing. To say "gone" might be wrong, and to show the
// unsynced record as well.
//
// # Many processes
//
// Any number of processes of a host may open one directory. One of them owns
// the store: it alone has the files of the durable tier open, and its committer
// orders all writes. The others follow: their writes and the reads that no cache
// answers go to the owner over a Unix socket (package host), and they read and
// fill the same L2, under the same coherence words, as the owner's own readers.
//
// When the owner closes, a follower takes over, and its callers see no error.
// When it dies, the kernel frees its lock, and a follower replays the journal,
// repairs the buckets that were in flight, and goes on; a write that was cut off
// is sent again, and its outcome is remembered in the same commit as the write,
// so that it happens once. If that memory is gone (Limits.Remembered), it is
// ErrUnknownOutcome. A stopped owner is not dead: reads, and writes that were
// not sent, end by their context, or after 5 s as ErrUnavailable; writes that
// were sent, as ErrUnknownOutcome. An owner whose disk failed stays while it is
// alone, and steps down where another process could do better, one that may own.
//
// Options.Role says whether a process may own, and Stats what it is. MaxBytes,
// SweepEvery and the size of L2 are the owner's; L1Bytes, Codec and Logger are
// each process's own. A write must be within MaxTTL and Limits of its own process
// and within the owner's: it gets the same error from either. All processes read
// the time of the owner's clock, and must run as one user.
//
// # Where the caches live
//
// L1 is memory of the process (Options.L1Bytes). L2 and the words are files in
// /dev/shm, or in the store's directory where that is not safe or too small
// (Options.SharedDir, Options.L2Bytes). They hold values in clear or compressed,
// readable by the user alone. Where they cannot be had the store warns and works
// without; Stats says so.
//
// They are no part of a backup: leave them out, the folder shared in the store's
// directory if they are there. A store that is restored with caches that were
// copied while it was in use starts with an empty L2, and so does one that was
// killed and whose caches lie in its directory.
//
// # Dictionaries
//
// Values of some hundred bytes shrink little by themselves, and to a third
// with a dictionary of what they have in common. A store with files trains such
// dictionaries by itself: one for the keys with each prefix, which is what
// stands before the first colon, from 512 of its live records, in the
// background. It keeps them in the durable tier for ever, durable before the
// first record that needs one, and trains another one where values have changed
// so that clearly less is gained: 8 for each of 31 prefixes, 64 in all, at most;
// keys of other prefixes share those of the keys without any. Values from
// 16 KiB on do without. [Store.Dictionaries] gives them out, for another store's
// Options.Codec.Dictionaries; Options.Codec.NoTraining switches training off.
// A dictionary is put together of what at least four records have in common.
//
// # Keys, values, lifetimes
//
// Keys are any bytes, 0 to 32,000 of them. Values are 0 bytes to
// Limits.ValueBytes. A ttl of 0 means no expiry; one below a millisecond is
// rounded up; the time counts from the moment at which the write is judged.
//
// # Contexts
//
// A context that has ended before the operation does nothing. Once a write is
// queued, an ending context gives ErrUnknownOutcome, which also matches the
// context's error, unless the write is known not to have happened; then it is
// the context's error alone.
//
// # Errors
//
// Match with errors.Is. Messages name operation and tier, never keys or values.
//
//	error              meaning                                          retry
//	ErrNotFound        no live record                                   -
//	ErrVersion         a condition does not hold; nothing was done      after reading again
//	ErrTTL             lifetime negative or above MaxTTL                no
//	ErrTooLarge        key, value or batch over its limit               no
//	ErrFull            quota or disk has no room; the old value stays   after making room
//	ErrCorrupt         stored bytes are damaged; the error says where   no; restore, or replace the record
//	ErrUnavailable     the store cannot write now; nothing was done     after reopening
//	ErrUnknownOutcome  the write may or may not have happened           read first; conditional writes are safe
//	ErrLocked          another process owns and does not answer, or     later
//	                   this one was to own
//	ErrClosed          the store was closed; nothing was done           no
//
// After a failed fsync nothing is retried: the write is ErrUnknownOutcome, all
// later ones are ErrUnavailable, reads go on from what was acknowledged, and
// opening the store again finds out what the disk holds.
//
// # Concurrency and ownership
//
// All methods may be called at once. Byte slices that a caller passes in are
// copied before the call returns; slices that come out are the caller's. The
// order of locks is written at [Store].
package tiered
