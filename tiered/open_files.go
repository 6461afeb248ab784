//go:build !wasm

package tiered

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/l1"
	"github.com/stratakv/strata/l2mmap"
	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered/tier"
)

// openDir opens the durable tier in dir and a store above it.
func openDir(dir string, o *Options) (*Store, error) {
	if dir == "" {
		return nil, fmt.Errorf("%w: the directory's name is empty", ErrUnavailable)
	}
	if o.Role == RoleFollower {
		owned, err := l3bolt.Owned(dir)
		if err == nil && owned {
			err = ErrLocked
		}
		if err == nil {
			err = fmt.Errorf("%w: no owner to follow", ErrUnavailable)
		}
		return nil, err
	}
	db, err := l3bolt.Open(dir, &l3bolt.Options{Fresh: o.Fresh})
	if err != nil {
		return nil, err
	}
	return newDurableStore(db, dir, o)
}

// newDurableStore puts a store above d, which it closes if it cannot. The words
// are shared if dir is given and the host allows it.
func newDurableStore(d tier.Durable, dir string, o *Options) (*Store, error) {
	s, err := assemble(d, dir, o)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return s, nil
}

func assemble(d tier.Durable, dir string, o *Options) (*Store, error) {
	coder, err := codec.New(o.Codec, maxValueBytes)
	if err != nil {
		return nil, err
	}
	state := d.State()
	if !state.Durable {
		o.Logger.Warn("strata: the store's directory is in memory: writes do not survive a power cut",
			slog.String("package", "tiered"))
	}
	c := newCommitter(d, newClock(o.Clock, state.Stamp, true), nil, o)
	// In another boot the clock began anew: nobody may read it before that is
	// kept, or it could go back at the next opening. A full disk must not keep
	// a store from opening.
	if id := state.Stamp.BootID; state.Stamp.Store != 0 && (id == "" || id != c.clock.bootID) {
		if err := c.keepStamp(); err != nil && !errors.Is(err, ErrFull) {
			return nil, err
		}
	}
	caches, err := openCaches(dir, state, c.clock.bootID, o)
	if err != nil {
		return nil, err
	}
	c.caches = caches
	return &Store{auth: newQueue(c, o, caches.close), truth: c, caches: caches, codec: coder, opts: o, tier: TierL3}, nil
}

// openCaches opens the tiers above the truth. A cache that cannot be had is a
// warning: the store is slower without it, and right all the same.
func openCaches(dir string, state tier.State, bootID string, o *Options) (*caches, error) {
	var one *l1.Cache
	if o.L1Bytes > 0 {
		var err error
		if one, err = l1.New(l1.Options{Bytes: o.L1Bytes}); err != nil {
			return nil, err
		}
	}
	control, two, left := openShared(dir, state, bootID, o)
	return newCaches(state.Seed, control, one, two, left, o.Logger), nil
}

// openShared opens control file and page file and binds them to the truth; where
// that fails, words on the heap, and no L2.
func openShared(dir string, state tier.State, bootID string, o *Options) (*l2mmap.Control, *l2mmap.Cache, []l2mmap.InFlight) {
	truth := l2mmap.Truth{Opening: state.Opening, Previous: state.Previous, Version: state.Version, BootID: bootID}
	opts := &l2mmap.ControlOptions{StoreID: state.ID, Seed: state.Seed, StoreDir: dir}
	if dir != "" {
		control, two, left, err := bindShared(dir, truth, opts, o)
		if err == nil {
			return control, two, left
		}
		o.Logger.Warn("strata: no shared memory: the store works without L2", slog.String("package", "tiered"), slog.Any("error", err))
	}
	control := l2mmap.NewControl(opts)
	// On the heap, and new: there is nothing to be in step with.
	_, _ = control.Bind(truth, nil)
	return control, nil, nil
}

func bindShared(dir string, truth l2mmap.Truth, opts *l2mmap.ControlOptions, o *Options) (*l2mmap.Control, *l2mmap.Cache, []l2mmap.InFlight, error) {
	place, err := l2mmap.Place(l2mmap.PlaceOptions{
		StoreDir: dir, StoreID: opts.StoreID, SharedDir: o.SharedDir, Bytes: max(o.L2Bytes, 1),
	})
	if err != nil {
		return nil, nil, nil, err
	}
	control, err := l2mmap.OpenControl(place, opts)
	if err != nil {
		return nil, nil, nil, err
	}
	two := openPages(place, control, o)
	bound, err := control.Bind(truth, two)
	if err != nil {
		if two != nil {
			_ = two.Close()
		}
		return nil, nil, nil, errors.Join(err, control.Close())
	}
	return control, two, bound.Left, nil
}

// openPages opens the page file; nil: without L2. Then what an earlier opening
// left is of no use to anyone, and goes.
func openPages(place string, control *l2mmap.Control, o *Options) *l2mmap.Cache {
	if o.L2Bytes < 0 {
		if err := l2mmap.Tidy(place, control); err != nil {
			o.Logger.Warn("strata: page files of before stay", slog.String("package", "tiered"), slog.Any("error", err))
		}
		return nil
	}
	two, err := l2mmap.Open(place, control, &l2mmap.PageOptions{Bytes: o.L2Bytes})
	if err != nil && (o.SharedDir != "" || !errors.Is(err, l2mmap.ErrUnsupported)) {
		o.Logger.Warn("strata: the store works without L2", slog.String("package", "tiered"), slog.Any("error", err))
	}
	return two
}
