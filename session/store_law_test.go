package session_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/session/internal/exact/exacttest"
	"github.com/stratakv/strata/tiered"
)

// The law: Put(x, y), then Get(x) is y; at once, from a cache, and, where there
// are files, after the store was opened again.
func TestStoreLaw(t *testing.T) {
	for name, opts := range storeConfigs {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			e := openStore(t, name, dir, nil)
			kept := map[string]any{}
			check := func(t rapid.TB, key string, want any) {
				t.Helper()
				got, found, err := e.Get(e.t.Context(), key)
				if err != nil || !found || !exacttest.Equal(got, want) {
					t.Fatalf("%s: got %#v, %v, %v, want %#v", key, got, found, err, want)
				}
			}
			n := 0
			rapid.Check(t, func(t *rapid.T) {
				n++
				parts := map[string]any{}
				for _, name := range []string{"session", "flash", "user"} {
					key := fmt.Sprintf("%s:%d", name, n)
					parts[key] = exacttest.Values(3).Draw(t, name)
					if err := e.Put(e.t.Context(), key, parts[key]); err != nil {
						t.Fatal(err)
					}
				}
				at := rapid.Int64Range(e.in(1), 1<<53).Draw(t, "expires")
				parts[fmt.Sprintf("expires:%d", n)] = at
				if err := e.Put(e.t.Context(), fmt.Sprintf("expires:%d", n), at); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					for key, v := range parts {
						check(t, key, v)
						kept[key] = v
					}
				}
			})
			if !e.files {
				return
			}
			if err := e.tiered.Close(); err != nil {
				t.Fatal(err)
			}
			opts.Clock, opts.SharedDir = e.clock, dir
			e.open(name, dir, opts, nil)
			for key, v := range kept {
				check(t, key, v)
			}
		})
	}
}

// storeModel is what is under session:ID, flash:ID and expires:ID.
type storeModel struct {
	parts map[string]any // by key; expires is an int64
	auto  time.Time      // the deadline while there is no expires
}

const (
	modelTTL    = 5 * time.Second
	modelExpKey = "expires:id"
)

// pass forgets what has expired at now.
func (m *storeModel) pass(now time.Time) {
	at, timed := m.parts[modelExpKey].(int64)
	if timed && now.Unix() >= at || !timed && len(m.parts) > 0 && !m.auto.After(now) {
		m.parts = map[string]any{}
	}
}

// wrote sets the deadline that a write at now gives.
func (m *storeModel) wrote(now time.Time) {
	m.auto = now.Add(modelTTL)
	if m.auto.UnixMilli()%1000 == 0 {
		m.auto = m.auto.Add(time.Millisecond)
	}
	m.pass(now)
}

// modelRun is a Store beside its model.
type modelRun struct {
	e *storeEnv
	m storeModel
}

func (r *modelRun) key(t *rapid.T) string {
	return rapid.SampledFrom([]string{"session:id", "flash:id", modelExpKey}).Draw(t, "key")
}

// value is one that may be stored under key.
func (r *modelRun) value(t *rapid.T, key string) any {
	if key == modelExpKey {
		return r.e.in(rapid.Int64Range(-1, 8).Draw(t, "in"))
	}
	return rapid.SampledFrom([]any{nil, "a", int8(1), []string{"x"}}).Draw(t, "value")
}

func (r *modelRun) put(t *rapid.T) {
	key := r.key(t)
	v := r.value(t, key)
	if err := r.e.Put(r.e.t.Context(), key, v); err != nil {
		t.Fatal(err)
	}
	r.m.parts[key] = v
	r.m.wrote(r.e.tiered.Now())
}

func (r *modelRun) delete(t *rapid.T) {
	key := r.key(t)
	if err := r.e.Delete(r.e.t.Context(), key); err != nil {
		t.Fatal(err)
	}
	r.remove(key)
}

func (r *modelRun) remove(key string) {
	if _, there := r.m.parts[key]; there {
		delete(r.m.parts, key)
		r.m.wrote(r.e.tiered.Now())
	}
}

func (r *modelRun) getAndSet(t *rapid.T) {
	key := r.key(t)
	v := r.value(t, key)
	mine := errors.New("mine")
	order := rapid.SampledFrom([]error{nil, nil, tiered.Keep, tiered.Remove, mine}).Draw(t, "order")
	want, there := r.m.parts[key]
	_, err := r.e.GetAndSet(r.e.t.Context(), key, func(old any, found bool) (any, error) {
		if found != there || !exacttest.Equal(old, want) {
			t.Fatalf("%s: got %v, %v, want %v, %v", key, old, found, want, there)
		}
		return v, order
	})
	switch {
	case order == mine && errors.Is(err, mine):
	case err != nil || order == mine:
		t.Fatalf("got %v", err)
	case order == nil:
		r.m.parts[key] = v
		r.m.wrote(r.e.tiered.Now())
	case order == tiered.Remove:
		r.remove(key)
	}
}

func (r *modelRun) advance(t *rapid.T) {
	ms := rapid.SampledFrom([]int{1, 250, 499, 500, 999, 1000, 4999, 5000, 5001}).Draw(t, "ms")
	r.e.clock.Advance(time.Duration(ms) * time.Millisecond)
	r.m.pass(r.e.tiered.Now())
}

func (r *modelRun) check(t *rapid.T) {
	for _, key := range []string{"session:id", "flash:id", modelExpKey} {
		want, there := r.m.parts[key]
		got, found, err := r.e.Get(r.e.t.Context(), key)
		if err != nil || found != there || !exacttest.Equal(got, want) {
			t.Fatalf("%s: got %v, %v, %v, want %v, %v", key, got, found, err, want, there)
		}
	}
	if v, found, err := r.e.Get(r.e.t.Context(), "user:id"); v != "stays" || !found || err != nil {
		t.Fatalf("user:id: got %v, %v, %v", v, found, err)
	}
}

// TestStoreModel holds a Store against a plain map.
func TestStoreModel(t *testing.T) {
	for name := range storeConfigs {
		if testing.Short() && name != inMemory {
			continue
		}
		t.Run(name, func(t *testing.T) {
			e := openStore(t, name, t.TempDir(), &session.StoreOptions{TTL: modelTTL})
			e.put("user:id", "stays")
			rapid.Check(t, func(t *rapid.T) {
				for _, key := range []string{"session:id", "flash:id", modelExpKey} {
					e.delete(key)
				}
				r := &modelRun{e: e, m: storeModel{parts: map[string]any{}}}
				t.Repeat(map[string]func(*rapid.T){
					"put": r.put, "delete": r.delete, "get and set": r.getAndSet, "advance": r.advance,
					"delete expired": func(t *rapid.T) {
						if _, err := e.DeleteExpired(e.t.Context()); err != nil {
							t.Fatal(err)
						}
					},
					"": r.check,
				})
			})
		})
	}
}
