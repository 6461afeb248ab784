package session_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/tiered"
)

// faulty is a tiered store whose batches can be made to fail, or to be preceded
// by another writer's.
type faulty struct {
	session.Backing
	before func()       // runs once, before the next Write
	refuse func() error // not nil: what Write says instead
}

func (f *faulty) Write(ctx context.Context, b *tiered.Batch) error {
	if before := f.before; before != nil {
		f.before = nil
		before()
	}
	if f.refuse != nil {
		return f.refuse()
	}
	return f.Backing.Write(ctx, b)
}

func newFaulty(t *testing.T) (*storeEnv, *faulty) {
	e := openMemoryStore(t, nil)
	f := &faulty{Backing: e.tiered}
	e.Store = session.NewStoreOver(f, nil)
	return e, f
}

// rawKey is the key of the record under name:id.
func rawKey(name, id string) string {
	sum := sha256.Sum256([]byte(id))
	return "store:" + name + ":" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// Another writer comes between the reading and the writing of each operation.
func TestStoreWriteMeetsAnother(t *testing.T) {
	set := func(v any) func(e *storeEnv, key string) error {
		return func(e *storeEnv, key string) error {
			_, err := e.GetAndSet(e.t.Context(), key, func(old any, _ bool) (any, error) {
				if _, ok := v.(int64); ok {
					return v, nil
				}
				return append(old.([]string), "more"), nil
			})
			return err
		}
	}
	for _, c := range []struct {
		name  string
		other func(e *storeEnv)
		op    func(e *storeEnv, key string) error
		key   string
		want  map[string]any // what is left of session, flash and expires
	}{
		{
			"a flash beside a session", func(e *storeEnv) { e.put("session:id", "other's") },
			func(e *storeEnv, key string) error { return e.Put(e.t.Context(), key, "mine") }, "flash:id",
			map[string]any{"session:id": "other's", "flash:id": "mine", "expires:id": int64(2e9)},
		},
		{
			"a session beside a new expires", func(e *storeEnv) { e.put("expires:id", int64(3e9)) },
			func(e *storeEnv, key string) error { return e.Put(e.t.Context(), key, "mine") }, "session:id",
			map[string]any{"session:id": "mine", "expires:id": int64(3e9)},
		},
		{
			"a deletion beside a new flash", func(e *storeEnv) { e.put("flash:id", "other's") },
			func(e *storeEnv, key string) error { return e.Delete(e.t.Context(), key) }, "session:id",
			map[string]any{"flash:id": "other's", "expires:id": int64(2e9)},
		},
		{
			"a get-and-set beside another", func(e *storeEnv) { e.put("session:id", []string{"other's"}) }, set(nil), "session:id",
			map[string]any{"session:id": []string{"other's", "more"}, "expires:id": int64(2e9)},
		},
		{
			"a get-and-set of expires beside a session", func(e *storeEnv) { e.put("session:id", "other's") }, set(int64(4e9)), "expires:id",
			map[string]any{"session:id": "other's", "expires:id": int64(4e9)},
		},
		{
			"a session beside a logout", func(e *storeEnv) { e.delete("session:id"); e.delete("expires:id") },
			func(e *storeEnv, key string) error { return e.Put(e.t.Context(), key, "late") }, "session:id",
			map[string]any{"session:id": "late"}, // without an expires it is valid to nobody
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, f := newFaulty(t)
			e.put("expires:id", int64(2e9))
			e.put("session:id", []string{"first"})
			f.before = func() { c.other(e) }
			if err := c.op(e, c.key); err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"session:id", "flash:id", "expires:id"} {
				if want, there := c.want[key]; there {
					e.want("after both", key, want)
				} else {
					e.wantAbsent("after both", key)
				}
			}
		})
	}
}

func TestStoreExpiresMeetsANewRecord(t *testing.T) {
	e, f := newFaulty(t)
	f.before = func() { f.before = func() { e.put("session:id", "other's") } } // after the touch, before the creation
	e.put("expires:id", int64(2e9))
	e.want("after both", "session:id", "other's")
	e.want("after both", "expires:id", int64(2e9))
}

// On a disk that is full nothing can be stored, the rest of a record neither.
func TestStoreDeletesSessionOnAFullDisk(t *testing.T) {
	for _, c := range []struct {
		key  string
		want error
	}{{"session:id", nil}, {"flash:id", tiered.ErrFull}} {
		e, f := newFaulty(t)
		e.put("expires:id", int64(2e9))
		e.put("session:id", "value")
		e.put("flash:id", "value")
		f.refuse = func() error { return tiered.ErrFull }
		if err := e.Delete(t.Context(), c.key); !errors.Is(err, c.want) {
			t.Errorf("Delete of %s: got %v, want %v", c.key, err, c.want)
		}
		if c.want == nil {
			e.wantAbsent("deleted", "session:id", "flash:id", "expires:id")
		} else {
			e.want("refused", "flash:id", "value")
		}
	}
}

func TestStoreFaultsComeOut(t *testing.T) {
	e, f := newFaulty(t)
	e.put("session:id", "value")
	f.refuse = func() error { return tiered.ErrUnknownOutcome }
	ctx := t.Context()
	_, setErr := e.GetAndSet(ctx, "flash:id", func(any, bool) (any, error) { return 1, nil })
	for op, err := range map[string]error{
		"put": e.Put(ctx, "session:id", "new"), "put of expires": e.Put(ctx, "expires:id", int64(2e9)),
		"delete": e.Delete(ctx, "session:id"), "get and set": setErr,
	} {
		if !errors.Is(err, tiered.ErrUnknownOutcome) {
			t.Errorf("%s: got %v, want ErrUnknownOutcome", op, err)
		}
	}
	e.want("after it", "session:id", "value")
}

// damaged are records that no Store has written.
var damaged = map[string]string{
	"empty":                      "",
	"one byte":                   "\x01",
	"another form":               "\x02\x00",
	"unknown parts":              "\x01\x04",
	"bytes behind nothing":       "\x01\x00x",
	"a session of no length":     "\x01\x01",
	"a session cut off":          "\x01\x01\x05\x01\x01",
	"a session of length 0":      "\x01\x01\x00",
	"a length beyond all":        "\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
	"a length without an end":    "\x01\x01" + strings.Repeat("\xff", 11),
	"bytes behind the session":   "\x01\x01\x02\x01\x01x",
	"a flash that is not there":  "\x01\x03\x02\x01\x01",
	"a value of another form":    "\x01\x03\x02\x09\x01\x09\x01",
	"a value that is cut off":    "\x01\x03\x02\x01\x81\x01\x81",
	"a value with more behind":   "\x01\x03\x03\x01\x01\x01\x01\x01\x01",
	"a value of an unknown type": "\x01\x03\x04\x01\xd8\xb2\x01\x01\xd8\xb2\x01",
}

func TestStoreDamage(t *testing.T) {
	ctx := context.Background()
	for name, raw := range damaged {
		e := openMemoryStore(t, nil)
		damage := func() {
			t.Helper()
			if err := e.tiered.Set(ctx, rawKey("session", "id"), []byte(raw), 0); err != nil {
				t.Fatal(err)
			}
			if err := e.tiered.Set(ctx, rawKey("user", "id"), []byte("\x01\x81"), 0); err != nil {
				t.Fatal(err)
			}
		}
		damage()
		for _, key := range []string{"session:id", "flash:id", "user:id"} {
			if v, found, err := e.Get(ctx, key); !errors.Is(err, tiered.ErrCorrupt) || found || v != nil {
				t.Errorf("%s: Get %s: got %v, %v, %v, want ErrCorrupt", name, key, v, found, err)
			}
			var into []string
			if found, err := e.GetInto(ctx, key, &into); !errors.Is(err, tiered.ErrCorrupt) || found {
				t.Errorf("%s: GetInto %s: got %v, %v, want ErrCorrupt", name, key, found, err)
			}
			_, err := e.GetAndSet(ctx, key, func(any, bool) (any, error) { t.Errorf("%s: called", name); return 1, nil })
			if !errors.Is(err, tiered.ErrCorrupt) {
				t.Errorf("%s: GetAndSet %s: got %v, want ErrCorrupt", name, key, err)
			}
		}
		e.put("user:id", "replaced")
		e.want("replaced", "user:id", "replaced")
		for _, keys := range [][]string{{"session:id", "flash:id"}, {"flash:id", "session:id"}, {"user:id"}} {
			damage()
			for _, key := range keys {
				e.delete(key)
			}
			e.wantAbsent(name+": deleted", keys...)
		}
	}
}

// FuzzStoreRecord: whatever is in the place of a record, no operation panics,
// and all errors are those of damage.
func FuzzStoreRecord(f *testing.F) {
	for _, raw := range damaged {
		f.Add([]byte(raw))
	}
	ctx := context.Background()
	store, err := tiered.OpenMemory(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { store.Close() })
	s := session.NewStore(store, nil)
	for _, v := range []any{1, "text", []string{"a"}, map[string]any{"a": nil}, []byte{1}} {
		for _, key := range []string{"session:seed", "flash:seed"} {
			if err := s.Put(ctx, key, v); err != nil {
				f.Fatal(err)
			}
			raw, err := store.Get(ctx, rawKey("session", "seed"))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := store.Set(ctx, rawKey("session", "id"), raw, 0); err != nil {
			t.Skip(err)
		}
		check := func(op string, err error) {
			if err != nil && !errors.Is(err, tiered.ErrCorrupt) && !errors.Is(err, session.ErrArgument) {
				t.Errorf("%s: got %v", op, err)
			}
		}
		for _, key := range []string{"session:id", "flash:id", "expires:id"} {
			_, found, err := s.Get(ctx, key)
			check("get", err)
			if found && key == "expires:id" {
				t.Error("an expires without a deadline")
			}
			var into map[string][]int
			_, err = s.GetInto(ctx, key, &into)
			check("get into", err)
		}
		_, err := s.GetAndSet(ctx, "session:id", func(old any, _ bool) (any, error) { return []any{old}, nil })
		check("get and set", err)
		check("put", s.Put(ctx, "flash:id", 1))
		if err := s.Delete(ctx, "session:id"); err != nil {
			t.Errorf("delete: got %v", err)
		}
		if _, found, err := s.Get(ctx, "session:id"); found || err != nil {
			t.Errorf("after the deletion: got %v, %v", found, err)
		}
	})
}
