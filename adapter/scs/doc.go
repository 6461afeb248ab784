// Package scs keeps the sessions of github.com/alexedwards/scs/v2 in a
// tiered.Store. It has that library's Store, CtxStore, IterableStore and
// IterableCtxStore by their methods alone and imports nothing of it.
//
//	store := scs.New(db, nil) // db is a *tiered.Store
//	manager.Store = store
//	manager.ErrorFunc = …     // see "Late requests" below
//	http.ListenAndServe(addr, store.Wrap(manager.LoadAndSave(mux)))
//
// # What it fixes
//
// Of the four failures of scs 2.9.0 over any plain store:
//
//   - Resurrected logouts. With an IdleTimeout every request commits, so one that
//     only reads brings back a session that was destroyed beside it. Here Delete
//     leaves a tombstone in the record's place, in the same write: for
//     Options.Fence a Commit of that token is [ErrRevoked] and stores nothing.
//   - The undone renewal. In the same way a late Commit makes the token valid
//     again that RenewToken had replaced, and session fixation with it. The same
//     tombstone refuses it.
//   - Lost updates. Of two requests that change different keys the first one's
//     change is lost. Under [Store.Wrap] a Commit is compared with what its
//     request had found, and merged key by key, three ways (as found, mine, as
//     stored), where another request was faster. Deletions survive too. On the
//     same key the later Commit wins.
//   - Logging out everywhere. With HashTokenInStore, Iterate and Destroy delete
//     nothing, because the key is hashed twice. Here they do, with that setting
//     and without.
//
// Under Wrap the fence has no end: a Commit on top of a session that is no
// longer there is ErrRevoked, whenever it comes.
//
// # What it cannot fix
//
//   - Without Wrap or [Store.Track] a Commit says nothing of what its request had
//     read: the last one wins, whole. The fence holds for Options.Fence only.
//   - Two requests that count up the same key: one count is lost. Package session
//     has a get-and-set.
//   - RenewToken is a Delete and, at the end of the request, a Commit. What
//     another request committed between this one's load and its RenewToken is
//     lost, a crash between the two is a logout, and there is no grace: a request
//     under way with the old token finds no session, and if it puts something
//     into its new one, its cookie replaces that of the login.
//   - With an IdleTimeout every request writes, one that only reads too. Package
//     session writes when a part of the timeout has passed.
//   - scs commits before the response's first byte and never after it.
//
// # Late requests
//
// ErrRevoked and [ErrConflict] reach the manager's ErrorFunc, which answers 500
// unless it is set. One that writes nothing lets the handler's own answer go
// out, and no cookie with it:
//
//	manager.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) {
//		if errors.Is(err, scs.ErrRevoked) {
//			return // logged out, or in, by another request meanwhile
//		}
//		http.Error(w, "try again later", http.StatusServiceUnavailable)
//	}
//
// (A Commit that stored nothing and returned nil was rejected: scs would set a
// cookie with the dead token, over the one that a login has just set.)
//
// # Tokens at rest
//
// Neither tokens nor anything that lets one in are in the store: a record's key
// is a hash of a hash of the token, and it holds the inner one. So All cannot
// give tokens. It gives handles ([Store.Handle] of the token), which Delete and
// Commit take in a token's place and Find does not: Iterate works, with Put,
// Commit, Destroy and RenewToken, and Token gives the handle there. Where All
// must give the tokens themselves, Options.ClearTokens keeps them.
//
// HashTokenInStore adds nothing here and should stay off. With it a handle is
// hashed, too, and looks like a token: a Commit from Iterate of a session that has
// expired meanwhile makes it again, under its handle.
//
// Data are in strata's files as the manager's Codec made them.
//
// # Rules of the interface, and the tests that hold them
//
//  1. A token that is missing, malformed or expired is nil, false, nil; err is
//     for the system. TestFindMissing, TestExpiry
//  2. Commit replaces data and expiry. An expiry that has come, the zero time
//     included, ends the session. TestCommitReplaces, TestCommitOfThePast
//  3. Expiry is absolute, to the millisecond, rounded up. TestExpiry
//  4. Delete of what is missing is nil. TestDelete
//  5. All gives live sessions only; with none, a map that is empty and not nil.
//     TestAll
//  6. Tokens are any bytes, "" included, but for the form of a handle, which no
//     token of scs's has. TestAnyToken, TestHandleOfNothing
//  7. No method panics, those without a context and those of a closed store
//     included. TestWithoutContext, TestClosed
//
// # Concurrency, ownership, contexts
//
// A [Store] is safe for concurrent use. It copies what it is given, and what it
// gives is the caller's. A Commit or Delete that its client gives up (a context
// that is cancelled) is carried out all the same: a logout is a logout even if
// nobody waits for the page. A context's deadline holds.
//
// # Errors
//
// Those of package tiered, ErrRevoked and ErrConflict; their texts hold neither
// tokens nor data. A record that this package did not write is
// tiered.ErrCorrupt, and Delete removes it. In a store that is full Delete works,
// but may leave no tombstone.
package scs
