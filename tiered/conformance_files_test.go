//go:build !wasm

package tiered_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

// dirFactory opens stores in directories of their own.
func dirFactory(open func(dir string, opts *tiered.Options) (*tiered.Store, error)) storetest.Factory {
	return storetest.Factory{
		Tier: tiered.TierL3,
		Open: func(need storetest.Need) (storetest.Subject, error) {
			dir, err := os.MkdirTemp("", "strata-conformance-")
			if err != nil {
				return storetest.Subject{}, err
			}
			s, err := open(dir, need.Options())
			return storetest.Subject{
				Store:   s,
				Reopen:  func() (storetest.Store, error) { return open(dir, need.Options()) },
				Cleanup: func() { os.RemoveAll(dir) },
			}, err
		},
	}
}

// tierings are the ways in which tiers can be put together.
var tierings = map[string]func(o *tiered.Options){
	"all tiers": func(*tiered.Options) {},
	"no L1":     func(o *tiered.Options) { o.L1Bytes = -1 },
	"no L2":     func(o *tiered.Options) { o.L2Bytes = -1 },
	"neither":   func(o *tiered.Options) { o.L1Bytes, o.L2Bytes = -1, -1 },
	"tiny":      func(o *tiered.Options) { o.L1Bytes, o.L2Bytes = 32<<10, 64<<10 }, // they evict all the time
}

// openTiered opens dir with small caches, shared in dir itself.
func openTiered(dir string, opts *tiered.Options, tiering func(*tiered.Options)) (*tiered.Store, error) {
	o := *opts
	o.L1Bytes, o.L2Bytes, o.SharedDir = 1<<20, 1<<20, filepath.Join(dir, "shared")
	tiering(&o)
	return tiered.Open(dir, &o)
}

func TestStoreConforms(t *testing.T) {
	for name, tiering := range tierings {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, dirFactory(func(dir string, opts *tiered.Options) (*tiered.Store, error) {
				return openTiered(dir, opts, tiering)
			}))
		})
	}
}

// Segments and checkpoints so small that there is always one under way.
func TestStoreWithTinyCheckpointsConforms(t *testing.T) {
	storetest.Run(t, dirFactory(func(dir string, opts *tiered.Options) (*tiered.Store, error) {
		db, err := l3bolt.Open(dir, &l3bolt.Options{SegmentBytes: 16 << 10, CheckpointBytes: 16 << 10})
		if err != nil {
			return nil, err
		}
		return tiered.OpenOver(db, "", opts)
	}))
}
