// Package session keeps sessions of web users on a strata store: durable when
// the response says so, never lost before their time, and merged, not
// overwritten, when requests of one session run at once.
//
//	m, err := session.New(store, nil)
//	http.ListenAndServe(addr, m.Wrap(mux))
//
//	var cart = session.NewKey[Cart]("cart")
//
//	func handler(w http.ResponseWriter, r *http.Request) {
//		c, _, err := cart.Get(r.Context())    // an error is an outage, not an empty cart
//		err = cart.Set(r.Context(), c)        // saved before the first byte of the answer
//		s := session.From(r.Context())
//		err = s.BindUser("alice")             // login: a new id, the old one is dead
//		err = s.Destroy("logout")             // logout: the record is gone before the answer
//	}
//
// [Manager] is the middleware, [Session] one session within one request, [Key]
// typed access to a value. [Store] is something else: the contract of the
// ancestors' session stores, for those who come from there; its own page has it.
//
// # Words
//
//   - id: 32 bytes of crypto/rand in base64url, 43 characters. The client alone
//     has it; the store, logs and errors see only its SHA-256.
//   - token: what the client sends; the id, or something that is none.
//   - record: what the store keeps of a session, under the id's hash. FORMAT.md
//     gives it byte by byte.
//   - entry: a key with its value's bytes and, if it has one, its own deadline.
//   - flash: a message for a later request, numbered by a generation that the
//     record counts up.
//   - lineage: 16 random bytes that name the session of one user over all its
//     ids. Login as another user begins a new lineage.
//   - handle: user and lineage, hashed and encoded: what lists of sessions show
//     and RevokeOne takes. It gives no access.
//   - index: one small record per session of a user, from handle to record.
//   - moved: the record that stands in an old id's place for its grace.
//   - confirmed: a client has come back with the id, or a user is bound.
//   - base, mine, stored: the three sides of a merge: the record as this request
//     loaded it, what the request makes of it, the record as it is now.
//
// # A request
//
//	untouched ──Get, Load──> loaded ──Set, Renew, …──> changed
//	    │                      │                          │
//	    └──────────────────────┴───────── Commit ─────────┴──> committed ──headers sent──> final
//
// Untouched costs nothing. Loaded has read the record, or found that there is
// none, or failed, which sticks: [Session.Err]; what failed because the caller's
// own context ended has not been loaded. Commit writes what there is to
// write, once, before the first byte of the answer. After it, reading goes on
// and every change is [ErrFinal].
//
// # Invariants
//
// Tests cite them by number.
//
//  1. At most one read and one write: a request makes one store read and one
//     write at most, and none if it does not touch its session. (A conflict
//     with another request, an id in its grace and the end of a session that
//     has just been renewed cost more.)
//  2. Ids stay with clients: only SHA-256 of an id is ever a store key or in a
//     log.
//  3. Strict ids: the manager makes ids, nobody else. What is not 43 characters
//     of canonical base64url, or is not in the store, is "no session": never
//     adopted, never an error page.
//  4. Saved first: what a request changed is on stable storage before the first
//     byte of its answer leaves. If it cannot be, the answer is the error
//     handler's, without a cookie; or the handler's own, if it had the error
//     from [Manager.Commit], or from a change that an outage refused and answers
//     with an error, 400 or above.
//  5. The fence: a record that was loaded is only ever written under the
//     condition that it still has the version that was read. A write never
//     makes a record anew under an id that had one: what Destroy, Renew or
//     Revoke ended, no late writer brings back.
//  6. The merge: when the condition fails, what the request did to each key is
//     done to the stored record. Keys that only one side changed keep that
//     side's state, deletions included; on a key that both changed the later
//     writer wins, or, with [Strict], has [ErrConflict].
//  7. The index holds: a record bound to a user and its index entry are written
//     and deleted in one batch. The user of a record never changes: another
//     user means another id.
//  8. Idle is never cut short: after the commit of a request that used the
//     session, at least the idle timeout is left to it, at most that and the
//     touch threshold; its absolute end apart.
//  9. An outage is no logout: after a failed load nothing is saved and no cookie
//     set or cleared; a failed write sets none either. If a write's fate is
//     unknown and it made a new id, the id is sent if it is found in the store
//     then. It is a logout all the same if such a renewal comes to pass later,
//     or the store can no longer be read.
//  10. The cookie is cleared by ending the session in that very request, and by
//     nothing else: an unknown id may belong to a client whose new cookie is
//     still under way.
//  11. Sealed: after the commit a change is an error that the handler sees, and
//     one log line for the request.
//  12. Another user, another id: BindUser always renews, without grace.
//  13. Strangers cost little: the record of a session that no client has come
//     back with lives for FirstLifetime only.
//
// # Concurrent requests
//
// Outcome of two requests A and B on one session, both loaded before either
// commits; A commits first.
//
//	A \ B     set k       set j       delete k    destroy     renew             touch
//	set k     B's k       both        no k        gone        A's k, new id     A's k
//	delete k  B's k       j, no k     no k        gone        no k, new id      no k
//	destroy   ErrRevoked  ErrRevoked  ErrRevoked  gone        ErrRevoked        gone, no error
//	renew     ErrRevoked  ErrRevoked  ErrRevoked  gone (*)    ErrRevoked        new id, no error
//	touch     B's k       j           no k        gone        new id            one touch
//
// (*) If a user is bound: B's destroy finds the renewed session by the index, and
// if A renewed with grace, by that. Another anonymous session that A renewed
// stays under A's id, as if B had come first. While a renewed id is in its grace ([Session.RenewGrace]) it stands for the
// new one: B's change goes there, and a second renewal with grace leaves the
// first one be. B's BindUser is a login that does not depend on the old session:
// if that is gone, it begins a new one, without the old one's data.
//
// # Flash
//
// [Session.Flash] leaves a message for later requests. [Session.Flashes] gives
// what earlier requests left under a key, and takes it away at commit, by
// generation, not by value: the same message set again survives, one that
// another request sets meanwhile too. [Session.KeepFlash] leaves them for one
// more. Two requests that run at once may both show a message.
//
// # Lifetimes
//
// A session ends after Options.Idle without a request that uses it, and
// Options.Lifetime after login or creation whatever happens; the store's clock
// decides, and a cookie's own expiry is never relied on. Using a session writes
// its record only when the last such write is older than the touch threshold
// (Options.Touch), by which the deadline is later in turn (8). What is loaded only
// after the first byte of the answer is not counted as a use. A request that
// outlasts what was left to its session can no longer change it: [ErrRevoked];
// Load at its begin extends nothing before its commit. A session that
// is new lives for Options.FirstLifetime until a client returns with it or a
// user is bound: n requests a second that begin sessions and never come back
// keep at most n × FirstLifetime records (13).
//
// # Hijacked connections
//
// Hijack saves the session first. A library that writes the answer's header by
// itself, as those for WebSocket do, sends the cookie of a session that was begun
// or renewed in that request only if it is given w.Header().
//
// # Done
//
// [Session.Done] is closed when the session ends: at once if this process
// destroys or revokes it, and at the next look, every Options.WatchEvery, if it
// expired or another process ended it. One goroutine per manager looks, while
// there is something to look for, at the records of watched sessions only; those
// are mostly L1 hits. Renewal does not close it. A session without a user that
// another process renews looks ended here, for want of an index entry, and so
// does one that this process renews between a request's load and its Done.
//
// # What is recorded about clients
//
// The user agent, cut to 160 bytes, when a user is bound or Options.Binding asks
// for it; the address prefix only in the latter case.
//
// # Security rules
//
// The rules of OWASP's Session Management Cheat Sheet and of NIST SP 800-63B-4,
// section 5, and the tests that show each. What a library below the application
// cannot do says "not here".
//
//	OWASP 1   the cookie's name tells nothing of the technology
//	            TestCookieDefaults
//	OWASP 2   ids have at least 64 bits of entropy from a CSPRNG: 256
//	            TestIDsAreRandom TestIDsComeFromCryptoRand
//	OWASP 3   ids are long enough, and of fixed length
//	            TestIDHasOneSpelling
//	OWASP 4   ids mean nothing; what they stand for is on the server
//	            TestTokenIsOpaque
//	OWASP 5   strict: ids that the server did not make are never accepted
//	            TestUnknownIDIsNotAdopted
//	OWASP 6   ids are untrusted input, checked before they are used
//	            TestIDHasOneSpelling FuzzCookie
//	OWASP 7   one way for ids to come in
//	            TestIDComesFromTheCookieAlone
//	OWASP 8   a new id at every change of rights, the old one destroyed
//	            TestLoginRenews TestRenewKeepsDataAndKillsTheOldID TestGraceIsTakenAway
//	OWASP 9   TLS for the whole session
//	            not here: the server's; the cookie is Secure, TestCookieDefaults
//	OWASP 10  Secure, HttpOnly, SameSite, no Domain, __Host-
//	            TestCookieDefaults TestCookieOptions
//	OWASP 11  non-persistent cookies unless asked for
//	            TestCookieDefaults TestPersistentCookie
//	OWASP 12  idle timeout, on the server
//	            TestIdleTimeout TestTouchThresholdNeverCutsShort
//	OWASP 13  absolute timeout, on the server, always
//	            TestAbsoluteLifetime TestRenewDoesNotProlong
//	OWASP 14  renewal from time to time, with a short grace for the old id
//	            TestRenewGrace TestTwoRenewalsAtOnceAreOne
//	OWASP 15  logout ends the session on the server and at the client
//	            TestDestroy TestLogoutOutlivesTheClient TestDestroyFindsARenewedSession
//	OWASP 16  an ended session stays ended
//	            TestTwoRequestsAtOnce TestReadBesideALogout
//	OWASP 17  caches keep no ids
//	            TestCookieDefaults TestHandlersCacheHeadersStay TestHeaderTransport
//	OWASP 18  ids are bound to other properties of the client, if wanted
//	            TestBinding TestBindingTurnedOnEndsNoSession
//	OWASP 19  logs hold no ids
//	            TestNothingSecretInErrorsAndLogs
//	OWASP 20  the store gives no ids away to who reads it
//	            TestOnlyHashesAreStored
//	OWASP 21  users see their sessions and end them, one or all
//	            TestSessionsOfAUser TestRevokeOne TestRevokeAllButSome
//	OWASP 22  sessions at once per user can be limited
//	            TestRevokeAllButSome (Count and Revoke; how many is the application's)
//	OWASP 23  guessing ids finds nothing and costs the server little
//	            TestGuessingLeavesNothingBehind
//	OWASP 24  what asks for sessions and never returns does not fill the server
//	            TestBotsDoNotFillTheStore
//	OWASP 25  open connections end with the session
//	            TestDoneAtOnce TestDoneAtTheNextLook
//	OWASP 26  session fixation over subdomains
//	            TestIDComesFromTheCookieAlone (__Host- alone is read)
//	OWASP 27  detection of guessing and of anomalies
//	            not here: the application's; Reason says what it needs
//	OWASP 28  one cookie, of one name and scope, carries the id
//	            TestCookieDefaults TestCookieIsFound
//	OWASP 29  the life of sessions is logged: begin, renewal, end
//	            not here: the application's, which knows why; Handle says of which
//	OWASP 30  caches keep no pages of a session
//	            not here: the application's; of ids, OWASP 17
//	OWASP 31  the page ends what the user forgets: an old login form, a closed window
//	            not here: the page's
//	NIST 1    the secret is made by the session host, at least 64 bits, approved RBG
//	            TestIDsAreRandom TestIDsComeFromCryptoRand TestUnknownIDIsNotAdopted
//	NIST 2    it is invalidated at logout
//	            TestDestroy TestPanicSavesOnlyADestroy
//	NIST 3    it is sent over an authenticated protected channel only
//	            not here: the server's; the cookie is Secure, TestCookieDefaults
//	NIST 4    it is not accepted after the timeouts
//	            TestIdleTimeout TestAbsoluteLifetime
//	NIST 5    it is erased at the client at logout
//	            TestDestroy
//	NIST 6    cookies are for secure sessions only
//	            TestCookieDefaults
//	NIST 7    cookies go to the least hosts and paths
//	            TestCookieDefaults
//	NIST 8    cookies are HttpOnly
//	            TestCookieDefaults
//	NIST 9    cookies expire at, or soon after, the session; which is not relied on
//	            TestPersistentCookie TestIdleTimeout
//	NIST 10   cookies have the __Host- prefix, and SameSite Lax or Strict
//	            TestCookieDefaults TestCookieOptions
//	NIST 11   cookies hold an opaque string only
//	            TestTokenIsOpaque
//	NIST 12   overall and inactivity timeouts can be set to the level's
//	            TestAbsoluteLifetime TestTouchDefaultIsATwentiethOfIdle TestOwnLifetime
//	NIST 13   reauthentication resets both timers, activity inactivity's alone
//	            TestReauthenticationResetsBothTimers TestAbsoluteLifetime
//	NIST 14   a session that is over cannot be continued by its secret
//	            TestTwoRequestsAtOnce TestRevokeMeetsWhatHappensMeanwhile
//	NIST 15   requests from other sites are refused
//	            not here: http.CrossOriginProtection's; SameSite=Lax helps, TestCookieDefaults
//	NIST 16   sessions are watched for signs of somebody else
//	            not here: the application's; TestBinding is a sign
//
// # Errors
//
//	ErrFinal     a change after the commit                          a fault of the handler
//	ErrConflict  Strict: another request changed the same key        409
//	ErrRevoked   the session was ended while the request changed it  409
//	ErrRecord    the stored record is damaged or of a later version  503
//	ErrArgument  an argument that is not allowed                     a fault of the handler
//
// All others are those of package tiered: tiered.ErrTooLarge, for a session over
// Options.MaxBytes, is 500, the rest mean an outage, 503. In a full store
// (tiered.ErrFull) a session is ended all the same; what the request set after
// that is refused, and what it flashed is dropped with a log line. The default error
// handler answers with these codes. Messages never hold ids, keys, values
// or user names.
//
// # Concurrency and ownership
//
// All methods of Manager and Session may be called at once. Values are encoded
// when they are set and decoded at each Get, so no two callers share one.
//
// # The store contract
//
// [Store] is for those who come from the ancestors' session stores, or who keep
// sessions by themselves. It knows nothing of cookies, and nothing of the
// manager's sessions.
//
//	s := session.NewStore(store, nil)
//	err := s.Put(ctx, "expires:"+id, time.Now().Unix()+7200)
//	err = s.Put(ctx, "session:"+id, map[string]any{"user": int64(7)})
//	data, found, err := s.Get(ctx, "session:"+id) // found=false: there is none
//
// Keys are `prefix:id`: the prefix is what stands before the first colon, 1 to
// 255 bytes; the id is the rest, at least one byte, any bytes. What is stored
// under another key is nothing: Get does not find it, Delete does nothing, Put
// and GetAndSet are ErrArgument.
//
// The law: after Put(x, y) has returned nil, Get(x) gives y, reflect.DeepEqual
// and of the same Go types, until x is put again, deleted or expires. It holds
// for every y that is nil or of one of these types, and contains nothing else
// where the type says any:
//
//   - bool, string, []byte, int, int8 to int64, uint, uint8 to uint64, float32,
//     float64, *big.Int, time.Time
//   - []T, and map[K]T, for a T of these or any, and a K that is a bool, a
//     string, a number, or any, which then holds one of these or nil; such a
//     type nests at most 8 deep
//
// So integers never become floats nor bytes strings; nil, and empty or nil slices
// and maps, are what they were, wherever they stand; and a stored nil, 0 or
// empty map is found. DeepEqual cannot say it of these:
//
//   - A NaN comes back as a NaN. As a map's key it is refused.
//   - A time comes back as the same instant, offset and zone abbreviation: in
//     time.UTC if it was there, else in a time.FixedZone. That is deeply equal
//     for UTC and fixed zones; a time of time.Local or a loaded zone is equal by
//     Time.Equal. A monotonic reading is dropped.
//   - A *big.Int zero that came out of a calculation is equal by Cmp.
//   - What was shared within y comes back as copies.
//   - Where an int has 32 bits, one that another machine stored and that does not
//     fit is an int64.
//
// All else that can be encoded, structs, named types, pointers and arrays, is
// stored too, as package codec/value's CBOR: [Store.GetInto] gives it back in its
// type, Get what it consists of (a struct is a map[string]any). What cannot be
// (functions, channels, what contains itself, more than 64 levels or 1,048,576
// elements) is ErrArgument; but a struct must not contain itself by pointers.
//
// The law has two exceptions, both under expires:ID. It takes integers alone, of
// any of Go's own types, up to 9,223,372,036,854,774: unix seconds; Get gives an
// int64. And a time in the past has already expired: what is stored then is
// gone, and session:ID and flash:ID with it.
//
// session:ID, flash:ID and expires:ID are one record, and expires:ID is its
// deadline: when the store's clock reaches that second, all three are gone at
// once, and nothing evicts one without the others. Each can be stored first,
// and be deleted alone. A new expires:ID moves the deadline, in either direction,
// and writes no value. While there is none, session:ID and flash:ID live for
// StoreOptions.TTL after the last write; that deadline is not an expires:ID. All
// other prefixes live until deleted, whatever is in them. DeleteExpired never
// touches those.
//
// Each call is atomic; [Store.GetAndSet] is so from its reading to its writing,
// over goroutines and processes. What came late after a logout is stored, as the
// contract wants it, but without an expires:ID, and not for long; the manager
// refuses it (5). Ids are hashed in the store's keys (2); of a prefix the name is
// in clear. Damaged records are tiered.ErrCorrupt, and can be deleted.
package session
