// Command demo is the service to try strata with first: records over HTTP on
// a real store, with a page to look at and a load generator to push.
//
//	go run ./cmd/demo                  # starts at once, on a directory of its own
//	go run ./cmd/demo -memory          # the memory store: nothing stays
//	go run ./cmd/demo load -d 10s      # in another terminal
//
// # Requests
//
//	PUT    /v1/kv/{key}?ttl=30m   the body is the value; 204 with ETag: "version"
//	GET    /v1/kv/{key}           200 with ETag, Expires, X-Strata-Tier; 404
//	DELETE /v1/kv/{key}           204, also if there was nothing
//	GET    /v1/scan?prefix=       one JSON object a line, in the order of the keys
//	POST   /v1/batch              one operation a line; all happen or none
//	GET    /v1/stats              the store's counters and the service's
//
// A key is any bytes, path-escaped, the empty one too; "/v1/kv/a//b" and
// "/v1/kv/.." mean what they say and are not cleaned. (curl needs
// --path-as-is for these; a browser cannot send "." and "..", the batch can.)
// If-Match: "version" and If-None-Match: * make PUT a compare-and-set,
// If-Match makes DELETE a compare-and-delete; 412 comes with the current ETag.
//
// # Guarantees
//
// A 2xx answer to a write is the store's acknowledgement. 504 says that the
// write may have happened; every other error says that it has not. A scan that
// meets an error ends with an {"error":…} line and a broken connection, never
// like a complete one. SIGINT and SIGTERM let the requests that are running
// finish, then close the store; a second signal ends the process at once.
//
// # Limits
//
// It is for one machine and its user: no TLS, no login. It answers only to
// loopback names, IP literals and the host of -addr (421), and refuses writes
// that a page of another origin sends (403). Bodies, their sum in memory,
// requests at a time, batch lines and header bytes are bounded.
package main
