package scs_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stratakv/strata/adapter/scs"
	"github.com/stratakv/strata/tiered"
)

// Invariant 3.
func TestFence(t *testing.T) {
	b := open(t, &scs.Options{Fence: time.Minute})
	b.commit(t.Context(), "token", "data")
	b.delete("token")
	b.wantRevoked(t.Context(), "token")
	b.clock.Advance(time.Minute - time.Millisecond)
	b.wantRevoked(t.Context(), "token")
	b.clock.Advance(time.Millisecond)
	b.commit(t.Context(), "token", "untracked, after the fence")
	b.want("token", "untracked, after the fence")
}

func TestFenceIsAnHourByDefault(t *testing.T) {
	b := open(t, nil)
	b.delete("token")
	b.clock.Advance(time.Hour - time.Millisecond)
	b.wantRevoked(t.Context(), "token")
	b.clock.Advance(time.Millisecond)
	b.commit(t.Context(), "token", "data")
}

// Another Delete begins the fence anew.
func TestFenceOfTwoDeletes(t *testing.T) {
	b := open(t, nil)
	b.delete("token")
	b.clock.Advance(time.Hour / 2)
	b.delete("token")
	b.clock.Advance(time.Hour / 2)
	b.wantRevoked(t.Context(), "token")
}

func TestNoFence(t *testing.T) {
	b := open(t, &scs.Options{Fence: -1})
	b.commit(t.Context(), "token", "data")
	b.delete("token")
	for range b.db.Scan(t.Context(), "") {
		t.Error("Scan after Delete: got a record, want none")
	}
	b.commit(t.Context(), "token", "again")
	b.want("token", "again")
}

// The empty token is that of sessions that have none yet: scs deletes it when
// one of them is destroyed.
func TestNoFenceForTheEmptyToken(t *testing.T) {
	b := open(t, nil)
	b.delete("")
	b.commit(t.Context(), "", "data")
	b.want("", "data")
}

// Invariant 4: what was found and is gone is not made again, fence or no fence.
func TestTrackedFence(t *testing.T) {
	for name, end := range map[string]func(bench){
		"deleted, fence over": func(b bench) { b.delete("token"); b.clock.Advance(time.Minute) },
		"expired":             func(b bench) { b.clock.Advance(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, &scs.Options{Fence: time.Second})
			b.commit(t.Context(), "token", "data")
			ctx := b.Track(t.Context())
			b.find(ctx, "token")
			end(b)
			b.wantRevoked(ctx, "token")
			b.wantRevoked(ctx, "token") // a second time too
			b.commit(ctx, "new", "one that this request makes")
			b.want("new", "one that this request makes")
		})
	}
}

// A request that has destroyed its session itself is fenced like others.
func TestFenceAfterOwnDelete(t *testing.T) {
	b := open(t, nil)
	ctx := b.Track(t.Context())
	b.commit(ctx, "token", "data")
	if err := b.DeleteCtx(ctx, "token"); err != nil {
		t.Fatal(err)
	}
	b.wantRevoked(ctx, "token")
}

func TestFenceSurvivesReopening(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	reopen := func(use func(*scs.Store)) {
		db, err := tiered.Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		use(scs.New(db, nil))
	}
	expiry := time.Now().Add(time.Hour)
	reopen(func(s *scs.Store) {
		for _, token := range []string{"kept", "ended"} {
			if err := s.Commit(token, []byte("data"), expiry); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Delete("ended"); err != nil {
			t.Fatal(err)
		}
	})
	reopen(func(s *scs.Store) {
		if err := s.Commit("ended", []byte("late"), expiry); !errors.Is(err, scs.ErrRevoked) {
			t.Errorf("late Commit: got %v, want ErrRevoked", err)
		}
		if got, found, err := s.Find("kept"); string(got) != "data" || !found || err != nil {
			t.Errorf("Find: got %q, %v, %v, want data, true, nil", got, found, err)
		}
	})
}

// In a full store a tombstone has the room of its session.
func TestFullStore(t *testing.T) {
	b := openWith(t, tiered.Options{MaxBytes: 64 << 10}, nil)
	big := strings.Repeat("x", 1000)
	var tokens []string
	for err := error(nil); err == nil; {
		tokens = append(tokens, newToken())
		err = b.Commit(tokens[len(tokens)-1], []byte(big), b.in(time.Hour))
		if err != nil && !errors.Is(err, tiered.ErrFull) {
			t.Fatalf("Commit: got %v, want ErrFull", err)
		}
	}
	b.wantMissing(tokens[len(tokens)-1])
	b.want(tokens[0], big)
	b.delete(newToken()) // whether or not there is room for its tombstone
	b.delete(tokens[0])
	b.wantRevoked(t.Context(), tokens[0])
	for _, token := range tokens {
		b.delete(token)
		b.wantMissing(token)
	}
}

// A fence that the store does not allow: the session is gone, and the setting's
// fault is told.
func TestFenceAboveMaxTTL(t *testing.T) {
	b := openWith(t, tiered.Options{MaxTTL: 2 * time.Hour}, &scs.Options{Fence: 3 * time.Hour})
	b.commit(t.Context(), "token", "data")
	if err := b.Delete("token"); !errors.Is(err, tiered.ErrTTL) {
		t.Errorf("Delete: got %v, want ErrTTL", err)
	}
	b.wantMissing("token")
}

// Invariants 2 and 3, for commits that are under way when the Delete comes: each
// has read a live record, and none may write after the tombstone.
func TestDeleteBeatsCommits(t *testing.T) {
	b := open(t, nil)
	for range 50 {
		token := newToken()
		b.commit(t.Context(), token, "data")
		var wg sync.WaitGroup
		var deleted atomic.Bool
		for i := range 8 {
			ctx := t.Context()
			if i%2 == 0 {
				ctx = b.Track(ctx)
				b.find(ctx, token)
			}
			wg.Go(func() {
				for over := false; !over; {
					over = deleted.Load()
					err := b.CommitCtx(ctx, token, []byte("data"), b.in(time.Hour))
					if !errors.Is(err, scs.ErrRevoked) && (err != nil || over) {
						t.Errorf("CommitCtx: got %v (after the Delete: %v), want nil before, ErrRevoked after", err, over)
					}
				}
			})
		}
		b.delete(token)
		deleted.Store(true)
		wg.Wait()
		b.wantMissing(token)
	}
}

// Invariant 2, at the one moment that counts: a Delete between the reading and
// the writing of a Commit.
func TestDeleteWithinACommit(t *testing.T) {
	deletes := 0
	var b bench
	b = open(t, &scs.Options{Codec: codec{decoding: func() {
		if deletes++; deletes == 1 {
			b.delete("token")
		}
	}}})
	ctx := b.Track(t.Context())
	b.commit(t.Context(), "token", "a=1@1800003600")
	b.find(ctx, "token")
	b.commit(t.Context(), "token", "a=1,b=2@1800003600")
	err := b.CommitCtx(ctx, "token", []byte("a=3@1800003600"), b.in(time.Hour))
	if !errors.Is(err, scs.ErrRevoked) || deletes == 0 {
		t.Errorf("CommitCtx around %d Deletes: got %v, want ErrRevoked", deletes, err)
	}
	b.wantMissing("token")
}

// Errors and their texts: no tokens, no data.
func TestErrorsTellNothing(t *testing.T) {
	b := open(t, &scs.Options{Codec: codec{}})
	secrets := []string{"token", "secret"}
	ctx := b.Track(t.Context())
	b.commit(t.Context(), "token", "secret 1")
	b.find(ctx, "token")
	b.commit(t.Context(), "token", "secret 2")
	conflict := b.CommitCtx(ctx, "token", []byte("secret 3"), b.in(time.Hour))
	if !errors.Is(conflict, scs.ErrConflict) {
		t.Errorf("CommitCtx of what the codec cannot read: got %v, want ErrConflict", conflict)
	}
	b.want("token", "secret 2")
	b.delete("token")
	revoked := b.Commit("token", []byte("secret"), b.in(time.Hour))
	b.db.Close()
	errs := failures(b.Store, context.Background())
	errs["conflict"], errs["revoked"] = conflict, revoked
	for name, err := range errs {
		for _, secret := range secrets {
			if err == nil || strings.Contains(err.Error(), secret) {
				t.Errorf("%s: got %q, want an error without %q", name, err, secret)
			}
		}
	}
}
