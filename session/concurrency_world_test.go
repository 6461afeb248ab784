package session_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stratakv/strata/session"
)

// world is the oracle: which sessions there are after some steps of requests
// that came with one id, by these rules. A request saves all or nothing, at its
// last step.
//
//  1. It comes to the session of the id, or to the one that the id's grace
//     leads to; one step of grace, not two.
//  2. Without one: who sets a value or logs in begins a session of his own. All
//     others do nothing.
//  3. It saves to the session that it came to, whatever id that has by then, as
//     far as one step of grace leads at each look: what it changed is changed,
//     all else stays.
//  4. If that is gone, it is ErrRevoked, but: who only used it does not care;
//     who logs in begins a session, with nothing of the old one; who destroys it
//     ends, by the user's index or one step of grace, the renewed one too.
//  5. Strict: who changed a key that is now other than both what he found and
//     what he made of it is ErrConflict, and nothing is saved.
//  6. A renewal leaves nothing under the id before; with grace that leads on.
//     Who asks for grace and finds the session renewed leaves it at that, and
//     only used it.
//  7. Another user's session is another one.
type world struct {
	strict   bool
	live     map[string]*record // by whose id it has
	moved    map[string]string
	outcomes map[string]outcome // by request
}

// original is the id that the requests came with; each other one is named for
// the request that made it.
const original = "0"

// record is a session.
type record struct {
	values  map[string]string
	user    string
	lineage string // the same while it is one session
	seen    time.Time
}

type outcome struct {
	err error
	id  string // whose id the client has to use from now on, original: the one it used; "": none
}

func newWorld(user string, strict bool) *world {
	rec := &record{values: map[string]string{"k": "base", "old": "base"}, user: user, lineage: original}
	return &world{
		strict: strict, live: map[string]*record{original: rec}, moved: map[string]string{}, outcomes: map[string]outcome{},
	}
}

func (r *record) clone() *record {
	c := *r
	c.values = maps.Clone(r.values)
	return &c
}

func (r *record) String() string {
	if r == nil {
		return "nothing"
	}
	return fmt.Sprintf("%v of %q", r.values, r.user)
}

// leads gives the session that id leads to, nil: none (1).
func (w *world) leads(id string) *record {
	if rec := w.live[id]; rec != nil {
		return rec
	}
	return w.live[w.moved[id]]
}

// seen gives when each of user's sessions was last used, in order.
func (w *world) seen(user string) (times []int64) {
	for _, rec := range w.live {
		if rec.user == user {
			times = append(times, rec.seen.UnixMilli())
		}
	}
	slices.Sort(times)
	return times
}

// step takes note of what r is about to read.
func (w *world) step(r *request) {
	if r.step.call == "change" && r.found != "" {
		r.base, r.baseID = r.base.clone(), r.found
	}
	if r.step.call != "get" || isIndex(r.step.key) {
		return
	}
	first := r.hop == ""
	if first {
		r.hop = original
		if r.baseID != "" {
			r.hop = r.found
		}
	}
	id, to := r.hop, w.moved[r.hop]
	switch {
	case w.live[id] != nil:
		r.hop, r.found, r.renewed = "", id, id != original
		if r.baseID == "" {
			r.base = w.live[id].clone()
		}
	case first && to != "":
		r.hop = to
	default:
		r.hop, r.found = "", ""
	}
}

func isIndex(key string) bool { return strings.HasPrefix(key, "web:u:") }

// save does what r came for; at is when it came to its last step.
func (w *world) save(r *request, at time.Time) {
	out := outcome{id: original}
	now := w.live[r.found]
	switch what := r.asks(); {
	case what == "destroy":
		out.id = ""
		w.destroy(r)
	case r.base == nil || now == nil && (what == "login" || what == "switch"):
		out.id = w.fresh(r, at)
	case now == nil:
		if out.id = ""; what != "touch" {
			out.err = session.ErrRevoked
		}
	case w.strict && r.conflicts(now):
		out = outcome{err: session.ErrConflict}
	default:
		if now.seen.Before(at) {
			now.seen = at
		}
		r.change(now)
		out.id = w.rename(r, now)
	}
	w.outcomes[r.name] = out
}

// asks is what r's deed comes to (3, 6).
func (r *request) asks() string {
	what := r.deed.name
	if r.base == nil {
		return what
	}
	if _, there := r.base.values["k"]; what == "delete k" && !there || what == "grace" && r.renewed {
		return "touch"
	}
	return what
}

// destroy is rules 2 and 4.
func (w *world) destroy(r *request) {
	if r.base == nil {
		return
	}
	delete(w.live, r.found)
	maps.DeleteFunc(w.live, func(_ string, rec *record) bool { return r.base.user != "" && rec.lineage == r.base.lineage })
}

// fresh is a session that r begins, if it does (2, 4).
func (w *world) fresh(r *request, at time.Time) (id string) {
	rec := &record{values: map[string]string{}, seen: at, lineage: r.name}
	r.change(rec)
	if len(rec.values) == 0 && rec.user == "" {
		return ""
	}
	w.live[r.name] = rec
	return r.name
}

// change does to rec what the handler did.
func (r *request) change(rec *record) {
	user := rec.user
	switch r.asks() {
	case "set k":
		rec.values["k"] = r.name
	case "set own":
		rec.values[r.name] = r.name
	case "delete k":
		delete(rec.values, "k")
	case "login":
		user = alice
	case "switch":
		user = carol
	}
	if user != rec.user {
		rec.user, rec.lineage = user, r.name
	}
}

// conflicts is rule 5.
func (r *request) conflicts(now *record) bool {
	mine := r.base.clone()
	r.change(mine)
	k, was, is := mine.values["k"], r.base.values["k"], now.values["k"]
	return k != was && is != was && is != k
}

// rename is rule 6.
func (w *world) rename(r *request, rec *record) (id string) {
	switch r.asks() {
	case "grace":
		w.moved[r.found] = r.name
	case "renew", "login", "switch":
	default:
		return original
	}
	delete(w.live, r.found)
	w.live[r.name] = rec
	return r.name
}
