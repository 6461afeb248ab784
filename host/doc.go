// Package host lets the processes of one host share a store: one of them, the
// owner, holds the authority; the others, its followers, reach it over a Unix
// socket. Who owns is settled by the store's own LOCK file, which the kernel
// frees when its holder dies.
//
//	n, err := host.Open(ctx, dir, &host.Options{Own: own, Follow: follow})
//	rec, found, err := n.Load(ctx, key) // on the owner a plain call, on a follower a round trip
//	err = n.Close()
//
// A [Node] is a [tier.Authority] whatever its role is. When the owner ends, by
// Close or by kill -9, one of the followers takes over and the calls of all the
// others go on to it by themselves.
//
// # Guarantees
//
// Tests cite them by number.
//
//  1. Never two owners. Only he owns whose Options.Own returned; that holds the
//     lock until [Owned].Close. Nobody is declared dead by a timeout.
//  2. The socket is bound after Own returned and is gone before Owned.Close is
//     called: who answers on it is the owner.
//  3. Options.Follow has returned nil for an owner before any of its answers
//     reaches a caller.
//  4. A write is applied at most once. One that was sent and not answered is
//     sent again, to whoever owns then, under the same [tier.Ticket] and marked
//     as sent before ([Attempt]); no two with one ticket are judged at once. Only
//     the caller who stops waiting for a write that was sent gets
//     ErrUnknownOutcome, and he whose ticket's memory is forgotten.
//  5. An owner that closes answers every write that it began, and says goodbye:
//     what it has not answered by then it has not begun, and is sent to the next
//     owner as if for the first time. No caller of a follower sees an error.
//  6. Every call of a follower ends by its context, or after Limits.Answer:
//     reads, and writes that were not sent, as ErrUnavailable; writes that were
//     sent as ErrUnknownOutcome. (DeleteExpired, Stats and Dictionary go on
//     while the owner shows that it lives.) With a context that ended the error
//     matches the context's too.
//  7. Errors cross the wire as themselves: errors.Is says the same on both
//     sides, for the sentinels of package tier and the two of package context.
//  8. Whatever a peer sends, no other peer is disturbed: lengths are checked
//     before memory is taken, a connection holds at most what Limits say, and a
//     peer that does not read is dropped. It gets one line in the log at most.
//  9. The processes of one uid alone are let in.
//
// # The election
//
// A node without an authority dials the socket, then tries Options.Own, in turn
// and 1 to 20 ms apart, until one of them succeeds. Own takes the store's lock
// without waiting (ErrLocked: another process has it), replays, repairs, and
// only then returns; the node then binds the socket under a temporary name and
// renames it to its place. A follower waits on the end of its connection and
// costs nothing meanwhile. The owner looks once a second whether the socket is
// still its own, and binds it again if it is not.
//
// # The wire
//
// A connection carries frames of at most 64 KiB, each with a crc32c; a longer
// message goes in parts, between which those of others find room, so that a
// value of 64 MiB delays nobody. Requests have ids, and answers come in any
// order. A follower opens with the versions that it speaks, the owner answers
// with the newest that both know and its [Hello]; this build speaks 2 and 1.
// Version 2 added the goodbye: from an owner of version 1 an unanswered write
// is sent again with its ticket, as after a kill. It also lets an owner that
// closes amid a DeleteExpired say how many records that had deleted.
//
// # Concurrency and ownership
//
// All methods may be called at once, beside Close too. The bytes that go in and
// come out are owned as [tier.Authority] says.
//
// # Platforms
//
// linux and darwin. Elsewhere a directory has one process: Own decides, and who
// comes second gets ErrLocked.
package host
