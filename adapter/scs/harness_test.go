package scs_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stratakv/strata/adapter/scs"
	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

// bench is a Store over a memory store whose clock stands until it is moved.
type bench struct {
	*scs.Store
	t     *testing.T
	db    *tiered.Store
	clock *storetest.Clock
}

func open(t *testing.T, opts *scs.Options) bench {
	t.Helper()
	return openWith(t, tiered.Options{}, opts)
}

func openWith(t *testing.T, store tiered.Options, opts *scs.Options) bench {
	t.Helper()
	clock := storetest.NewClock()
	store.Clock = clock
	db, err := tiered.OpenMemory(&store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return bench{scs.New(db, opts), t, db, clock}
}

// in is the time d from now on the store's clock.
func (b bench) in(d time.Duration) time.Time { return b.clock.Wall().Add(d) }

func (b bench) commit(ctx context.Context, token, data string) {
	b.t.Helper()
	if err := b.CommitCtx(ctx, token, []byte(data), b.in(time.Hour)); err != nil {
		b.t.Fatalf("CommitCtx: got %v, want nil", err)
	}
}

func (b bench) delete(token string) {
	b.t.Helper()
	if err := b.Delete(token); err != nil {
		b.t.Fatalf("Delete: got %v, want nil", err)
	}
}

func (b bench) find(ctx context.Context, token string) {
	b.t.Helper()
	if _, found, err := b.FindCtx(ctx, token); !found || err != nil {
		b.t.Fatalf("FindCtx: got found %v, %v, want true, nil", found, err)
	}
}

// wantRevoked wants a Commit of token to be ErrRevoked, and nothing stored.
func (b bench) wantRevoked(ctx context.Context, token string) {
	b.t.Helper()
	err := b.CommitCtx(ctx, token, []byte("late"), b.in(time.Hour))
	if !errors.Is(err, scs.ErrRevoked) {
		b.t.Errorf("late CommitCtx: got %v, want ErrRevoked", err)
	}
	b.wantMissing(token)
}

func (b bench) want(token, data string) {
	b.t.Helper()
	got, found, err := b.Find(token)
	if err != nil || !found || string(got) != data {
		b.t.Errorf("Find: got %q, %v, %v, want %q, true, nil", got, found, err, data)
	}
}

func (b bench) wantMissing(token string) {
	b.t.Helper()
	got, found, err := b.Find(token)
	if err != nil || found || got != nil {
		b.t.Errorf("Find: got %q, %v, %v, want nil, false, nil", got, found, err)
	}
}

// codec is a readable one: "k=v,k=v@seconds" of unix time.
type codec struct{ decoding func() }

func (codec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	return []byte(text(deadline, values)), nil
}

func (c codec) Decode(data []byte) (time.Time, map[string]any, error) {
	if c.decoding != nil {
		c.decoding()
	}
	deadline, values, ok := parse(string(data))
	clear(data) // as one may that decrypts in place
	if !ok {
		return time.Time{}, nil, fmt.Errorf("secret value %q", data)
	}
	return deadline, values, nil
}
