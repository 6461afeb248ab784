//go:build unix

package l3bolt_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"testing"

	"github.com/stratakv/strata/l3bolt/faultfs"
)

// stepping is a checkpoint that is under way while a compaction is.
type stepping struct {
	next func() (error, bool)
	stop func()
}

// step begins a checkpoint, or writes the next piece of the one under way.
func (s *stepping) step(c *compacting) {
	c.t.Helper()
	if s.next == nil {
		s.next, s.stop = iter.Pull(c.db.CheckpointSteps(1 + c.mk.rng.IntN(30)))
	}
	err, goesOn := s.next()
	if err != nil {
		c.t.Fatal(err)
	}
	if !goesOn {
		s.leave()
	}
}

// leave ends the checkpoint where it is.
func (s *stepping) leave() {
	if s.next != nil {
		s.stop()
	}
	s.next, s.stop = nil, nil
}

// TestCompactionBetweenPieces compacts at random moments while checkpoints are
// under way: compactions begin, step and end between pieces, checkpoints begin
// and end between steps. Kills come anywhere (C2, C3).
func TestCompactionBetweenPieces(t *testing.T) {
	for i := range 4 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Logf("seed %d", seed)
			compactionBetweenPieces(t, seed)
		})
	}
}

func compactionBetweenPieces(t *testing.T, seed uint64) {
	dir := memoryDir(t)
	c := newCompacting(t, dir, seed, still, nil)
	s := &stepping{}
	met, within := 0, 0 // compactions that ended between pieces; pieces between their steps
	something := func() {
		switch c.mk.rng.IntN(6) {
		case 0:
			c.commits(1 + c.mk.rng.IntN(10))
		case 1:
			c.sweep()
		case 2:
			c.mk.same(t, c.db, c.m)
		default:
			s.step(c)
		}
	}
	c.meanwhile = func() {
		for range c.mk.rng.IntN(4) {
			before := c.db.Pieces()
			something()
			within += int(c.db.Pieces() - before)
		}
	}
	for range 8 {
		c.commits(100)
		for range 3 {
			for range c.mk.rng.IntN(6) {
				something()
			}
			c.compact(1 + c.mk.rng.IntN(8<<10))
			if s.next != nil {
				met++
			}
			c.mk.same(t, c.db, c.m)
		}
		end := c.db.Crash
		if c.mk.rng.IntN(3) == 0 {
			for s.next != nil {
				s.step(c)
			}
			if err := c.db.Check(); err != nil {
				t.Fatal(err)
			}
			end = c.db.Close
		}
		s.leave()
		if err := end(); err != nil {
			t.Fatal(err)
		}
		c.db = mustOpen(t, dir, quiet(still), nil)
		c.mk.reopened(t, c.db, c.m)
	}
	if err := c.db.Close(); err != nil {
		t.Fatal(err)
	}
	if met < 3 || within < 10 {
		t.Errorf("%d compactions ended between pieces, %d pieces were written between steps; the test shows little", met, within)
	}
}

// TestCompactionKeepsWherePiecesGo: what pieces say for the case that the journal
// is lost is in the new file, too.
func TestCompactionKeepsWherePiecesGo(t *testing.T) {
	dir := memoryDir(t)
	c := newCompacting(t, dir, 51, still, faultfs.New(dir))
	c.fill()
	c.commits(30)
	if n, err := c.db.SomePieces(2, 5); err != nil || n == 0 {
		t.Fatalf("%d changes, %v; want some", n, err)
	}
	c.compact(4 << 10)
	if err := c.db.Crash(); err != nil {
		t.Fatal(err)
	}
	db := mustOpen(t, dir, quiet(still), faultfs.New(dir))
	if got := db.State().Version; got < c.m.version {
		t.Errorf("version %d after the loss of the journal, want %d at least", got, c.m.version)
	}
	if got := db.Forgotten(); got < c.m.version {
		t.Errorf("writes up to version %d may be forgotten, want %d", got, c.m.version)
	}
	if err := db.Check(); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
