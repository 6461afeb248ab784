package compat

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	scslib "github.com/alexedwards/scs/v2"

	"github.com/stratakv/strata/adapter/scs"
	"github.com/stratakv/strata/tiered"
)

// Over a real connection and a real directory, across a restart.
func TestSCS(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	run := func(pages ...[2]string) {
		db, err := tiered.Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		s := newSite(t, scslib.New(), scs.New(db, nil), true)
		// The cookie goes to the host, whatever its port.
		server := httptest.NewServer(s.handler)
		defer server.Close()
		client := server.Client()
		client.Jar = jar
		for _, page := range pages {
			res, err := client.Get(server.URL + page[0])
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			if string(body) != page[1] || err != nil {
				t.Errorf("%s: got %s, %v, want %s", page[0], body, err, page[1])
			}
		}
	}
	run([2]string{"/read", "map[]"}, [2]string{"/put?key=a&value=1", "map[a:1]"}, [2]string{"/login", "map[a:1]"})
	run([2]string{"/read", "map[a:1]"}, [2]string{"/put?key=b&value=2", "map[a:1 b:2]"}, [2]string{"/logout", "map[]"})
	run([2]string{"/read", "map[]"})
}

// scs's own tests of the manager, in this package's words, over the adapter.
func TestSCSManager(t *testing.T) {
	for name, test := range map[string]func(*browser){
		"lifetime": func(b *browser) {
			b.manager.Lifetime = 500 * time.Millisecond
			b.visit("/put?key=a&value=1")
			time.Sleep(499 * time.Millisecond)
			b.want("/read", "map[a:1]")
			time.Sleep(2 * time.Millisecond)
			b.want("/read", "map[]")
		},
		"idle timeout": func(b *browser) {
			b.manager.IdleTimeout, b.manager.Lifetime = 200*time.Millisecond, time.Second
			b.visit("/put?key=a&value=1")
			for range 9 {
				time.Sleep(100 * time.Millisecond)
				b.want("/read", "map[a:1]")
			}
			time.Sleep(101 * time.Millisecond)
			b.want("/read", "map[]")
			b.visit("/put?key=a&value=1")
			time.Sleep(201 * time.Millisecond)
			b.want("/read", "map[]")
		},
		"only changes are committed": func(b *browser) {
			b.want("/read", "map[]")
			if b.set || b.cookie != "" {
				b.t.Error("/read: got a cookie, want none")
			}
		},
		"destroy": func(b *browser) {
			b.visit("/put?key=a&value=1")
			old := b.cookie
			b.want("/logout", "map[]")
			b.cookie = old
			b.want("/read", "map[]")
		},
		"renew": func(b *browser) {
			b.visit("/put?key=a&value=1")
			old := b.cookie
			b.want("/login", "map[a:1]")
			if b.cookie == old {
				b.t.Error("/login: got the old token, want another")
			}
			b.want("/read", "map[a:1]")
			b.cookie = old
			b.want("/read", "map[]")
		},
		"unknown tokens": func(b *browser) {
			b.cookie = "injected"
			b.want("/put?key=a&value=1", "map[a:1]")
			if b.cookie == "injected" {
				b.t.Error("/put: got the injected token adopted")
			}
		},
		"iterate": testIterate,
		"merge":   testMergeSession,
	} {
		for _, hashed := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				manager := scslib.New() // its memstore's goroutine never ends
				synctest.Test(t, func(t *testing.T) {
					s := newSite(t, manager, scs.New(memory(t), nil), true)
					s.manager.HashTokenInStore = hashed
					test(&browser{site: s})
				})
			})
		}
	}
}

// testIterate reads and ends all sessions; their handles tell them apart.
func testIterate(b *browser) {
	users := []*browser{{site: b.site}, {site: b.site}, {site: b.site}}
	for i, u := range users {
		u.visit("/put?key=user&value=" + string(rune('0'+i)))
	}
	seen := map[any]bool{}
	b.must(b.manager.Iterate(b.t.Context(), func(ctx context.Context) error {
		seen[b.manager.Get(ctx, "user")] = true
		isLast := b.manager.Token(ctx) == b.store.Handle(users[2].cookie)
		if isLast != (b.manager.Get(ctx, "user") == "2") && !b.manager.HashTokenInStore {
			b.t.Error("Token: got another session's handle")
		}
		if b.manager.Get(ctx, "user") == "2" {
			b.manager.Put(ctx, "news", true)
			_, _, err := b.manager.Commit(ctx)
			return err
		}
		return b.manager.Destroy(ctx)
	}))
	if len(seen) != 3 {
		b.t.Errorf("Iterate: got %d sessions, want 3", len(seen))
	}
	users[0].want("/read", "map[]")
	users[1].want("/read", "map[]")
	users[2].want("/read", "map[news:true user:2]")
}

func testMergeSession(b *browser) {
	b.visit("/put?key=old&value=1")
	old := b.cookie
	b.page("/merge", func(r *http.Request) { b.must(b.manager.MergeSession(r.Context(), old)) })
	b.cookie = ""
	b.visit("/put?key=new&value=2")
	b.want("/merge", "map[new:2 old:1]")
	b.want("/read", "map[new:2 old:1]")
	b.cookie = old
	b.want("/read", "map[]")
}

// A manager with a codec of its own, which the adapter is told.
func TestSCSCodec(t *testing.T) {
	var codec scslib.Codec = upside{}
	s := newSite(t, scslib.New(), scs.New(memory(t), &scs.Options{Codec: codec}), true)
	s.manager.Codec = codec
	if lostUpdate(s) {
		t.Error("a change of another key was lost under a codec of the program's own")
	}
}

// upside is gob, byte by byte inverted: gob alone cannot read it.
type upside struct{ scslib.GobCodec }

func (u upside) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	b, err := u.GobCodec.Encode(deadline, values)
	return invert(b), err
}

func (u upside) Decode(b []byte) (time.Time, map[string]any, error) {
	return u.GobCodec.Decode(invert(b)) // in place, as a codec may
}

func invert(b []byte) []byte {
	for i := range b {
		b[i] = ^b[i]
	}
	return b
}
