// Versus compares strata with what else one could use, side by side:
//
//	go run ./bench -quick           # from the repository's root; some minutes
//	go run ./bench -run '^set-'     # some of the comparisons; -list names them
//	go run ./bench -out docs -readme README.md # the whole, about 50 minutes
//
// The report is kept in the directory -out: benchmarks.json has the last result
// of each comparison, with when, on what and of which commit it was measured;
// benchmarks.md, the charts and the summary in the README are made of it, after
// each comparison. So a run may be cut, or a part be measured again:
//
//	go run ./bench -out docs -readme README.md -run '^mixed$'
//	go run ./bench -out docs -readme README.md -render # write it anew, measure nothing
//
// How it measures, so that the figures mean something:
//
//  1. The systems of a comparison take turns, ABAB, for some rounds. Before each
//     turn the file system is synced and the garbage collected.
//  2. All have the same keys and values (package records), the same memory for
//     caches, and are warmed by the same load before they are measured.
//  3. What is on disk is loaded once and kept, over rounds and comparisons; a
//     store is open during its turns only, so that no other one's background work
//     is in them. What a store has put off is done when it closes, unmeasured, for
//     all alike; "sustained" shows what that costs.
//  4. Figures that rest on syncs stand beside what fdatasync alone does on the
//     same file system in the same rounds.
//  5. A peer that is not installed, or that fails, is named in the output, never
//     left out in silence; bench/install-peers installs them. A comparison that
//     fails costs no other one its result.
//  6. What a peer does better stands in a table that is made from the figures.
//
// Exit code, of what was measured in this run: 0, every target is met or not
// judged; 1, one is missed; 2, something went wrong. Ctrl-C ends it and removes what it made. It needs Linux.
package main
