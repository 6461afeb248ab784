package compat

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"time"

	scslib "github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"github.com/stratakv/strata/adapter/scs"
	"github.com/stratakv/strata/tiered"
)

// oldStore is what is needed of the store that sessions move from: goredisstore
// has it as it is.
type oldStore interface {
	FindCtx(ctx context.Context, token string) ([]byte, bool, error)
	DeleteCtx(ctx context.Context, token string) error
}

// moving takes over the sessions of old one by one, as their users come back.
type moving struct {
	*scs.Store
	old oldStore
}

func (m moving) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	if b, found, err := m.Store.FindCtx(ctx, token); found || err != nil {
		return b, found, err
	}
	if b, found, err := m.old.FindCtx(ctx, token); found || err != nil {
		return b, found, err
	}
	return m.Store.FindCtx(ctx, token) // it may have moved just now
}

func (m moving) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	if err := m.Store.CommitCtx(ctx, token, b, expiry); err != nil {
		return err
	}
	return m.old.DeleteCtx(ctx, token)
}

func (m moving) DeleteCtx(ctx context.Context, token string) error {
	if err := m.old.DeleteCtx(ctx, token); err != nil {
		return err
	}
	return m.Store.DeleteCtx(ctx, token)
}

// Users who are logged in stay so while a program moves from another store.
func Example_scsMoving() {
	db, err := tiered.OpenMemory(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	manager := scslib.New()
	redis := memstore.NewWithCleanupInterval(0) // stands for the Redis that a program comes from
	manager.Store = redis
	handler := manager.LoadAndSave(counter(manager))
	visit := client(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	visit("/")

	store := scs.New(db, nil)
	manager.Store = moving{store, withContext{redis}}
	handler = store.Wrap(handler)
	visit("/")
	left, _ := redis.All()
	fmt.Println(len(left), "left")

	manager.Store = store // some days later
	visit("/")
	// Output:
	// /: 1
	// /: 2
	// 0 left
	// /: 3
}

// withContext gives a store without contexts, as redisstore is one, the methods
// that take one.
type withContext struct{ scslib.Store }

func (s withContext) FindCtx(_ context.Context, token string) ([]byte, bool, error) {
	return s.Find(token)
}

func (s withContext) DeleteCtx(_ context.Context, token string) error { return s.Delete(token) }

// counter counts the visits of a session.
func counter(manager *scslib.SessionManager) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := manager.GetInt(r.Context(), "visits") + 1
		manager.Put(r.Context(), "visits", n)
		fmt.Fprint(w, n)
	})
}
