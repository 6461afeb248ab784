//go:build !wasm

package l3bolt_test

import (
	"testing"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered/tier"
	"github.com/stratakv/strata/tiered/tiertest"
)

// TestConformance runs the suite of tier.Durable with checkpoints that are
// left to Close, and with checkpoints and segments so small that they happen
// all the time.
func TestConformance(t *testing.T) {
	for name, opts := range map[string]l3bolt.Options{
		"default": {},
		"tiny":    {SegmentBytes: 2 << 10, CheckpointBytes: 4 << 10, SpareBytes: 64 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			tiertest.Run(t, func() (tiertest.Subject, error) {
				dir := t.TempDir()
				open := func() (tier.Durable, error) {
					db, err := l3bolt.Open(dir, &opts)
					if err != nil {
						return nil, err
					}
					return checked{db, t}, nil
				}
				db, err := open()
				return tiertest.Subject{Durable: db, Reopen: open}, err
			})
		})
	}
}

// checked checks the whole store before it closes it.
type checked struct {
	*l3bolt.DB
	t *testing.T
}

func (c checked) Close() error {
	if err := c.Check(); err != nil {
		c.t.Errorf("check before Close: %v", err)
	}
	return c.DB.Close()
}
