package session_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/tiered"
)

// A damaged record is an outage for who reads it, nobody else, and Destroy rids
// of it.
func TestDamagedRecord(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	other := e.returned()
	key := ""
	for it, err := range e.store.whole.Scan(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if key == "" && strings.HasPrefix(it.Key, "web:s:") {
			key = it.Key
			it.Value = it.Value[:len(it.Value)-1]
			if _, err := e.store.whole.SetItem(t.Context(), it); err != nil {
				t.Fatal(err)
			}
		}
	}
	damaged, sound := b, other
	if !e.damaged(b) {
		damaged, sound = other, b
	}
	if !e.damaged(damaged) || e.damaged(sound) {
		t.Fatal("want one damaged session and one sound")
	}
	res := damaged.with(func(s *session.Session) error { return s.Destroy("logout") })
	if c := res.Cookies(); res.StatusCode != http.StatusOK || len(c) != 1 || c[0].MaxAge >= 0 {
		t.Errorf("Destroy: got %d, cookies %v", res.StatusCode, c)
	}
	if _, err := e.store.whole.Get(t.Context(), key); !errors.Is(err, tiered.ErrNotFound) {
		t.Errorf("after Destroy: got %v, want ErrNotFound", err)
	}
}

func (e *env) damaged(b *browser) (damaged bool) {
	b.tab().do(func(_ http.ResponseWriter, r *http.Request) {
		damaged = errors.Is(session.From(r.Context()).Load(r.Context()), session.ErrRecord)
	})
	return damaged
}

// Errors and logs hold neither ids nor keys, values or users (2).
func TestNothingSecretInErrorsAndLogs(t *testing.T) {
	e := newEnv(t, session.Options{Mode: session.Strict})
	b := e.returned()
	secrets := []string{"secret-key", "secret-value", "secret-user", b.cookie}
	var texts []string
	note := func(err error) {
		if err == nil {
			t.Error("want an error")
			return
		}
		texts = append(texts, err.Error())
	}
	b.do(func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		note(s.Set("secret-key\xff", "secret-value"))
		note(s.Set("secret-key", map[string]any{"secret-value": make(chan int)}))
		note(s.BindUser("secret-user\xff"))
		if err := s.Set("secret-key", "secret-value"); err != nil {
			t.Error(err)
		}
		_, _, err := session.NewKey[int]("secret-key").Get(r.Context())
		note(err)
		w.WriteHeader(200)
		note(s.Set("secret-key", "secret-value"))
	})
	e.failing("write")
	b.with(set("secret-key", "secret-value2"))
	b.login("secret-user")
	e.failing("get")
	b.do(func(_ http.ResponseWriter, r *http.Request) { note(session.From(r.Context()).Set("secret-key", 1)) })
	texts = append(texts, e.log.String())
	if len(texts) != 7 || strings.Count(texts[6], "\n") < 3 {
		t.Errorf("got %d texts: %q", len(texts), texts)
	}
	for _, text := range texts {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("a secret in %q", text)
			}
		}
	}
}

// breakEntry damages the index entry of handle: in how it is written, or, if
// inStore, so that the store gives it to nobody.
func (e *env) breakEntry(handle string, inStore bool) {
	e.t.Helper()
	key := "web:u:" + handle
	if inStore {
		e.store.Records = corrupt{e.store.Records, key}
	} else if err := e.store.whole.Set(e.t.Context(), key, []byte{0x83, 2, 2}, time.Hour); err != nil {
		e.t.Fatal(err)
	}
}

// corrupt is a store in which the record of key cannot be read.
type corrupt struct {
	session.Records
	key string
}

func (c corrupt) GetItem(ctx context.Context, key string) (tiered.Item, error) {
	it, err := c.Records.GetItem(ctx, key)
	if err == nil && key == c.key {
		return tiered.Item{}, tiered.ErrCorrupt
	}
	return it, err
}

func (c corrupt) GetMany(ctx context.Context, keys []string) (map[string]tiered.Item, error) {
	items, err := c.Records.GetMany(ctx, keys)
	if _, there := items[c.key]; there {
		return nil, tiered.ErrCorrupt
	}
	return items, err
}

// A damaged index entry hides its session from lists, which say so after the
// rest, and from nothing that ends sessions (7).
func TestDamagedIndexEntry(t *testing.T) {
	for _, inStore := range []bool{false, true} {
		for _, how := range []string{"Revoke", "RevokeOne"} {
			e := newEnv(t, session.Options{})
			other := e.browser()
			other.login("bob")
			var handles []string
			for range 3 {
				b := e.browser()
				b.login("alice")
				handles = append(handles, b.handle())
			}
			e.breakEntry(handles[1], inStore)
			name := fmt.Sprintf("%s, the store knows: %v", how, inStore)
			n, err := e.m.Count(t.Context(), "alice")
			if n != 2 || !errors.Is(err, session.ErrRecord) && !errors.Is(err, tiered.ErrCorrupt) {
				t.Errorf("%s: Count: got %d, %v, want 2 and the damage", name, n, err)
			}
			if how == "Revoke" {
				err = e.m.Revoke(t.Context(), "alice")
			} else {
				err = e.m.RevokeOne(t.Context(), handles[1])
				err = errors.Join(err, e.m.RevokeOne(t.Context(), handles[0]), e.m.RevokeOne(t.Context(), handles[2]))
			}
			if keys := e.store.keys(t); len(keys) != 2 || err != nil {
				t.Errorf("%s: got %d records, %v, want bob's two", name, len(keys), err)
			}
			other.wantUser(name, "bob")
		}
	}
}

// Printing or logging a session shows nothing of it (2).
func TestPrintedSessionShowsNothing(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.returned()
	b.with(func(s *session.Session) error {
		var text strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			fmt.Fprintf(&text, verb, s)
		}
		slog.New(slog.NewTextHandler(&text, nil)).Info("text", "session", s)
		slog.New(slog.NewJSONHandler(&text, nil)).Info("json", "session", s)
		if got := text.String(); strings.Contains(got, b.cookie) || strings.Contains(got, fmt.Sprintf("%x", b.cookie)) {
			t.Errorf("the id is in %q", got)
		}
		return s.Load(t.Context())
	})
}
