//go:build !wasm

package l3bolt_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered/tier"
)

func client(n int) (id [16]byte) {
	id[0], id[1] = byte(n), byte(n>>8)
	return id
}

// rememberer commits groups that remember.
type rememberer struct {
	t  *testing.T
	mk *maker
	m  model
}

func (r *rememberer) commit(db *l3bolt.DB, all ...tier.Remembered) {
	r.t.Helper()
	g := &tier.Group{Memory: all}
	r.mk.put(g, &r.m, fmt.Sprintf("key %d", r.m.version%7), "value", 0)
	r.mk.finish(g, &r.m)
	mustCommit(r.t, db, g)
}

func ticket(c int, seq, low uint64) tier.Ticket {
	return tier.Ticket{Client: client(c), Seq: seq, Low: low}
}

func wantOutcome(t *testing.T, db *l3bolt.DB, when string, c int, seq uint64, want string) {
	t.Helper()
	got, known := db.Recall(client(c), seq)
	if known != (want != "") || string(got) != want {
		t.Errorf("%s: client %d, write %d: got %q, %v, want %q", when, c, seq, got, known, want)
	}
}

// TestMemory (M1, M2, M4): outcomes are there after a kill, a checkpoint and a
// closing, and gone below a client's Low.
func TestMemory(t *testing.T) {
	dir := t.TempDir()
	db := mustOpen(t, dir, l3bolt.Options{CheckpointBytes: 16 << 10, SegmentBytes: 16 << 10}, nil)
	r := &rememberer{t, newMaker(t, 1), model{records: map[string]stored{}}}
	r.commit(db, tier.Remembered{Ticket: ticket(1, 1, 1), Outcome: []byte("one")},
		tier.Remembered{Ticket: ticket(2, 1, 1), Outcome: []byte("other")})
	r.commit(db, tier.Remembered{Ticket: ticket(1, 2, 1), Outcome: []byte("two")})
	check := func(when string) {
		t.Helper()
		wantOutcome(t, db, when, 1, 1, "one")
		wantOutcome(t, db, when, 1, 2, "two")
		wantOutcome(t, db, when, 2, 1, "other")
		wantOutcome(t, db, when, 2, 2, "")
		wantOutcome(t, db, when, 3, 1, "")
		if n := db.Forgotten(); n != 0 {
			t.Errorf("%s: forgotten up to %d, want 0", when, n)
		}
	}
	check("committed")
	killed := t.TempDir()
	if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = mustOpen(t, killed, l3bolt.Options{}, nil)
	check("killed")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = mustOpen(t, killed, l3bolt.Options{}, nil)
	check("closed")
	r.commit(db, tier.Remembered{Ticket: ticket(1, 9, 2), Outcome: []byte("nine")})
	for _, when := range []string{"raised", "raised, reopened"} {
		wantOutcome(t, db, when, 1, 1, "")
		wantOutcome(t, db, when, 1, 2, "two")
		wantOutcome(t, db, when, 1, 9, "nine")
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = mustOpen(t, killed, l3bolt.Options{}, nil)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestMemoryIsBounded (M3): the clients that wrote longest ago go first, whole,
// and it is known up to which version.
func TestMemoryIsBounded(t *testing.T) {
	dir := t.TempDir()
	opts := l3bolt.Options{Remembered: 10}
	db := mustOpen(t, dir, opts, nil)
	r := &rememberer{t, newMaker(t, 1), model{records: map[string]stored{}}}
	for n := range 6 {
		for seq := range 2 {
			r.commit(db, tier.Remembered{Ticket: ticket(n, uint64(seq+1), 1), Outcome: []byte("x")})
		}
	}
	for _, when := range []string{"over the bound", "reopened"} {
		wantOutcome(t, db, when, 0, 1, "")
		wantOutcome(t, db, when, 0, 2, "")
		wantOutcome(t, db, when, 1, 1, "x")
		wantOutcome(t, db, when, 5, 2, "x")
		if got := db.Forgotten(); got != 2 {
			t.Errorf("%s: forgotten up to %d, want 2", when, got)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = mustOpen(t, dir, opts, nil)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
