package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/stratakv/strata/bench/versus/peer"
	"github.com/stratakv/strata/tiered"
)

// system is a store that keeps the records of a comparison.
type system struct {
	name        string
	ours, aside bool
	few         bool // as in side
	note        string
	files       string // where its records lie, in the directory of the stores
	sync        string // Redis: appendfsync
	load        func(ctx context.Context, b *bench, n int) error
	open        func(ctx context.Context, b *bench, n int) (peer.KV, error)
}

const strata = "strata"

func loadStrata(ctx context.Context, b *bench, n int) error {
	_, err := b.strataDir(ctx, n)
	return err
}

// strataDir gives the store of n records.
func (b *bench) strataDir(ctx context.Context, n int) (string, error) {
	return b.loaded(ctx, strata, n, func(dir string) (peer.Loader, error) {
		return peer.OpenStrata(dir, b.shared, tiered.Options{L1Bytes: -1, L2Bytes: -1})
	})
}

// strataWith is strata with options; its caches are empty when it is opened.
func strataWith(name, note string, opts tiered.Options) system {
	return system{
		name: name, note: note, files: strata, ours: true, load: loadStrata,
		open: func(ctx context.Context, b *bench, n int) (peer.KV, error) { return b.openStrata(ctx, n, opts) },
	}
}

func (b *bench) openStrata(ctx context.Context, n int, opts tiered.Options) (*peer.Strata, error) {
	dir, err := b.strataDir(ctx, n)
	if err != nil {
		return nil, err
	}
	return peer.OpenStrata(dir, b.shared, opts)
}

// embedded is a peer in the same process.
func embedded(name, note, files string, open func(dir string) (peer.Loader, error), toLoad func(dir string) (peer.Loader, error)) system {
	return system{
		name: name, note: note, files: files,
		load: func(ctx context.Context, b *bench, n int) error {
			_, err := b.loaded(ctx, files, n, toLoad)
			return err
		},
		open: func(ctx context.Context, b *bench, n int) (peer.KV, error) {
			dir, err := b.loaded(ctx, files, n, toLoad)
			if err != nil {
				return nil, err
			}
			return open(dir)
		},
	}
}

// bbolt sets by Update, or by Batch.
func bbolt(batch bool) system {
	name := "bbolt, Update"
	if batch {
		name = "bbolt, Batch (1 ms)"
	}
	open := func(dir string) (peer.Loader, error) { return peer.OpenBolt(dir, batch, false) }
	return embedded(name, "", "bbolt", open, open)
}

// bboltNoFreelist is bbolt with a setting that makes its commits shorter and its
// opening long.
func bboltNoFreelist(batch bool) system {
	open := func(dir string) (peer.Loader, error) { return peer.OpenBolt(dir, batch, true) }
	return embedded(bbolt(batch).name+", NoFreelistSync", "reads the whole file when it is opened", "bbolt", open, open)
}

func pebbleSync() system {
	open := func(dir string) (peer.Loader, error) { return peer.OpenPebble(dir) }
	return embedded("Pebble, Sync", "", "pebble", open, open)
}

func badgerSync(valueLog bool) system {
	name, files := "Badger, SyncWrites", "badger"
	if valueLog {
		name, files = name+", values in its log", "badger-log"
	}
	return embedded(name, "", files,
		func(dir string) (peer.Loader, error) { return peer.OpenBadger(dir, valueLog) },
		func(dir string) (peer.Loader, error) { return peer.OpenBadgerToLoad(dir, valueLog) })
}

// redis is a client of the server with n records, which stays up over the run.
// sync is appendfsync.
func redis(sync string, mode peer.Mode, callers int) system {
	how := map[peer.Mode]string{
		peer.Pipelined: "rueidis", peer.Alone: "a connection each", peer.Cached: "rueidis, client-side caching",
	}
	s := system{name: fmt.Sprintf("Redis %s, %s", sync, how[mode]), sync: sync}
	if sync != "always" {
		s.aside, s.note = true, "loses up to a second of writes"
	}
	s.load = func(ctx context.Context, b *bench, n int) error {
		_, err := b.redis(ctx, n)
		return err
	}
	s.open = func(ctx context.Context, b *bench, n int) (peer.KV, error) {
		server, err := b.redis(ctx, n)
		if err == nil {
			err = b.policy(ctx, s, n)
		}
		if err != nil {
			return nil, err
		}
		return server.Client(mode, callers)
	}
	return s
}

// policy lets the server of n records sync as s says; what is no Redis stays as
// it is.
func (b *bench) policy(ctx context.Context, s system, n int) error {
	if s.sync == "" {
		return nil
	}
	return b.servers[n].Sync(ctx, s.sync)
}

// redis gives the server of n records, which it starts and fills once in a run.
// What an earlier run left is not taken: the log only grows, and reading gigabytes
// of it takes longer than filling.
func (b *bench) redis(ctx context.Context, n int) (*peer.Server, error) {
	if s := b.servers[n]; s != nil {
		return s, nil
	}
	dir := filepath.Join(b.data, fmt.Sprintf("redis-%d", n))
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	server, err := peer.StartRedis(ctx, dir, "everysec")
	if err != nil {
		return nil, err
	}
	b.say("loading %s records into Redis", count(n))
	client, err := server.Client(peer.Pipelined, 0)
	if err == nil {
		err = errors.Join(client.Load(ctx, n, b.record), client.Close())
	}
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	b.servers[n] = server
	return server, nil
}

// over makes the side of a system over n records, open during its turns alone.
func (b *bench) over(s system, n int, turn func(ctx context.Context, kv peer.KV) error) *side {
	return &side{
		name: s.name, ours: s.ours, aside: s.aside, note: s.note, few: s.few,
		setup: func(ctx context.Context) error { return s.load(ctx, b, n) },
		turn: func(ctx context.Context) error {
			kv, err := s.open(ctx, b, n)
			if err != nil {
				return err
			}
			return errors.Join(turn(ctx, kv), kv.Close())
		},
	}
}

// kept is over, but open from its setup to the end, so that what its caches have
// stays there. After its turn ours may end its checkpoint, unmeasured, before the
// next system has its turn.
func (b *bench) kept(s system, n int, warm, turn func(ctx context.Context, kv peer.KV) error) *side {
	var kv peer.KV
	return &side{
		name: s.name, ours: s.ours, aside: s.aside, note: s.note, few: s.few,
		setup: func(ctx context.Context) error {
			if err := s.load(ctx, b, n); err != nil {
				return err
			}
			opened, err := s.open(ctx, b, n)
			if err != nil {
				return err
			}
			kv = opened
			return errors.Join(warm(ctx, kv), rest(ctx, kv))
		},
		turn: func(ctx context.Context) error { return errors.Join(turn(ctx, kv), rest(ctx, kv)) },
		close: func() error {
			if kv == nil {
				return nil
			}
			return kv.Close()
		},
	}
}

func rest(ctx context.Context, kv peer.KV) error {
	if s, is := kv.(*peer.Strata); is {
		return s.Rest(ctx)
	}
	return nil
}
