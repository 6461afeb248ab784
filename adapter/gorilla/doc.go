// Package gorilla keeps the sessions of github.com/gorilla/sessions in a
// tiered.Store. What takes a sessions.Store takes this one: gorilla's own code,
// chi, goth, and echo through echo-contrib's session middleware (module echotest
// tries that).
//
//	store, err := gorilla.New(db, nil) // db is a *tiered.Store
//	session, err := store.Get(r, "__Host-session")
//	session.Values["user"] = 42
//	err = session.Save(r, w) // before the response's first byte
//
// # What it fixes
//
//   - Lost updates. A session that was saved by another request since this one
//     loaded it is merged key by key, three ways (as loaded, mine, as stored):
//     changes and deletions of different keys all survive. On the same key the
//     later Save wins.
//   - Resurrected logouts. A Save on top of a session that was deleted, renewed
//     or has expired meanwhile is [ErrRevoked], stores nothing and sets no cookie.
//   - Outages that look like logouts. If the session could not be read, Save
//     refuses with the reason instead of replacing the session by an empty one,
//     also for a handler that ignores Get's error.
//   - Session fixation. Set session.ID to "" and Save: the session moves to a new
//     id, and the old one is dead, in one atomic write. Do this at login.
//   - Forgotten expiry. A record dies at its deadline, to the millisecond, and is
//     swept. No cookie's age limits what is stored, nor does 4096 bytes.
//
// # What it cannot fix
//
//   - Two requests that change the same key: flashes of one name are one key, so
//     of two that are added at once one is lost. What must not be lost needs a
//     key of its own, or package session.
//   - A renewal has no grace: a request that is under way with the old id finds
//     no session. If it saves, it begins a new one and sets that cookie.
//   - Save is explicit, and must come before the response's first byte.
//   - There is no index by user ("log out everywhere"), no idle limit beside the
//     lifetime that each Save renews, and no absolute limit.
//   - Each Save for a visitor without a cookie makes a record that lives for the
//     whole lifetime. Against robots: save only when there is something to keep,
//     with a short MaxAge until the visitor is known.
//   - Session.ID is the secret itself: do not log it.
//
// # The cookie
//
// Its value is the id alone: 256 bits of crypto/rand in base64url, 43 characters
// exactly. There are no keys to sign it with: a signature adds nothing to 256
// random bits but a secret to keep, and after each rotation error pages. The
// store sees SHA-256 of the id only, so that who reads the store's files cannot
// take over sessions. The session's name is a part of the store's key: an id is
// worth nothing under another name. A name that begins with "__Host-" (with
// Path "/", Secure and no Domain, as by default) keeps siblings of the host from
// setting it.
//
// # Rules of the interface, and the tests that hold them
//
//  1. Get gives one *Session within a request. TestGetCachesInTheRegistry
//  2. New gives a session whatever happens, an error beside it.
//     TestNewNeverGivesNil
//  3. An unknown, expired or malformed id is no session and no error: the
//     session is new, has no ID, and no id of a client's is ever adopted.
//     TestUnknownIDsAreNoSession
//  4. Ids and store keys are as said above. TestIDs, TestNamesArePartOfTheKey
//  5. Each session has its own Options; changing them changes no other's.
//     TestOptionsAreTheSessionsOwn
//  6. MaxAge < 0: Save deletes the record and expires the cookie, and that it is
//     gone already is no error. TestNegativeMaxAgeDeletes
//  7. MaxAge = 0: a cookie without Max-Age, which ends with the browser, as
//     sessions.Options says; the record lives for [Options.BrowserTTL]. (Beware:
//     sessions.FilesystemStore deletes here.) TestZeroMaxAgeIsABrowserSession
//  8. MaxAge > 0: the record's lifetime in seconds, from each Save on.
//     TestMaxAgeIsTheLifetime
//  9. Nothing is stored and no cookie is set unless Save is called; a Save that
//     fails sets no cookie. TestFailedSaveSetsNoCookie
//  10. Concurrent requests. TestTwoRequests, TestManyRequests
//  11. What was loaded is what was saved, flashes included. TestValuesComeBack
//  12. A request that its client has given up still saves what its handler
//     decided; its deadline holds. TestSaveOutlivesTheClient
//
// # Concurrency, ownership, errors
//
// A [Store] is safe for concurrent use, a Session is not, as everywhere in
// gorilla. After a merge Save brings the others' changes into Session.Values.
// Errors are [ErrRevoked], [ErrID], those of package tiered and those of the codec;
// their texts hold no ids and no values.
package gorilla
