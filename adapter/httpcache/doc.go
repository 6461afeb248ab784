// Package httpcache is a cache for github.com/gregjones/httpcache in a
// tiered.Store. It has that library's Cache interface by its methods alone and
// imports nothing of it.
//
//	cache := httpcache.New(db, nil) // db is a *tiered.Store
//	client := httpcache.NewTransport(cache).Client()
//
// # Guarantees
//
//   - Responses live for Options.TTL; the interface says nothing of lifetimes,
//     and without one the store would grow for ever. Whether a response is fresh
//     is the Transport's to judge, as always. TestTTL
//   - The interface has no errors. A fault is a miss, and Options.OnError hears of
//     it. TestFaultsAreMisses
//   - Get gives what the last Set gave, or nothing: where a response cannot be
//     stored (the store is full, it is too large) the older one is removed, for
//     the server has replaced it. TestFailedSet
//   - An empty value is a miss, as the interface says. TestEmpty
//
// Keys are URLs and are in the store in clear, as are the responses. The cache is
// a private one, like the library.
//
// # Concurrency, ownership, errors
//
// A [Cache] is safe for concurrent use. It copies what it is given, and what it
// gives is the caller's. Errors that OnError gets are those of package tiered and
// hold neither keys nor values.
package httpcache
