// Package sessiondata makes session records as services keep them: for tests
// and benchmarks of what they take and cost, here and in the module bench.
//
// A [Source] gives the same records for the same seed, of 150 to 2,000 bytes,
// short ones more often than long ones. Half of their bytes are names and words
// that all records share; the rest differs between users: ids, tokens from a
// random source, times, what is in a cart. They are JSON, or CBOR in the form in
// which package session keeps a session. A Source is not safe for concurrent
// use.
package sessiondata
