package compat

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	scslib "github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"github.com/stratakv/strata/adapter/scs"
)

// What the guide says of a move: a session is in one store only once it was
// committed, a logout holds for both, and a late request moves nothing.
func TestSCSMoving(t *testing.T) {
	ctx, expiry := t.Context(), time.Now().Add(time.Hour)
	old := memstore.NewWithCleanupInterval(0)
	store := moving{scs.New(memory(t), nil), withContext{old}}
	for _, token := range []string{"read", "committed", "ended", "late"} {
		if err := old.Commit(token, []byte("data"), expiry); err != nil {
			t.Fatal(err)
		}
		if b, found, err := store.FindCtx(ctx, token); string(b) != "data" || !found || err != nil {
			t.Errorf("FindCtx of an old session: got %q, %v, %v, want data, true, nil", b, found, err)
		}
	}
	errs := []error{
		store.CommitCtx(ctx, "committed", []byte("new"), expiry),
		store.DeleteCtx(ctx, "ended"),
		store.DeleteCtx(ctx, "late"),
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if err := store.CommitCtx(ctx, "late", []byte("new"), expiry); !errors.Is(err, scs.ErrRevoked) {
		t.Errorf("late CommitCtx: got %v, want ErrRevoked", err)
	}
	for token, want := range map[string]string{"read": "data", "committed": "new", "ended": "", "late": ""} {
		b, found, err := store.FindCtx(ctx, token)
		if string(b) != want || found != (want != "") || err != nil {
			t.Errorf("FindCtx of %s: got %q, %v, %v, want %q", token, b, found, err, want)
		}
		if _, left, _ := old.Find(token); left != (token == "read") {
			t.Errorf("%s: got left in the old store %v, want %v", token, left, token == "read")
		}
	}
}

// The guides' word on bots: what begins a session and never comes back keeps it
// for ten minutes, whatever the manager's lifetime is; a login lifts that.
func TestSCSBotsDoNotFillTheStore(t *testing.T) {
	manager := scslib.New() // outside the bubble: its memstore's goroutine never ends
	synctest.Test(t, func(t *testing.T) {
		store := scs.New(memory(t), nil)
		manager.Store = store
		handler := shop(manager, store)
		user := &browser{site: &site{t: t, manager: manager, handler: handler}}
		user.visit("/cart")
		user.visit("/login")
		const bots = 200
		for range bots {
			(&browser{site: user.site}).visit("/cart")
		}
		want := func(n int) {
			t.Helper()
			if all, err := store.All(); len(all) != n || err != nil {
				t.Errorf("All: got %d sessions, %v, want %d, nil", len(all), err, n)
			}
		}
		want(1 + bots)
		time.Sleep(10 * time.Minute)
		want(1)
		time.Sleep(23 * time.Hour)
		user.want("/cart", "2 articles")
	})
}
