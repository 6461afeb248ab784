package scs_test

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stratakv/strata/adapter/scs"
)

// The clock of a bench begins at 1_800_000_000.
func TestMerge(t *testing.T) {
	const base = "a=1,b=2@1800003600"
	for name, c := range map[string]struct{ other, mine, want string }{
		"disjoint":                 {"a=9,b=2@1800003600", "a=1,b=8@1800003600", "a=9,b=8@1800003600"},
		"both set new keys":        {"a=1,b=2,c=3@1800003600", "a=1,b=2,d=4@1800003600", "a=1,b=2,c=3,d=4@1800003600"},
		"same key":                 {"a=9,b=2@1800003600", "a=8,b=2@1800003600", "a=8,b=2@1800003600"},
		"other deletes":            {"b=2@1800003600", "a=1,b=8@1800003600", "b=8@1800003600"},
		"mine deletes":             {"a=1,b=8@1800003600", "b=2@1800003600", "b=8@1800003600"},
		"both delete":              {"b=2@1800003600", "b=2@1800003600", "b=2@1800003600"},
		"mine changes the deleted": {"b=2@1800003600", "a=9,b=2@1800003600", "a=9,b=2@1800003600"},
		"mine deletes the changed": {"a=9,b=2@1800003600", "b=2@1800003600", "b=2@1800003600"},
		"mine only reads":          {"a=9,c=3@1800003600", base, "a=9,c=3@1800003600"},
		"mine clears":              {"a=1,b=2,c=3@1800003600", "@1800003600", "c=3@1800003600"},
		"other's deadline":         {"a=1,b=2@1800000600", "a=9,b=2@1800003600", "a=9,b=2@1800000600"},
		"my deadline":              {"a=9,b=2@1800003600", "a=1,b=2@1800000600", "a=9,b=2@1800000600"},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, &scs.Options{Codec: codec{}})
			b.commit(t.Context(), "token", base)
			ctx := b.Track(t.Context())
			b.find(ctx, "token")
			b.commit(t.Context(), "token", c.other)
			b.commit(ctx, "token", c.mine)
			b.want("token", c.want)
		})
	}
}

// A merged session lives as long as the later of its commits says, but not
// beyond its deadline.
func TestMergedExpiry(t *testing.T) {
	for name, c := range map[string]struct {
		other, mine time.Duration
		deadline    string
		want        time.Duration
	}{
		"other's is later":    {30 * time.Minute, 20 * time.Minute, "1800003600", 30 * time.Minute},
		"mine is later":       {20 * time.Minute, 30 * time.Minute, "1800003600", 30 * time.Minute},
		"the deadline is not": {30 * time.Minute, 20 * time.Minute, "1800000600", 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, &scs.Options{Codec: codec{}})
			b.commit(t.Context(), "token", "a=1@1800003600")
			ctx := b.Track(t.Context())
			b.find(ctx, "token")
			if err := b.Commit("token", []byte("a=2@1800003600"), b.in(c.other)); err != nil {
				t.Fatal(err)
			}
			if err := b.CommitCtx(ctx, "token", []byte("a=1@"+c.deadline), b.in(c.mine)); err != nil {
				t.Fatal(err)
			}
			b.clock.Advance(c.want - time.Millisecond)
			b.want("token", "a=2@"+c.deadline)
			b.clock.Advance(time.Millisecond)
			b.wantMissing("token")
		})
	}
}

// Without a tracker the last Commit wins, as with every store of scs.
func TestUntracked(t *testing.T) {
	b := open(t, &scs.Options{Codec: codec{}})
	b.commit(t.Context(), "token", "a=1@1800003600")
	b.find(t.Context(), "token")
	b.commit(t.Context(), "token", "a=1,b=2@1800003600")
	b.commit(t.Context(), "token", "a=9@1800003600")
	b.want("token", "a=9@1800003600")
}

// Invariant 5: a request that commits twice has not seen what its first Commit
// was merged into, and does not delete it.
func TestSecondCommitAfterAMerge(t *testing.T) {
	b := open(t, &scs.Options{Codec: codec{}})
	b.commit(t.Context(), "token", "a=1@1800003600")
	ctx := b.Track(t.Context())
	b.find(ctx, "token")
	b.commit(t.Context(), "token", "a=1,other=1@1800003600")
	b.commit(ctx, "token", "a=1,brief=1,mine=1@1800003600")
	b.commit(ctx, "token", "a=2,mine=2@1800003600")
	b.want("token", "a=2,mine=2,other=1@1800003600")
}

// Invariant 5: MergeSession looks at the request's own session, and leaves the
// manager's memory of it as it was.
func TestSecondFind(t *testing.T) {
	b := open(t, &scs.Options{Codec: codec{}})
	b.commit(t.Context(), "token", "a=1@1800003600")
	ctx := b.Track(t.Context())
	b.find(ctx, "token")
	b.commit(t.Context(), "token", "a=1,other=1@1800003600")
	b.find(ctx, "token")
	b.commit(ctx, "token", "a=2@1800003600")
	b.want("token", "a=2,other=1@1800003600")
}

// A request that changes all sessions has its own twice, and loses neither's
// changes; nor those of requests beside it.
func TestTrackedIterate(t *testing.T) {
	b := open(t, &scs.Options{Codec: codec{}})
	b.commit(t.Context(), "token", "a=1@1800003600")
	ctx := b.Track(t.Context())
	b.find(ctx, "token")
	if _, err := b.AllCtx(ctx); err != nil {
		t.Fatal(err)
	}
	b.commit(t.Context(), "token", "a=1,beside=1@1800003600")
	b.commit(ctx, b.Handle("token"), "a=1,news=1@1800003600")
	b.commit(ctx, "token", "a=2@1800003600")
	b.want("token", "a=2,beside=1,news=1@1800003600")
}

// Two stores in one request do not take each other's sessions for their own.
func TestTrackersAreTheStoresOwn(t *testing.T) {
	b := open(t, &scs.Options{Codec: codec{}})
	other := scs.New(b.db, &scs.Options{Prefix: "other:", Codec: codec{}})
	ctx := other.Track(b.Track(t.Context()))
	b.commit(t.Context(), "token", "a=1@1800003600")
	b.find(ctx, "token")
	if err := other.CommitCtx(ctx, "token", []byte("new"), b.in(time.Hour)); err != nil {
		t.Errorf("CommitCtx of the other store: got %v, want nil", err)
	}
	b.commit(t.Context(), "token", "a=1,b=2@1800003600")
	b.commit(ctx, "token", "a=3@1800003600")
	b.want("token", "a=3,b=2@1800003600")
}

// Requests of one session that each set a key of their own, all at once: none is
// lost. (Of gob, whose maps have no order.)
func TestManyRequests(t *testing.T) {
	b := open(t, nil)
	b.commit(t.Context(), "token", string(gobOf(t, b.in(2*time.Hour), map[string]any{"old": "kept"})))
	const requests, rounds = 16, 5
	h := b.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		data, found, err := b.FindCtx(ctx, "token")
		if !found || err != nil {
			t.Errorf("FindCtx: got %v, %v, want true, nil", found, err)
			return
		}
		deadline, values := ungob(t, data)
		values[r.URL.Path] = true
		if err := b.CommitCtx(ctx, "token", gobOf(t, deadline, values), b.in(time.Hour)); err != nil {
			t.Errorf("CommitCtx: got %v, want nil", err)
		}
	}))
	var wg sync.WaitGroup
	for i := range requests {
		wg.Go(func() {
			for j := range rounds {
				h.ServeHTTP(nil, httptest.NewRequest("GET", fmt.Sprintf("/%d/%d", i, j), nil))
			}
		})
	}
	wg.Wait()
	data, _, err := b.Find("token")
	if err != nil {
		t.Fatal(err)
	}
	if _, values := ungob(t, data); len(values) != 1+requests*rounds {
		t.Errorf("keys of the session: got %d, want %d", len(values), 1+requests*rounds)
	}
}

// gob gives no map at all for an empty one.
func TestMergeIntoNothing(t *testing.T) {
	b := open(t, nil)
	deadline := b.in(2 * time.Hour)
	b.commit(t.Context(), "token", string(gobOf(t, deadline, map[string]any{"a": 1})))
	ctx := b.Track(t.Context())
	b.find(ctx, "token")
	b.commit(t.Context(), "token", string(gobOf(t, deadline, nil)))
	b.commit(ctx, "token", string(gobOf(t, deadline, map[string]any{"a": 1, "b": 2})))
	data, _, _ := b.Find("token")
	if _, values := ungob(t, data); len(values) != 1 || values["b"] != 2 {
		t.Errorf("merged: got %v, want b alone, 2", values)
	}
}

// scs's GobCodec, in its own words.
func gobOf(t *testing.T, deadline time.Time, values map[string]any) []byte {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(&struct {
		Deadline time.Time
		Values   map[string]any
	}{deadline, values})
	if err != nil {
		t.Error(err)
	}
	return b.Bytes()
}

func ungob(t *testing.T, data []byte) (time.Time, map[string]any) {
	var v struct {
		Deadline time.Time
		Values   map[string]any
	}
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&v); err != nil {
		t.Error(err)
	}
	return v.Deadline, v.Values
}

// A codec that cannot write what was merged.
type mute struct{ codec }

func (mute) Encode(time.Time, map[string]any) ([]byte, error) { return nil, errors.New("secret") }

func TestCodecThatCannotEncode(t *testing.T) {
	b := open(t, &scs.Options{Codec: mute{}})
	b.commit(t.Context(), "token", "a=1@1800003600")
	ctx := b.Track(t.Context())
	b.find(ctx, "token")
	b.commit(t.Context(), "token", "a=2@1800003600")
	if err := b.CommitCtx(ctx, "token", []byte("a=3@1800003600"), b.in(time.Hour)); !errors.Is(err, scs.ErrConflict) {
		t.Errorf("CommitCtx: got %v, want ErrConflict", err)
	}
	b.want("token", "a=2@1800003600")
}
