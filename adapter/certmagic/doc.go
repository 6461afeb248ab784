// Package certmagic keeps what github.com/caddyserver/certmagic (and so Caddy)
// stores in a tiered.Store: certificates, keys, accounts, staples, and its locks.
//
//	storage, err := stratamagic.New(db, nil) // db is a *tiered.Store
//	certmagic.Default.Storage = storage
//	defer storage.Close() // before db.Close
//
// # What it fixes
//
// Of certmagic.FileStorage: that two processes which find the same stale lock can
// both take it. Here a lock is one record, taken, prolonged and released by
// compare-and-set: of those who find it stale one gets it, and who has lost it
// neither prolongs nor releases the new owner's. A waiter needs no files read
// and no guess about clocks: a stale lock is a record whose deadline has come.
//
// # What it cannot fix
//
//   - Only processes that share the tiered.Store see each other's locks. Several
//     hosts need a storage that they share.
//   - The interface does not tell an operation that its lock went stale while it
//     was stalled, and Store asks for no lock: the version that fences a lock
//     fences Unlock and RenewLockLease, which certmagic calls before each try.
//   - A directory and a key of the same name can exist beside each other, which a
//     file system forbids. Stat then tells of the key, Delete removes both.
//   - Delete of a directory and a List are not one moment: what is stored under
//     it meanwhile may stay, or be seen or not.
//
// # Rules of the interface, and the tests that hold them
//
//  1. Load gives what the last Store of the key was given, whole, also beside
//     other Stores, and a private copy. TestLoadGivesTheLastStore,
//     TestLoadIsNeverTorn
//  2. Load, List and Stat of what is not there are fs.ErrNotExist.
//     TestMissingIsErrNotExist
//  3. Delete of a key removes it and all keys below it, by path component ("a"
//     is above "a/b", not above "ab"); that there is none is nil. TestDelete
//  4. Exists is true for keys and for directories. TestExists
//  5. List gives full keys. Recursive, all keys and directories below; else those
//     directly below. Of a key it is empty, and so it is of the root of an empty
//     storage. TestList
//  6. Stat gives size, time of the last Store and IsTerminal; of a directory, the
//     newest time below it, by which certmagic finds the newest account.
//     TestStat, TestStatOfADirectory
//  7. Keys are taken as cleaned paths: no slashes at their ends, no empty, "." or
//     ".." components. The root is neither stored, loaded nor deleted. TestKeys
//  8. A value over the store's limit is tiered.ErrTooLarge, and the old one stays.
//     TestTooLarge
//  9. A context that has ended does nothing, but for rule 14.
//     TestContextIsHonoured
//  10. Lock blocks until the lock is free, stale, or the context ends. One at a
//     time has it, over goroutines, Storages and processes. TestLockExcludes,
//     TestLockExcludesOverStorages
//  11. An owner that lives keeps its lock, however long. One that is gone loses it
//     when its lease ends, not before. TestLockOutlivesItsLease,
//     TestStaleLockIsTaken, TestKilledOwner
//  12. Who has lost a lock can neither release nor prolong it: ErrNotHeld, as for
//     a lock that was never taken. TestLostLockIsFenced, TestUnlockOfNothing
//  13. RenewLockLease(d) keeps the lock for d from now on even if the process
//     stalls or dies. (After a kill it is taken only then.) TestRenewLockLease
//  14. A free lock is taken, and a lock released, even if the context has ended,
//     as FileStorage does: certmagic releases so. TestLockWithEndedContext
//  15. TryLock does not wait. TestTryLock
//  16. Locks are not in the tree of keys. TestLocksAreNoKeys
//
// # Concurrency, ownership, errors
//
// A [Storage] is safe for concurrent use. It has a goroutine for each lock that it
// holds, and [Storage.Close] ends them. It copies what it is given, and what it
// gives is the caller's. Errors are fs.ErrNotExist, [ErrNotHeld] and those of
// package tiered; their texts hold no keys, names or values.
package certmagic
