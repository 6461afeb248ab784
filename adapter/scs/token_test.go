package scs_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stratakv/strata/adapter/scs"
)

// newToken is one as scs makes them.
func newToken() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// scsHash is what scs makes of a token with HashTokenInStore.
func scsHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Invariant 1: whatever who reads the store could try is not found.
func TestStoreHoldsNoKeyToItself(t *testing.T) {
	b := open(t, nil)
	token := newToken()
	b.commit(t.Context(), token, "data")
	tries := []string{b.Handle(token), b.Handle(token)[1:], scsHash(token), scsHash(b.Handle(token))}
	all, err := b.All()
	if err != nil {
		t.Fatal(err)
	}
	for name := range all {
		tries = append(tries, name)
	}
	for it, err := range b.db.Scan(t.Context(), "") {
		if err != nil || strings.Contains(it.Key+string(it.Value), token) {
			t.Errorf("Scan: got the token in a record, %v", err)
		}
		name := strings.TrimPrefix(it.Key, "scs:")
		tries = append(tries, it.Key, name, scsHash(name), "~"+name, string(it.Value[1:33]),
			base64.RawURLEncoding.EncodeToString(it.Value[1:33]))
	}
	for _, try := range tries {
		b.wantMissing(try)
	}
	b.want(token, "data")
}

// How Iterate calls the store, by the manager's setting and the store's.
func TestHandles(t *testing.T) {
	plain := func(s string) string { return s }
	for name, c := range map[string]struct {
		opts scs.Options
		pass func(token string) string // what the manager passes
	}{
		"plain":                  {scs.Options{}, plain},
		"HashTokenInStore":       {scs.Options{}, scsHash},
		"clear":                  {scs.Options{ClearTokens: true}, plain},
		"clear HashTokenInStore": {scs.Options{ClearTokens: true}, scsHash},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, &c.opts)
			token := newToken()
			b.commit(t.Context(), c.pass(token), "data")
			b.commit(t.Context(), c.pass(newToken()), "other")
			for _, data := range []string{"changed", "again"} {
				b.commit(t.Context(), c.pass(nameOf(t, b, c.pass(token), c.opts.ClearTokens)), data)
				b.want(c.pass(token), data)
			}
			b.delete(c.pass(nameOf(t, b, c.pass(token), c.opts.ClearTokens)))
			b.wantRevoked(t.Context(), c.pass(token))
			if all, err := b.All(); len(all) != 1 || err != nil {
				t.Errorf("All: got %d, %v, want the other one, nil", len(all), err)
			}
		})
	}
}

// nameOf is what All gives for a token, which must be in it.
func nameOf(t *testing.T, b bench, token string, clear bool) string {
	t.Helper()
	name := b.Handle(token)
	if clear {
		name = token
	}
	all, err := b.All()
	if _, ok := all[name]; !ok || len(all) != 2 || err != nil {
		t.Fatalf("All: got %d, has it %v, %v, want 2, true, nil", len(all), ok, err)
	}
	return name
}

// A handle whose session is gone makes none: it would let in who knows it.
func TestHandleOfNothing(t *testing.T) {
	b := open(t, nil)
	name := b.Handle(newToken())
	err := b.Commit(name, []byte("data"), b.in(time.Hour))
	if !errors.Is(err, scs.ErrRevoked) {
		t.Errorf("Commit: got %v, want ErrRevoked", err)
	}
	if all, err := b.All(); len(all) != 0 || err != nil {
		t.Errorf("All: got %d, %v, want 0, nil", len(all), err)
	}
	b.delete(name)
}

// A session keeps what All gives for it until a request commits it under the
// other setting.
func TestClearTokensCanChange(t *testing.T) {
	b := open(t, &scs.Options{ClearTokens: true})
	b.commit(t.Context(), "token", "data")
	hashed := scs.New(b.db, nil)
	all, _ := hashed.All()
	if _, ok := all["token"]; !ok {
		t.Errorf("All before a commit: got no token")
	}
	if err := hashed.Commit("token", []byte("data"), b.in(time.Hour)); err != nil {
		t.Fatal(err)
	}
	all, _ = b.All()
	if _, ok := all[b.Handle("token")]; !ok || len(all) != 1 {
		t.Errorf("All after a commit: got %d, has the handle %v, want 1, true", len(all), ok)
	}
	b.want("token", "data")
}
