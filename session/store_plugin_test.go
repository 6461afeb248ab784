package session_test

import (
	"fmt"
	"maps"
)

// plugin does with a Store what the ancestors' session plugin does with theirs:
// it keeps the session's data under session:ID, when it ends under expires:ID,
// and messages for the next request under flash:ID.
type plugin struct {
	e       *storeEnv
	expires int64 // seconds that a session lives after its last use
	ids     int
}

// client is what a browser keeps: the id, or "".
type client struct{ id string }

// visit is one request.
type visit struct {
	p      *plugin
	c      *client
	loaded bool
	data   map[string]any // nil: no session
	flash  map[string]any
	old    map[string]any // flash as it was loaded
	reason string         // why there is no session
}

// visit runs do as one request of c.
func (p *plugin) visit(c *client, do func(v *visit)) {
	p.e.t.Helper()
	v := &visit{p: p, c: c}
	do(v)
	v.finalize()
}

func (v *visit) get(prefix string) (any, bool) {
	v.p.e.t.Helper()
	value, found, err := v.p.e.Get(v.p.e.t.Context(), prefix+":"+v.c.id)
	if err != nil {
		v.p.e.t.Fatal(err)
	}
	return value, found
}

// valid loads the session and reports whether there is one.
func (v *visit) valid() bool {
	v.p.e.t.Helper()
	if v.loaded || v.c.id == "" {
		return v.data != nil
	}
	v.loaded = true
	at, found := v.get("expires")
	if !found || at.(int64) < v.p.e.in(0) {
		v.end("session expired")
		return false
	}
	if data, found := v.get("session"); found {
		v.data = data.(map[string]any)
	}
	return v.data != nil
}

// session is the session's data; it begins one if there is none.
func (v *visit) session() map[string]any {
	v.p.e.t.Helper()
	if !v.valid() {
		if v.c.id == "" {
			v.p.ids++
			v.c.id = fmt.Sprintf("%040x", v.p.ids)
		}
		v.loaded, v.data = true, map[string]any{}
	}
	return v.data
}

// messages is what the request before left, and what this one leaves.
func (v *visit) messages() map[string]any {
	v.p.e.t.Helper()
	v.session()
	if v.flash == nil {
		v.flash = map[string]any{}
		if flash, found := v.get("flash"); found {
			v.flash = flash.(map[string]any)
		}
		v.old = maps.Clone(v.flash)
	}
	return v.flash
}

// end deletes the session.
func (v *visit) end(reason string) {
	v.p.e.t.Helper()
	for _, prefix := range []string{"session:", "expires:", "flash:"} {
		v.p.e.delete(prefix + v.c.id)
	}
	*v.c, v.data, v.flash, v.reason = client{}, nil, nil, reason
}

// live sets how many seconds the session has from now on.
func (v *visit) live(seconds int64) {
	v.p.e.t.Helper()
	v.p.e.put("expires:"+v.c.id, v.p.e.in(seconds))
}

// changeID gives the session another id.
func (v *visit) changeID() {
	v.p.e.t.Helper()
	data := v.session()
	at, timed := v.get("expires")
	old := *v.c
	v.end("")
	v.p.ids++
	v.c.id = fmt.Sprintf("%040x", v.p.ids)
	v.data = data
	if timed {
		v.p.e.put("expires:"+v.c.id, at)
	}
	v.p.e.wantAbsent("the old id", "session:"+old.id, "expires:"+old.id)
}

// finalize stores what the request used, in the ancestors' order.
func (v *visit) finalize() {
	v.p.e.t.Helper()
	if v.data == nil {
		return
	}
	at := v.p.e.in(v.p.expires)
	if stored, found := v.get("expires"); found {
		at = max(at, stored.(int64))
	}
	v.p.e.put("expires:"+v.c.id, at)
	v.p.e.put("session:"+v.c.id, v.data)
	if v.flash == nil {
		return
	}
	for key, was := range v.old {
		if v.flash[key] == was {
			delete(v.flash, key)
		}
	}
	if len(v.flash) == 0 {
		v.p.e.delete("flash:" + v.c.id)
		return
	}
	v.p.e.put("flash:"+v.c.id, v.flash)
}
