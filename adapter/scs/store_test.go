package scs_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stratakv/strata/adapter/scs"
	"github.com/stratakv/strata/tiered"
)

func TestFindMissing(t *testing.T) {
	b := open(t, nil)
	b.commit(t.Context(), "token", "data")
	for _, token := range []string{"", "toke", "token ", "\x00\xff", strings.Repeat("x", 100_000)} {
		b.wantMissing(token)
	}
}

func TestExpiry(t *testing.T) {
	b := open(t, nil)
	for token, expiry := range map[string]time.Duration{
		"exact": 250 * time.Millisecond, "rounded up": 249*time.Millisecond + 1,
	} {
		if err := b.Commit(token, []byte("data"), b.in(expiry)); err != nil {
			t.Fatal(err)
		}
	}
	b.clock.Advance(249 * time.Millisecond)
	b.want("exact", "data")
	b.want("rounded up", "data")
	b.clock.Advance(time.Millisecond)
	b.wantMissing("exact")
	b.wantMissing("rounded up")
}

func TestCommitReplaces(t *testing.T) {
	b := open(t, nil)
	b.commit(t.Context(), "token", "a longer value")
	if err := b.Commit("token", []byte("b"), b.in(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(90 * time.Minute)
	b.want("token", "b")
	if err := b.Commit("token", nil, b.in(time.Second)); err != nil {
		t.Fatal(err)
	}
	if got, found, err := b.Find("token"); got == nil || len(got) != 0 || !found || err != nil {
		t.Errorf("Find of empty data: got %v, %v, %v, want [], true, nil", got, found, err)
	}
	b.clock.Advance(time.Second)
	b.wantMissing("token")
}

func TestCommitOfThePast(t *testing.T) {
	for name, expiry := range map[string]func(bench) time.Time{
		"now":       func(b bench) time.Time { return b.in(0) },
		"past":      func(b bench) time.Time { return b.in(-time.Hour) },
		"zero time": func(bench) time.Time { return time.Time{} },
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, nil)
			b.commit(t.Context(), "token", "data")
			for _, token := range []string{"token", "other"} {
				if err := b.Commit(token, []byte("data"), expiry(b)); err != nil {
					t.Errorf("Commit: got %v, want nil", err)
				}
				b.wantRevoked(t.Context(), token)
			}
		})
	}
}

func TestDelete(t *testing.T) {
	b := open(t, nil)
	b.delete("never there")
	b.delete("")
	b.commit(t.Context(), "token", "data")
	b.commit(t.Context(), "other", "stays")
	b.delete("token")
	b.wantMissing("token")
	b.delete("token")
	b.want("other", "stays")
}

func TestAll(t *testing.T) {
	b := open(t, nil)
	all, err := b.All()
	if all == nil || len(all) != 0 || err != nil {
		t.Errorf("All of none: got %v, %v, want an empty map, nil", all, err)
	}
	b.commit(t.Context(), "a", "1")
	b.commit(t.Context(), "b", "2")
	b.commit(t.Context(), "deleted", "3")
	b.delete("deleted")
	if err := b.Commit("short", []byte("4"), b.in(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := b.db.Set(t.Context(), "another prefix", []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(time.Minute)
	all, err = b.AllCtx(t.Context())
	if err != nil || len(all) != 2 || string(all[b.Handle("a")]) != "1" || string(all[b.Handle("b")]) != "2" {
		t.Errorf("AllCtx: got %d sessions, %v, want a's and b's, nil", len(all), err)
	}
}

func TestAnyToken(t *testing.T) {
	b := open(t, nil)
	tokens := []string{"", "\x00", "\xff\xfe", "~", strings.Repeat("t", 100_000), strings.Repeat("A", 43), strings.Repeat("B", 43)}
	for _, token := range tokens {
		b.commit(t.Context(), token, "of "+token)
	}
	for _, token := range tokens {
		b.want(token, "of "+token)
		b.delete(token)
		b.wantMissing(token)
	}
}

func TestWithoutContext(t *testing.T) {
	b := open(t, nil)
	if err := b.Commit("token", []byte("data"), b.in(time.Hour)); err != nil {
		t.Fatal(err)
	}
	plain, found, err := b.Find("token")
	ctx, foundCtx, errCtx := b.FindCtx(t.Context(), "token")
	if string(plain) != string(ctx) || found != foundCtx || err != errCtx || !found {
		t.Errorf("Find and FindCtx: got %q, %v, %v and %q, %v, %v, want the same", plain, found, err, ctx, foundCtx, errCtx)
	}
	if all, err := b.All(); len(all) != 1 || err != nil {
		t.Errorf("All: got %d sessions, %v, want 1, nil", len(all), err)
	}
	if err := b.Delete("token"); err != nil {
		t.Errorf("Delete: got %v, want nil", err)
	}
}

func TestClosed(t *testing.T) {
	b := open(t, nil)
	b.commit(t.Context(), "token", "data")
	b.db.Close()
	for name, err := range failures(b.Store, t.Context()) {
		if !errors.Is(err, tiered.ErrClosed) {
			t.Errorf("%s of a closed store: got %v, want ErrClosed", name, err)
		}
	}
}

// failures are the errors of all methods.
func failures(s *scs.Store, ctx context.Context) map[string]error {
	_, _, find := s.FindCtx(ctx, "token")
	_, all := s.AllCtx(ctx)
	return map[string]error{
		"FindCtx": find, "AllCtx": all, "DeleteCtx": s.DeleteCtx(ctx, "token"),
		"CommitCtx": s.CommitCtx(ctx, "token", []byte("data"), time.Now().Add(24*365*100*time.Hour)),
	}
}

func TestPrivateBytes(t *testing.T) {
	b := open(t, nil)
	ctx := b.Track(t.Context())
	data := []byte("data")
	if err := b.CommitCtx(ctx, "token", data, b.in(time.Hour)); err != nil {
		t.Fatal(err)
	}
	data[0] = 'X'
	b.want("token", "data")
	got, _, _ := b.FindCtx(ctx, "token")
	got[0] = 'Y'
	_ = append(got, "beyond"...)
	b.want("token", "data")
	all, _ := b.AllCtx(ctx)
	all[b.Handle("token")][0] = 'Z'
	b.want("token", "data")
}

// The tracker's memory of a session is its own, too.
func TestPrivateBase(t *testing.T) {
	b := open(t, &scs.Options{Codec: codec{}})
	b.commit(t.Context(), "token", "a=1@1800003600")
	ctx := b.Track(t.Context())
	got, _, _ := b.FindCtx(ctx, "token")
	got[0] = 'X'
	b.commit(t.Context(), "token", "a=1,b=2@1800003600")
	mine := []byte("a=3@1800003600")
	if err := b.CommitCtx(ctx, "token", mine, b.in(time.Hour)); err != nil {
		t.Fatal(err)
	}
	b.want("token", "a=3,b=2@1800003600")
	mine[0] = 'Y'
	b.commit(ctx, "token", "c=4@1800003600")
	b.want("token", "b=2,c=4@1800003600")
}

func TestContexts(t *testing.T) {
	b := open(t, nil)
	b.commit(t.Context(), "logout", "data")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := b.FindCtx(cancelled, "logout"); !errors.Is(err, context.Canceled) {
		t.Errorf("FindCtx, cancelled: got %v, want context.Canceled", err)
	}
	if err := b.DeleteCtx(cancelled, "logout"); err != nil {
		t.Errorf("DeleteCtx, cancelled: got %v, want nil", err)
	}
	b.wantMissing("logout")
	b.commit(cancelled, "saved", "data")
	b.want("saved", "data")

	late, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	for name, err := range failures(b.Store, late) {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s after its deadline: got %v, want context.DeadlineExceeded", name, err)
		}
	}
	b.want("saved", "data")
}

func TestPrefix(t *testing.T) {
	b := open(t, nil)
	other := scs.New(b.db, &scs.Options{Prefix: "admin:"})
	b.commit(t.Context(), "token", "data")
	if _, found, err := other.Find("token"); found || err != nil {
		t.Errorf("Find under another prefix: got %v, %v, want false, nil", found, err)
	}
	if all, err := other.All(); len(all) != 0 || err != nil {
		t.Errorf("All under another prefix: got %d, %v, want 0, nil", len(all), err)
	}
	if err := other.Commit("token", []byte("admin's"), b.in(time.Hour)); err != nil {
		t.Fatal(err)
	}
	b.want("token", "data")
	for it, err := range b.db.Scan(t.Context(), "") {
		if err != nil || !strings.HasPrefix(it.Key, "scs:") && !strings.HasPrefix(it.Key, "admin:") {
			t.Errorf("Scan: got a key without prefix, %v", err)
		}
	}
}

func TestForeignRecords(t *testing.T) {
	foreign := map[string][]byte{
		"empty": {}, "unknown kind": {9, 9, 9}, "long tombstone": {0, 0}, "short hash": append([]byte{1}, "short"...),
		"no length": {2}, "too long a token": {2, 100, 'x'}, "endless length": {2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
	}
	for _, name := range slices.Sorted(maps.Keys(foreign)) {
		t.Run(name, func(t *testing.T) {
			b := open(t, nil)
			b.commit(t.Context(), "token", "data")
			for it := range b.db.Scan(t.Context(), "scs:") {
				if err := b.db.Set(t.Context(), it.Key, foreign[name], time.Hour); err != nil {
					t.Fatal(err)
				}
			}
			_, found, errFind := b.Find("token")
			_, errAll := b.All()
			errCommit := b.Commit("token", nil, b.in(time.Hour))
			for name, err := range map[string]error{"Find": errFind, "All": errAll, "Commit": errCommit} {
				if !errors.Is(err, tiered.ErrCorrupt) || found {
					t.Errorf("%s: got %v, want ErrCorrupt", name, err)
				}
			}
			b.delete("token")
			b.wantMissing("token")
		})
	}
}
