//go:build !wasm

// Package l2mmap shares frames between the processes of a host, in files that
// all of them map: a hit costs no system call and takes no lock, and what is
// cached survives a restart. It is the second tier of strata. Nothing in it is
// the truth: it may forget anything at any time.
//
//	dir, err := l2mmap.Place(l2mmap.PlaceOptions{StoreDir: home, StoreID: id})
//	control, err := l2mmap.OpenControl(dir, &l2mmap.ControlOptions{StoreID: id, Seed: seed})
//	pages, err := l2mmap.Open(dir, control, &l2mmap.PageOptions{Bytes: 64 << 20})
//	bound, err := control.Bind(truth, pages)   // the owner alone
//	frame, deadline, ok := pages.Get(buf, key, hash, now)
//	err = pages.Fill(key, hash, frame, deadline, now, word)
//
// [Control] is the control file: coherence words, process slots, what binds
// the cache to the truth. Every store with files has one. [Cache] is the page
// file.
//
// [Alone] is both without a truth below: a cache that processes share, with
// get-and-set, iteration, read-through and write-through.
//
// # Guarantees
//
//   - [Cache.Get] returns a frame that was put or filled under the full key,
//     whole, before its deadline; or it misses. Whether it is still the truth
//     is what the bucket's word says: load it before, and ask the authority if
//     something is in flight.
//   - A [Cache.Fill] is refused unless the word is the expected one while the
//     page is locked.
//   - After [Cache.Put] or [Cache.Remove] returned nil no frame of before is
//     found again, whatever bits are flipped: links and headers carry checks,
//     and a freed entry has no header.
//   - A process that is killed anywhere costs the others at most the page that
//     it was changing. One that is stopped costs a writer 1 ms; its page is
//     left alone.
//   - Everything that is read from a mapping is untrusted. Damage costs
//     entries; a page that contradicts itself is emptied. Damage to a word ends
//     the use of the cache by all processes, as no checksum can cover it.
//   - A file that is truncated from outside is detached, and nothing crashes
//     (but for programs built with -race: a fault in the detector's own code
//     cannot be caught).
//   - Files that lie in the store's directory, and so in every backup of it, are
//     kept over an opening only if their owner had closed them, or other
//     processes have had them open since: a backup made while they were in use
//     has each of another moment. They are no part of a backup.
//   - An item takes at most a quarter of a page. Room is made by dropping what
//     has expired, and then by SIEVE, until the item fits and no further.
//
// # Limits
//
// Pages are shared on Linux, on little-endian machines, on local file systems
// (tmpfs, ext4, xfs, btrfs, overlayfs). Elsewhere [Open] is [ErrUnsupported],
// and [OpenControl] gives words for one process. All processes must have the
// same effective user: each of them can write to the memory of all, and a
// process of the same user that writes there with intent is not defended
// against.
//
// # Concurrency
//
// All methods are safe for concurrent use, in one process and between them.
// Locks, outermost first: the control file's close gate · one page's lock. No
// caller's code runs under either.
//
// # Ownership
//
// Bytes are copied in and copied out; nothing that points into a mapping leaves
// the package. A mapping is undone once nothing refers to its Control or Cache
// any more, never under a reader. The owner closes its Cache only when its
// committer has ended: from then on it keeps nothing in step.
//
// # Errors
//
// The sentinels of this package, tier.ErrTooLarge and tier.ErrClosed. A fault
// of the cache is a miss, and counted in [Stats].
package l2mmap
