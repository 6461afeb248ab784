//go:build linux

package campaign_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stratakv/strata/tiered/tier"
)

// TestEIO has a store on a file system that fails: a failed sync makes the
// outcome unknown and ends all writing, reads stay right, and reopening shows
// what was acknowledged. Every second time the power goes, too.
func TestEIO(t *testing.T) {
	rng := newRand(t)
	n := rounds(t, "STRATA_EIO_ROUNDS", 16)
	hits := map[string]int{}
	ways := map[string]int{}
	cuts, acked, done := 0, 0, 0
	met := func() bool { // which faults strike is drawn
		return hits["read"] > 0 && hits["write"] > 0 && hits["fsync"] > 0 && ways[unknown] > 0 && ways[unavailable] > 0
	}
	for round := 0; round < n || round < 10*n && !met(); round++ {
		done++
		r := &eioRound{d: mountDisk(t), book: newLedger(), kind: []string{small, small, whole}[rng.IntN(3)]}
		fault := anyFault(rng, round)
		if round == 0 { // one that is sure to leave an outcome unknown
			r.kind, fault = small, diskFault{op: "fsync", file: "journal", nth: 10, lasting: true}
		}
		cut := rng.IntN(2) == 0
		if err := r.run(t, rng, fault, cut); err != nil {
			t.Fatalf("round %d, %s, %+v, power cut %t: %v", round+1, r.kind, fault, cut, err)
		}
		for _, op := range []string{"read", "write", "fsync"} {
			hits[op] += r.d.struck(op)
		}
		for how, times := range r.book.ended {
			ways[how] += times
		}
		if cut {
			cuts++
		}
		acked += r.book.ended[ended]
	}
	t.Logf("struck %v, operations ended %v", hits, ways)
	for _, op := range []string{"read", "write", "fsync"} {
		if hits[op] == 0 {
			t.Errorf("no %s failed: the campaign tested nothing", op)
		}
	}
	if ways[unknown] == 0 || ways[unavailable] == 0 {
		t.Errorf("got %v, want some operations unknown and some unavailable", ways)
	}
	tries := eioControl(t, rng)
	report(t, row{
		fault:  "EIO",
		where:  "a file system in userspace under the whole directory: a write (torn or not), a read, an fsync fails once or for good; unsynced sectors lost",
		often:  fmt.Sprintf("%d failed writes, %d reads, %d syncs in %d rounds, %d of them with a power cut", hits["write"], hits["read"], hits["fsync"], done, cuts),
		result: fmt.Sprintf("%d acknowledged writes, none lost; nothing acknowledged after an unknown outcome; reads right", acked),
		control: fmt.Sprintf("a store that takes a failed sync for done is caught in try %d, one that does not sync in try %d",
			tries[forget], tries[lying]),
	})
}

// anyFault strikes in the journal, in store.db or anywhere.
func anyFault(rng *rand.Rand, round int) diskFault {
	f := diskFault{
		op:      []string{"fsync", "write", "read"}[round%3],
		file:    []string{"", "journal", "store.db"}[rng.IntN(3)],
		nth:     1 + rng.IntN(60),
		lasting: rng.IntN(2) == 0,
		torn:    rng.IntN(2) * rng.IntN(3000),
	}
	switch {
	case f.op == "read":
		f.nth = 1 + rng.IntN(8)
	case f.file == "store.db":
		f.nth = 1 + rng.IntN(20)
	}
	return f
}

// eioRound is a store's life on one disk.
type eioRound struct {
	d    *disk
	book *ledger
	kind string
	load load
}

func (r *eioRound) run(t *testing.T, rng *rand.Rand, fault diskFault, cut bool) error {
	t.Helper()
	if err := r.write(t, load{Writers: 8, Keys: 5, First: 1, Ops: 3, Bytes: 3000}, nil); err != nil {
		return fmt.Errorf("before any fault: %w", err)
	}
	for key, n := range r.book.acked {
		r.book.settled[key] = n
	}
	r.book.begin()
	err := r.write(t, load{Writers: 8, Keys: 5, First: 1_000_001, Ops: 40, Bytes: 3000}, &fault)
	if err != nil {
		return err
	}
	r.d.heal()
	to := filepath.Join(t.TempDir(), "after")
	if cut {
		r.d.save(t, to, rng)
	} else {
		r.d.save(t, to, nil)
	}
	r.d.unmount(t)
	return r.judge(filepath.Join(to, "store"))
}

// write lets a child write, with fault, until it has done all or cannot go on.
func (r *eioRound) write(t *testing.T, ld load, fault *diskFault) error {
	t.Helper()
	r.load = ld
	if fault != nil {
		r.d.inject(*fault)
	}
	c := startChild(t, task{Kind: r.kind, Dir: filepath.Join(r.d.dir, "store"), Load: ld, Reads: true})
	wrong := func(key string, n int) error {
		want := r.book.possible(ld, key, false)[0]
		if n != want && !(n == 0 && gone(want)) {
			return fmt.Errorf("%w: reading before the end: %s is after operation %d, want %d", errLost, key, n, want)
		}
		return nil
	}
	_, err := c.follow(r.book, wrong, func() {})
	return r.excuse(err, fault)
}

// excuse drops what a fault may cause: an opening that says unavailable, and,
// where reads fail, reads that say corrupt or unavailable.
func (r *eioRound) excuse(err error, fault *diskFault) error {
	if err == nil || fault == nil {
		return err
	}
	var left []error
	for _, one := range flatten(err) {
		text := one.Error()
		switch {
		case errors.Is(one, errNothing):
		case strings.HasPrefix(text, bad+" open: "+unavailable):
		case fault.op == "read" && strings.HasPrefix(text, bad+" open: ") && strings.Contains(text, tier.ErrCorrupt.Error()):
		case fault.op == "read" && (strings.Contains(text, tier.ErrCorrupt.Error()) || strings.Contains(text, tier.ErrUnavailable.Error())):
		default:
			left = append(left, one)
		}
	}
	return errors.Join(left...)
}

func flatten(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, flatten(e)...)
		}
		return all
	}
	return []error{err}
}

func (r *eioRound) judge(dir string) error {
	s, err := openSubject(r.kind, dir)
	if err != nil {
		return fmt.Errorf("opening after the fault: %w", err)
	}
	_, err = r.book.judge(r.load, s, false)
	if err := errors.Join(err, s.close()); err != nil {
		return err
	}
	return checkStore(dir)
}

// eioControl is in which try the judge caught each store that is wrong.
func eioControl(t *testing.T, rng *rand.Rand) map[string]int {
	t.Helper()
	caught := map[string]int{}
	for _, kind := range []string{forget, lying} {
		const tries = 10
		for try := 1; try <= tries && caught[kind] == 0; try++ {
			r := &eioRound{d: mountDisk(t), book: newLedger(), kind: kind}
			err := r.run(t, rng, diskFault{op: "fsync", file: "journal", nth: 3 + rng.IntN(20), lasting: true}, true)
			if errors.Is(err, errLost) || errors.Is(err, tier.ErrCorrupt) {
				caught[kind] = try
			}
			t.Logf("control, %s: %.200v", kind, err)
		}
		if caught[kind] == 0 {
			t.Fatalf("control: got no loss and no damage by the store %q in %d tries, want one", kind, tries)
		}
	}
	return caught
}
