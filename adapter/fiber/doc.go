// Package fiber is a storage for the middlewares of github.com/gofiber/fiber, v2
// and v3 (session, limiter, cache, csrf, idempotency), in a tiered.Store. It has
// the Storage interfaces of both by their methods alone and imports nothing of
// either.
//
//	storage := fiber.New(db, nil) // db is a *tiered.Store
//	app.Use(limiter.New(limiter.Config{Storage: storage}))
//
// Entries outlive a restart and expire to the millisecond. A prefix of its own
// ([Options]) keeps each middleware's entries apart; they need no store each.
//
// Every Set is on stable storage when it returns. That is right for sessions; a
// limiter writes at each request, and a cache loses nothing that matters: over a
// tiered.OpenMemory store both cost less.
//
// # Rules of the interfaces, and the tests that hold them
//
//  1. What is missing or expired is nil, nil. TestGetMissing, TestExpiry
//  2. exp 0, and below, is without expiry; the longest one does not wrap, and one
//     below a second counts. TestExpiry, TestNoExpiry
//  3. An empty key or value is ignored: Set leaves what is there. TestEmpty
//  4. Keys and values that fiber uses again after the call are copied, and what
//     Get gives is the caller's. TestPrivateBytes
//  5. With a context that has ended nothing is done, and the error matches the
//     context's. TestContexts
//  6. Delete of what is missing is nil. TestDelete
//  7. Reset deletes the entries under the prefix and nothing else. TestReset
//  8. After Close every call is tiered.ErrClosed, and a second Close nil.
//     TestClose, TestCloseBesideCalls
//  9. Set after Delete works, as caches need it: what a request brings back that
//     ends after its session was destroyed is fiber's own doing, and only package
//     session can fence it. TestSetAfterDelete
//
// # What it is not
//
// Keys are in the store as fiber gives them, session ids included: who reads the
// store's files can take over sessions. A store with Options.MaxTTL refuses
// entries without expiry (tiered.ErrTTL).
//
// # Concurrency, errors
//
// A [Storage] is safe for concurrent use, beside Close too. Errors are those of
// package tiered and hold neither keys nor values.
package fiber
