package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/stratakv/strata/session"
)

// eachPlugin runs f with a plugin whose sessions live for 7200 s.
func eachPlugin(t *testing.T, f func(t *testing.T, p *plugin)) {
	eachStore(t, nil, func(t *testing.T, e *storeEnv) { f(t, &plugin{e: e, expires: 7200}) })
}

// The suite that the ancestors' plugin has for stores, its steps numbered as
// there; 1 and 2, that the store can be loaded and is one, the compiler checks.
func TestStoreSuiteOfTheAncestors(t *testing.T) {
	var _ interface { // 3 to 6: it has what a store must have
		Get(ctx context.Context, key string) (any, bool, error)
		Put(ctx context.Context, key string, value any) error
		Delete(ctx context.Context, key string) error
		DeleteExpired(ctx context.Context) (int, error)
	} = (*session.Store)(nil)
	const magic = "m\u00f8\u00f8se"
	eachPlugin(t, func(t *testing.T, p *plugin) {
		wantStep := func(step int, what string, ok bool) {
			t.Helper()
			if !ok {
				t.Errorf("step %d: %s", step, what)
			}
		}
		var c client
		p.visit(&c, func(v *visit) {
			wantStep(7, "no session without an id", !v.valid())
			v.session()
			wantStep(8, "a session after its beginning", v.valid())
			v.session()["magic"] = magic
		})
		saved := c
		p.visit(&c, func(v *visit) {
			wantStep(9, "the session is there again", v.valid())
			wantStep(10, "with the same id", c == saved && c.id != "")
			wantStep(11, "and exists", len(v.session()) > 0)
			wantStep(12, "and has the text, character for character", v.session()["magic"] == magic)
			v.end("user logout")
		})
		c = saved // a client that keeps its cookie
		p.visit(&c, func(v *visit) {
			wantStep(13, "none after the logout", !v.valid())
			_, there := v.session()["magic"]
			wantStep(14, "and nothing in the next", !there)
		})
		p.visit(new(client), func(v *visit) { wantStep(15, "the reason is that request's alone", v.reason == "") })

		short := &plugin{e: p.e, expires: 0, ids: 1000}
		c = client{}
		short.visit(&c, func(v *visit) {
			v.session()["magic"] = magic
			wantStep(16, "a session of no time is one in its request", v.valid())
		})
		p.e.clock.Advance(time.Second)
		short.visit(&c, func(v *visit) {
			wantStep(17, "and none a second later", !v.valid())
			wantStep(18, "because it has expired", v.reason == "session expired")
			_, there := v.session()["magic"]
			wantStep(19, "and nothing in the next", !there)
		})
	})
}

// The test of the ancestor over shared pages: a scalar, stored and read.
func TestStoreSuiteOfTheSharedPages(t *testing.T) {
	eachPlugin(t, func(t *testing.T, p *plugin) {
		var c client
		p.visit(&c, func(v *visit) { v.session()["scalar"] = 456 })
		p.visit(&c, func(v *visit) {
			if got := v.session()["scalar"]; got != 456 {
				t.Errorf("got %v, want 456", got)
			}
		})
	})
}

// That of the ancestor over a B-tree: a counter, a message that is shown once,
// and cleaning.
func TestStoreSuiteOfTheBTree(t *testing.T) {
	eachPlugin(t, func(t *testing.T, p *plugin) {
		var c client
		var ids []string
		for i := range 2 {
			p.visit(&c, func(v *visit) {
				n, _ := v.session()["counter"].(int)
				if n != i {
					t.Errorf("got a counter of %d, want %d", n, i)
				}
				v.session()["counter"] = n + 1
			})
			ids = append(ids, c.id)
		}
		if ids[0] != ids[1] {
			t.Errorf("got the ids %v, want one", ids)
		}
		p.visit(&c, func(v *visit) { v.messages()["text"] = "saved" })
		for _, want := range []any{"saved", nil} {
			p.visit(&c, func(v *visit) {
				if got := v.messages()["text"]; got != want {
					t.Errorf("got the message %v, want %v", got, want)
				}
			})
		}
		p.e.put("user:alice", c.id)
		p.e.clock.Advance(7200 * time.Second)
		if _, err := p.e.DeleteExpired(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.e.wantAbsent("cleaned", "session:"+c.id, "expires:"+c.id)
		p.e.want("cleaned", "user:alice", c.id)
		if n := p.e.tiered.Stats().L3.Records; n != 1 {
			t.Errorf("got %d records, want the user's", n)
		}
	})
}

// The live tests, as far as they are the store's: two users, each with sessions
// of his own, a logout, and an expiry that grows with use.
func TestStoreLiveTwoUsers(t *testing.T) {
	eachPlugin(t, func(t *testing.T, p *plugin) {
		var alice, bob client
		count := func(c *client) (n int) {
			p.visit(c, func(v *visit) {
				n, _ = v.session()["counter"].(int)
				n++
				v.session()["counter"] = n
			})
			return n
		}
		for range 2 {
			count(&alice)
			count(&bob)
		}
		count(&bob)
		if a, b := count(&alice), count(&bob); a != 3 || b != 4 {
			t.Errorf("got counters of %d and %d, want 3 and 4", a, b)
		}
		before, _, _ := p.e.Get(t.Context(), "expires:"+alice.id)
		count(&alice)
		if now, _, _ := p.e.Get(t.Context(), "expires:"+alice.id); now != before {
			t.Errorf("two requests in one second: got %v and %v, want one expiry", before, now)
		}
		p.e.clock.Advance(time.Second)
		count(&alice)
		p.e.want("a second later", "expires:"+alice.id, before.(int64)+1)
		p.visit(&bob, func(v *visit) { v.end("logout") })
		if a, b := count(&alice), count(&bob); a != 6 || b != 1 {
			t.Errorf("after bob's logout: got counters of %d and %d, want 6 and 1", a, b)
		}
	})
}

func TestStoreLiveExpires(t *testing.T) {
	eachPlugin(t, func(t *testing.T, p *plugin) {
		var c client
		p.visit(&c, func(v *visit) { v.session()["a"] = 1 })
		p.visit(&c, func(v *visit) { v.session(); v.live(31_536_000) })
		p.visit(&c, func(v *visit) { v.valid(); p.e.want("in the next request", "expires:"+c.id, p.e.in(31_536_000)) })
		p.e.clock.Advance(31_535_999 * time.Second)
		p.visit(&c, func(v *visit) {
			if !v.valid() {
				t.Error("a second before its end: no session")
			}
		})

		brief, old := &plugin{e: p.e, expires: 1, ids: 1000}, client{}
		brief.visit(&old, func(v *visit) { v.session()["a"] = 1 })
		id := old.id
		p.e.clock.Advance(2 * time.Second)
		brief.visit(&old, func(v *visit) {
			if v.valid() {
				t.Error("two seconds into a session of one: still valid")
			}
			if _, there := v.session()["a"]; there || !v.valid() || old.id == id {
				t.Errorf("got %v under the id %s, want a new session", v.data, old.id)
			}
		})
	})
}

func TestStoreLiveFixation(t *testing.T) {
	eachPlugin(t, func(t *testing.T, p *plugin) {
		const injected = "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef"
		c := client{injected}
		p.visit(&c, func(v *visit) {
			if v.valid() {
				t.Error("an unknown id is a session")
			}
			v.session()["user"] = "alice"
		})
		if c.id == injected {
			t.Error("an unknown id was adopted")
		}
		p.e.wantAbsent("the injected id", "session:"+injected, "expires:"+injected)
		old := c
		p.visit(&c, func(v *visit) { v.session(); v.live(1_000_000); v.changeID() })
		if c == old {
			t.Error("the id is the old one")
		}
		p.visit(&c, func(v *visit) {
			if !v.valid() || v.session()["user"] != "alice" {
				t.Errorf("under the new id: got %v", v.data)
			}
		})
		p.e.want("moved with it", "expires:"+c.id, p.e.in(1_000_000))
		p.visit(&old, func(v *visit) {
			if v.valid() {
				t.Error("the old id is still a session")
			}
		})
	})
}

// Messages that are kept for one request more, and changed ones.
func TestStoreLiveFlash(t *testing.T) {
	eachPlugin(t, func(t *testing.T, p *plugin) {
		var c client
		for i, step := range []struct {
			want any
			do   func(m map[string]any, v *visit)
		}{
			{nil, func(m map[string]any, _ *visit) { m["a"] = 1 }},
			{1, func(m map[string]any, _ *visit) { m["a"] = 2 }},
			{2, func(_ map[string]any, v *visit) { delete(v.old, "a") }}, // kept
			{2, func(m map[string]any, _ *visit) { m["b"] = 1 }},
			{nil, func(map[string]any, *visit) {}},
		} {
			p.visit(&c, func(v *visit) {
				m := v.messages()
				if m["a"] != step.want {
					t.Errorf("request %d: got %v, want %v", i+1, m["a"], step.want)
				}
				step.do(m, v)
			})
		}
		p.e.wantAbsent("at the end", "flash:"+c.id)
	})
}
