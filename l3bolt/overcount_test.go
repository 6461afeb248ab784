//go:build !wasm

package l3bolt_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered/tier"
)

// author counts usage as the authority does: by the heads that it is told, and
// less what Overcount says.
type author struct {
	mk    *maker
	db    *l3bolt.DB
	m     model
	usage tier.Usage
	blind int // changes
}

func (a *author) opened(db *l3bolt.DB) { a.db, a.usage = db, db.State().Usage }

// group commits a group of changes of distinct keys, each put blind if may be.
func (a *author) group(n int) error {
	keys, heads, blind := make([]string, n), make([]tier.Head, n), make([]bool, n)
	put := make([]bool, n)
	for i, k := range a.mk.rng.Perm(a.mk.keys)[:n] {
		keys[i] = fmt.Sprintf("key%03d", k)
		_, found := a.m.records[keys[i]]
		put[i] = !found || a.mk.rng.IntN(5) > 0
		blind[i] = put[i]
	}
	a.usage = a.usage.Minus(a.db.Overcount())
	if err := a.db.Heads(keys, heads, blind); err != nil {
		return err
	}
	g, after := &tier.Group{}, a.m.clone()
	for i, key := range keys {
		a.usage = a.usage.Minus(heads[i].Usage(key))
		if !put[i] {
			a.mk.remove(g, &after, key)
			continue
		}
		a.mk.put(g, &after, key, noise(a.mk, a.mk.rng.IntN(200)), a.mk.deadline())
		c := &g.Changes[len(g.Changes)-1]
		if c.Blind = blind[i]; c.Blind {
			a.blind++
		}
		a.usage = a.usage.Plus(c.Head.Usage(key))
	}
	a.mk.finish(g, &after)
	g.Usage = a.usage
	a.m = after
	return a.db.Commit(g)
}

// exact compares the counts, all blind changes being settled.
func (a *author) exact(what string) error {
	if got, want := a.db.Stats().Usage, a.m.usage(); got != want {
		return fmt.Errorf("%s: got usage %+v, want %+v", what, got, want)
	}
	return nil
}

// TestBlindChangesAreSettledOnce: over random groups, checkpoints whole and in
// pieces, kills and closings, the usage is what is stored and what blind
// changes hide; nothing more once a checkpoint has met them.
func TestBlindChangesAreSettledOnce(t *testing.T) {
	blind := 0
	for range 12 {
		seed := rand.Uint64()
		n, err := blindChanges(t, seed)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		blind += n
	}
	if blind < 500 {
		t.Errorf("%d changes were blind, want some thousands", blind)
	}
}

func blindChanges(t *testing.T, seed uint64) (blind int, err error) {
	dir := memoryDir(t)
	mk := newMaker(t, seed)
	mk.keys = 150
	a := &author{mk: mk, m: emptyModel()}
	opts := []l3bolt.Options{still, tiny}[seed%2]
	for range 12 {
		a.opened(mustOpen(t, dir, opts, nil))
		if err := a.db.Check(); err != nil {
			return 0, fmt.Errorf("opened: %w", err)
		}
		for range mk.rng.IntN(12) {
			if err := a.group(1 + mk.rng.IntN(40)); err != nil {
				return 0, err
			}
			if err := a.db.Check(); err != nil {
				return 0, fmt.Errorf("after a group: %w", err)
			}
			if mk.rng.IntN(4) > 0 {
				continue
			}
			if err := errors.Join(a.db.Checkpoint(), a.exact("after a checkpoint")); err != nil {
				return 0, err
			}
		}
		if err := a.end(t); err != nil {
			return 0, err
		}
	}
	return a.blind, nil
}

// end closes the store, or kills it, perhaps between two pieces of a checkpoint.
func (a *author) end(t *testing.T) error {
	switch a.mk.rng.IntN(3) {
	case 0:
		if err := errors.Join(a.db.Close(), a.exact("closed")); err != nil {
			return err
		}
		return nil
	case 1:
		if _, err := a.db.SomePieces(a.mk.rng.IntN(5), 1+a.mk.rng.IntN(12)); err != nil {
			return err
		}
		if err := a.db.Check(); err != nil {
			return fmt.Errorf("between pieces: %w", err)
		}
	}
	return a.db.Crash()
}
