// Package compat has no code but tests: the adapters that imitate interfaces
// without importing them, proved against the libraries themselves.
//
//   - scs: the interfaces, a SessionManager behind LoadAndSave, and the four
//     failures of scs 2.9.0 over its own memstore and over the adapter.
//   - fiber, v2 and v3: the Storage interfaces, and the session, limiter and cache
//     middlewares, across a restart.
//   - httpcache: the Cache interface, the library's own suite for caches, and a
//     Transport, across a restart.
//   - The guides in docs: each block of Go in them is a part of an example that
//     runs.
package compat
