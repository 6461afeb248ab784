//go:build !wasm

package tiered

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/host"
	"github.com/stratakv/strata/l1"
	"github.com/stratakv/strata/l2mmap"
	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered/tier"
)

// openDir opens a store in dir: this process owns it, or follows who does.
func openDir(ctx context.Context, dir string, o *Options) (*Store, error) {
	return openOn(ctx, dir, o, nil)
}

// openOn is openDir whose journal, while this process owns it, is on fs; nil: on
// the operating system's.
func openOn(ctx context.Context, dir string, o *Options, fs l3bolt.FS) (*Store, error) {
	if dir == "" {
		return nil, fmt.Errorf("%w: the directory's name is empty", ErrUnavailable)
	}
	s, err := newStore(o)
	if err != nil {
		return nil, err
	}
	m := &member{dir: dir, fs: fs, opts: o, clock: s.clock, caches: &s.caches, learning: s.learning}
	role := host.Role(o.Role)
	if o.Fresh {
		role = host.RoleOwner // who follows cannot begin anew
	}
	node, err := host.Open(ctx, dir, &host.Options{
		Role: role, Own: m.own, Follow: m.follow, Alone: m.lost, Logger: o.Logger,
		Limits: host.Limits{Followers: o.Limits.Followers, MessageBytes: messageBytes(o)},
	})
	if err != nil {
		m.leave()
		return nil, err
	}
	m.node.Store(node)
	s.auth, s.member = node, m
	return s, nil
}

// messageBytes is what the largest write takes on its way to the owner.
func messageBytes(o *Options) int64 {
	return o.Limits.BatchBytes + int64(o.Limits.BatchOps)*requestOverhead + 1<<20
}

// newStore is a store with files, without its authority.
func newStore(o *Options) (*Store, error) {
	coder, err := codec.New(o.Codec, maxValueBytes)
	if err != nil {
		return nil, err
	}
	return &Store{clock: newClock(o.Clock, true), codec: coder, learning: newLearning(coder, o), opts: o, tier: TierL3}, nil
}

// newDurableStore puts a store above d, for this process alone; it closes d if
// it cannot. The words are shared if dir is given and the host allows it.
func newDurableStore(d tier.Durable, dir string, o *Options) (*Store, error) {
	s, err := newStore(o)
	if err == nil {
		err = s.ownFor(d, dir)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return s, nil
}

// ownFor makes d the truth for the store's life.
func (s *Store) ownFor(d tier.Durable, dir string) error {
	var k *keeper
	c, err := begin(d, s.clock, s.opts, func(state tier.State) (coherence, error) {
		one, err := newL1(s.opts)
		if err != nil {
			return nil, err
		}
		control, two, left, without := openShared(dir, state, s.clock.bootID, s.opts)
		s.caches.Store(newCaches(state.Seed, control, one, two, s.clock, s.opts, without))
		k = newKeeper(s.caches.Load(), left)
		return k, nil
	})
	if err != nil {
		return err
	}
	t, err := s.learning.own(d, s.clock, s.opts.Logger)
	if err != nil {
		k.stop()
		return errors.Join(err, k.caches.close())
	}
	s.truth = c
	s.auth = newQueue(c, s.opts, func() error {
		t.close()
		k.stop()
		return k.caches.close()
	})
	return nil
}

// begin makes a committer over d, whose caches cohere gives once the clock is
// right.
func begin(d tier.Durable, clock *clock, o *Options, cohere func(tier.State) (coherence, error)) (*committer, error) {
	state := d.State()
	if !state.Durable {
		o.Logger.Warn("strata: the store's directory is in memory: writes do not survive a power cut",
			slog.String("package", "tiered"))
	}
	if state.Remote {
		o.Logger.Warn("strata: the store's directory is on a network or FUSE file system, whose locks and syncs may not be kept: use a local disk",
			slog.String("package", "tiered"))
	}
	c := newCommitter(d, clock, nil, o)
	// In another boot the clock begins anew: nobody may read it before that is
	// kept, or it could go back at the next opening. A full disk must not keep
	// a store from opening.
	if clock.carryOn(state.Stamp) {
		if err := c.keepStamp(); err != nil && !errors.Is(err, ErrFull) {
			return nil, err
		}
	}
	var err error
	c.caches, err = cohere(state)
	return c, err
}

// newL1 is nil where there is to be no L1.
func newL1(o *Options) (*l1.Cache, error) {
	if o.L1Bytes < 0 {
		return nil, nil
	}
	return l1.New(l1.Options{Bytes: o.L1Bytes})
}

// openShared opens control file and page file and binds them to the truth; where
// that fails, words on the heap, and no L2: the store is slower without, and
// right all the same, and without says why.
func openShared(dir string, state tier.State, bootID string, o *Options) (_ *l2mmap.Control, _ *l2mmap.Cache, left []l2mmap.InFlight, without error) {
	truth := truthOf(state, bootID)
	opts := &l2mmap.ControlOptions{StoreID: state.ID, Seed: state.Seed, StoreDir: dir}
	if dir != "" {
		control, two, left, without, err := bindShared(dir, truth, opts, o)
		if err == nil {
			return control, two, left, without
		}
		o.Logger.Warn("strata: no shared memory: the store works without L2", slog.String("package", "tiered"), slog.Any("error", err))
		without = err
	}
	control := l2mmap.NewControl(opts)
	// On the heap, and new: there is nothing to be in step with.
	_, _ = control.Bind(truth, nil)
	return control, nil, nil, without
}

func truthOf(state tier.State, bootID string) l2mmap.Truth {
	return l2mmap.Truth{Opening: state.Opening, Previous: state.Previous, Version: state.Version, BootID: bootID}
}

func bindShared(dir string, truth l2mmap.Truth, opts *l2mmap.ControlOptions, o *Options) (
	_ *l2mmap.Control, _ *l2mmap.Cache, left []l2mmap.InFlight, without, err error,
) {
	place, err := l2mmap.Place(l2mmap.PlaceOptions{
		StoreDir: dir, StoreID: opts.StoreID, SharedDir: o.SharedDir, Bytes: max(o.L2Bytes, 1),
	})
	if err != nil {
		return nil, nil, nil, nil, err
	}
	control, err := l2mmap.OpenControl(place, opts)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	two, without := openPages(place, control, o)
	bound, err := control.Bind(truth, two)
	if err != nil {
		closeShared(control, two)
		return nil, nil, nil, nil, err
	}
	return control, two, bound.Left, without, nil
}

func closeShared(control *l2mmap.Control, two *l2mmap.Cache) {
	if two != nil {
		_ = two.Close()
	}
	_ = control.Close()
}

// openPages opens the page file; nil: without L2. Then what an earlier opening
// left is of no use to anyone, and goes.
func openPages(place string, control *l2mmap.Control, o *Options) (*l2mmap.Cache, error) {
	if o.L2Bytes < 0 {
		if err := l2mmap.Tidy(place, control); err != nil {
			o.Logger.Warn("strata: page files of before stay", slog.String("package", "tiered"), slog.Any("error", err))
		}
		return nil, nil
	}
	two, err := l2mmap.Open(place, control, &l2mmap.PageOptions{Bytes: o.L2Bytes})
	if err != nil && (o.SharedDir != "" || !errors.Is(err, l2mmap.ErrUnsupported)) {
		o.Logger.Warn("strata: the store works without L2", slog.String("package", "tiered"), slog.Any("error", err))
	}
	return two, err
}
