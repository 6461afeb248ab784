package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	adapter "github.com/stratakv/strata/adapter/scs"
	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/tiered"
)

// system is a way to have sessions.
type system struct {
	handler  http.Handler
	volatile bool         // its files are in memory
	counts   func() calls // of the store, so far; nil: there is none
	close    func() error
}

// calls are those of a session store.
type calls struct{ reads, writes uint64 }

// errMissing: the system needs something that the machine does not have.
var errMissing = errors.New("not measured")

// systems are those that are compared. counting is set where calls will be
// counted, and nothing measured.
var systems = []struct {
	name, survives string // what an acknowledged write survives
	open           func(ctx context.Context, dir string, counting bool) (*system, error)
}{
	{"no sessions", "–", openNone},
	{strata, "a power cut", openStrata},
	{"scs, adapter/scs", "a power cut", openAdapter},
	{memory, "nothing", openMemstore},
	{"scs, Redis", "the program's end", openRedis("no")},
	{"scs, Redis, appendfsync always", "a power cut", openRedis("always")},
}

const (
	strata = "strata"
	memory = "scs, memstore"
)

// user is whose sessions they are.
const user = "alice@example.test"

// contents are what every session holds besides the user.
var contents = map[string]string{
	"csrf":   "b1yQZ0v4eXn0p8m6h3q7s2w5t9u1c4r6",
	"locale": "en-GB",
	"theme":  "dark",
	"cart":   "4711:2,4712:1,4713:7,4714:1,4715:3,4716:1,4717:1,4718:2",
}

// pages answers "/read" and so on: begin puts contents and the user into a
// session, read gives the user, visit counts and gives the user, login gives a
// new id and sets the user.
func pages(begin func(context.Context) error, read, visit func(context.Context) (string, error), login func(context.Context) error) http.Handler {
	mux := http.NewServeMux()
	show := func(page func(context.Context) (string, error)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			text, err := page(r.Context())
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			fmt.Fprint(w, text)
		}
	}
	act := func(page func(context.Context) error) http.HandlerFunc {
		return show(func(ctx context.Context) (string, error) { return user, page(ctx) })
	}
	mux.HandleFunc("/begin", act(begin))
	mux.HandleFunc("/read", show(read))
	mux.HandleFunc("/visit", show(visit))
	mux.HandleFunc("/login", act(login))
	return mux
}

func openNone(context.Context, string, bool) (*system, error) {
	act := func(context.Context) error { return nil }
	show := func(context.Context) (string, error) { return user, nil }
	return &system{handler: pages(act, show, show, act), close: func() error { return nil }}, nil
}

// openStore opens a store with files whose L2 is in dir too.
func openStore(dir string) (*tiered.Store, error) {
	dir, err := os.MkdirTemp(dir, "store-")
	if err != nil {
		return nil, err
	}
	shared := filepath.Join(dir, "shared")
	if err := os.Mkdir(shared, 0o700); err != nil {
		return nil, err
	}
	return tiered.Open(dir, &tiered.Options{SharedDir: shared})
}

func openStrata(_ context.Context, dir string, _ bool) (*system, error) {
	store, err := openStore(dir)
	if err != nil {
		return nil, err
	}
	m, err := session.New(store, nil)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	name, visits := session.NewKey[string]("user"), session.NewKey[int]("visits")
	read := func(ctx context.Context) (string, error) {
		text, _, err := name.Get(ctx)
		return text, err
	}
	login := func(ctx context.Context) error { return session.From(ctx).BindUser(user) }
	return &system{
		handler: m.Wrap(pages(
			func(ctx context.Context) error {
				var errs []error
				for key, value := range contents {
					errs = append(errs, session.From(ctx).Set(key, value))
				}
				return errors.Join(append(errs, name.Set(ctx, user))...)
			},
			read,
			func(ctx context.Context) (string, error) {
				n, _, err := visits.Get(ctx)
				if err := errors.Join(err, visits.Set(ctx, n+1)); err != nil {
					return "", err
				}
				return read(ctx)
			},
			login)),
		volatile: !store.Stats().Durable,
		counts: func() calls {
			s := store.Stats()
			return calls{s.L1.Hits + s.L1.Misses, s.L3.Commits}
		},
		close: func() error { return errors.Join(m.Close(), store.Close()) },
	}, nil
}

// onSCS makes a system of scs over a store.
func onSCS(store scs.Store, counting bool, wrap func(http.Handler) http.Handler, closeStore func() error) *system {
	m := scs.New()
	var counts func() calls
	if m.Store = store; counting {
		c := &counter{Store: store}
		if ctxStore, ok := store.(scs.CtxStore); ok {
			m.Store = &ctxCounter{counter: c, ctx: ctxStore}
		} else {
			m.Store = c
		}
		counts = func() calls { return calls{c.reads.Load(), c.writes.Load()} }
	}
	read := func(ctx context.Context) (string, error) { return m.GetString(ctx, "user"), nil }
	h := m.LoadAndSave(pages(
		func(ctx context.Context) error {
			for key, value := range contents {
				m.Put(ctx, key, value)
			}
			m.Put(ctx, "user", user)
			return nil
		},
		read,
		func(ctx context.Context) (string, error) {
			m.Put(ctx, "visits", m.GetInt(ctx, "visits")+1)
			return read(ctx)
		},
		func(ctx context.Context) error {
			err := m.RenewToken(ctx)
			m.Put(ctx, "user", user)
			return err
		}))
	return &system{handler: wrap(h), counts: counts, close: closeStore}
}

func openMemstore(_ context.Context, _ string, counting bool) (*system, error) {
	store := memstore.NewWithCleanupInterval(0) // to stop its cleaner is a data race
	return onSCS(store, counting, unwrapped, func() error { return nil }), nil
}

func unwrapped(h http.Handler) http.Handler { return h }

func openAdapter(_ context.Context, dir string, counting bool) (*system, error) {
	db, err := openStore(dir)
	if err != nil {
		return nil, err
	}
	store := adapter.New(db, nil)
	return onSCS(store, counting, store.Wrap, db.Close), nil
}

// counter counts the calls of a store.
type counter struct {
	scs.Store
	reads, writes atomic.Uint64
}

func (c *counter) Find(token string) ([]byte, bool, error) {
	c.reads.Add(1)
	return c.Store.Find(token)
}

func (c *counter) Commit(token string, b []byte, expiry time.Time) error {
	c.writes.Add(1)
	return c.Store.Commit(token, b, expiry)
}

func (c *counter) Delete(token string) error {
	c.writes.Add(1)
	return c.Store.Delete(token)
}

// ctxCounter is a counter of a store that takes contexts.
type ctxCounter struct {
	*counter
	ctx scs.CtxStore
}

func (c *ctxCounter) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	c.reads.Add(1)
	return c.ctx.FindCtx(ctx, token)
}

func (c *ctxCounter) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	c.writes.Add(1)
	return c.ctx.CommitCtx(ctx, token, b, expiry)
}

func (c *ctxCounter) DeleteCtx(ctx context.Context, token string) error {
	c.writes.Add(1)
	return c.ctx.DeleteCtx(ctx, token)
}
