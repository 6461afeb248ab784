package session_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stratakv/strata/session"
)

// Requests of one session in every order of their steps: each call of the store
// and the handler's change is one. Loading is a call or two, saving one write,
// and three calls or more if it meets another's. world, the oracle, says what
// each order has to lead to.

// deed is what a request does to its session.
type deed struct {
	name string
	do   func(s *session.Session, who string) error
}

var deeds = []deed{
	{"set k", func(s *session.Session, who string) error { return s.Set("k", who) }},
	{"set own", func(s *session.Session, who string) error { return s.Set(who, who) }},
	{"delete k", func(s *session.Session, _ string) error { return s.Delete("k") }},
	{"destroy", func(s *session.Session, _ string) error { return s.Destroy("logout") }},
	{"renew", func(s *session.Session, _ string) error { return s.Renew() }},
	{"grace", func(s *session.Session, _ string) error { return s.RenewGrace(time.Minute) }},
	{"touch", func(*session.Session, string) error { return nil }},
	{"login", func(s *session.Session, _ string) error { return s.BindUser(alice) }},
	{"switch", func(s *session.Session, _ string) error { return s.BindUser(carol) }},
}

const alice, carol = "alice", "carol"

func deedsNamed(names ...string) (some []deed) {
	for _, d := range deeds {
		if slices.Contains(names, d.name) {
			some = append(some, d)
		}
	}
	return some
}

// request is one of those that run at once.
type request struct {
	name  string
	deed  deed
	next  func() (step, bool) // goes on to the next step
	step  step                // that comes next
	at    time.Time           // when it came to it
	over  bool
	token string // of Commit, like err
	err   error

	// The oracle's part.
	base    *record // what it loaded; nil: no session
	baseID  string  // under this id
	found   string  // the id that it last found the session under; "": it was gone
	renewed bool    // when it last found it, that was another id
	hop     string  // the id that the read under way asks for next
}

func newRequest(name string, d deed) *request { return &request{name: name, deed: d} }

// begin runs r up to its first step.
func (r *request) begin(ctx context.Context, m *session.Manager, token string) {
	r.next, _ = iter.Pull(func(yield func(step) bool) {
		ctx := context.WithValue(ctx, pauseKey{}, func(s step) { yield(s) })
		s, err := m.Load(ctx, token)
		if err != nil {
			r.err = err
			return
		}
		yield(step{call: "change"})
		if r.err = r.deed.do(s, r.name); r.err == nil {
			r.token, _, r.err = m.Commit(ctx, s)
		}
	})
}

func (r *request) advance(now time.Time) {
	var more bool
	r.step, more = r.next()
	r.at, r.over = now, !more
}

// contest is requests on one session and what they have to lead to.
type contest struct {
	e      *env
	m      *session.Manager
	strict bool
	user   string // of the session that they find
	coarse bool   // loading and the handler's change are one step
}

func newContest(t testing.TB, mode session.Mode, user string, under func(session.Records) session.Records) *contest {
	e := newEnv(t, session.Options{Touch: -1})
	records := stepping{e.store}
	if under != nil {
		records.Records = under(e.store)
	}
	m, err := session.NewOver(records, &session.Options{Touch: -1, WatchEvery: -1, Mode: mode})
	if err != nil {
		t.Fatal(err)
	}
	return &contest{e: e, m: m, strict: mode == session.Strict, user: user}
}

// run lets requests with these deeds take their steps in the order that choose
// gives, and says what came out other than the oracle says.
func (c *contest) run(choose func(n int) int, some ...deed) error {
	token := c.e.begin(c.user)
	w := newWorld(c.user, c.strict)
	var all, waiting []*request
	for i, d := range some {
		r := newRequest(string(rune('A'+i)), d)
		r.begin(c.e.t.Context(), c.m, token)
		r.advance(c.e.clock.Wall())
		all = append(all, r)
	}
	var trace strings.Builder
	for waiting = slices.Clone(all); len(waiting) > 0; {
		i := choose(len(waiting))
		r := waiting[i]
		fmt.Fprintf(&trace, " %s:%s", r.name, r.step.call)
		c.e.pass(time.Second)
		w.step(r)
		before := r.at
		r.advance(c.e.clock.Wall())
		if c.coarse && r.step.call == "change" {
			w.step(r)
			r.advance(c.e.clock.Wall())
		}
		if r.over {
			waiting = slices.Delete(waiting, i, i+1)
			w.save(r, before)
		}
	}
	err := c.judge(w, token, all)
	if _, wipe := c.e.store.whole.DeletePrefix(c.e.t.Context(), ""); wipe != nil {
		c.e.t.Fatal(wipe)
	}
	if err != nil {
		var names []string
		for _, r := range all {
			names = append(names, r.name+": "+r.deed.name)
		}
		return fmt.Errorf("user %q, %s, in the order%s: %w", c.user, strings.Join(names, ", "), trace.String(), err)
	}
	return nil
}

// judge compares what came out with w.
func (c *contest) judge(w *world, token string, all []*request) error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	tokens := map[string]string{original: token}
	for _, r := range all {
		want := w.outcomes[r.name]
		if !errors.Is(r.err, want.err) || want.err == nil && r.err != nil {
			fault("%s: got error %v, want %v", r.name, r.err, want.err)
		}
		if want.id == r.name && r.token != token && r.token != "" {
			tokens[r.name] = r.token
		} else if given := map[bool]string{true: "", false: token}[want.id == ""]; r.token != given {
			fault("%s: got a token (%v, its own %v), want the one of %q", r.name, r.token != "", r.token != token, want.id)
		}
	}
	for id, token := range tokens {
		if got, want := c.content(token), w.leads(id).String(); got != want {
			fault("id of %s: leads to %s, want %s", id, got, want)
		}
	}
	for _, user := range []string{alice, carol} {
		if got, want := c.e.seen(user), w.seen(user); !slices.Equal(got, want) {
			fault("%s's sessions: last seen at %v, want %v", user, got, want)
		}
	}
	entries := 0
	for _, key := range c.e.store.keys(c.e.t) {
		if isIndex(key) {
			entries++
		}
	}
	count, err := c.e.m.Count(c.e.t.Context())
	if bound := len(w.seen(alice)) + len(w.seen(carol)); count != len(w.live) || entries != bound || err != nil {
		fault("%d sessions and %d index entries, %v, want %d and %d", count, entries, err, len(w.live), bound)
	}
	return errors.Join(faults...)
}

// content is what token leads to, as record.String has it.
func (c *contest) content(token string) string {
	s := c.e.load(token)
	keys, err := s.Keys()
	rec := &record{values: map[string]string{}}
	for _, key := range keys {
		v, _, e := s.Get(key)
		rec.values[key], err = fmt.Sprint(v), errors.Join(err, e)
	}
	user, e := s.User()
	if rec.user = user; errors.Join(err, e) != nil {
		c.e.t.Fatal(err, e)
	}
	if len(keys) == 0 && user == "" {
		return "nothing"
	}
	return rec.String()
}

// seen gives when each of user's sessions was last used, in order.
func (e *env) seen(user string) (times []int64) {
	for _, info := range e.infos(user) {
		times = append(times, info.LastSeen.UnixMilli())
		if want := info.LastSeen.Add(30 * time.Minute); !info.Expires.Equal(want) {
			e.t.Errorf("last seen at %v, expires at %v, want %v", info.LastSeen, info.Expires, want)
		}
	}
	slices.Sort(times)
	return times
}

// every runs every group of n of some in every order, and fails t where an
// outcome is not the oracle's. Each group has at least least orders.
func (c *contest) every(t *testing.T, some []deed, n, least int) (runs int) {
	t.Helper()
	for g := range everyGroup(some, n) {
		orders, err := everyOrder(func(choose func(int) int) error { return c.run(choose, g...) })
		if err != nil {
			t.Error(err)
		} else if orders < least {
			t.Errorf("%v: got %d orders, want at least %d", g, orders, least)
		}
		runs += orders
	}
	return runs
}

// Load, change and save of one beside load, change and save of the other: 20
// orders of each pair.
func TestEveryInterleavingOfTwoRequests(t *testing.T) {
	runs := 0
	for _, user := range []string{"", alice} {
		for _, mode := range []session.Mode{session.Merge, session.Strict} {
			runs += newContest(t, mode, user, nil).every(t, deeds, 2, 20)
		}
	}
	t.Logf("%d orders", runs)
}

// With three, a request that has met another's change can meet the third's
// before it has saved.
func TestEveryInterleavingOfThreeRequests(t *testing.T) {
	some, users := deedsNamed("set k", "destroy", "renew", "grace", "touch", "login"), []string{"", alice} // all nine: 20 s
	if testing.Short() {
		some, users = deedsNamed("set k", "destroy", "grace"), []string{alice}
	}
	runs := 0
	for _, user := range users {
		c := newContest(t, session.Merge, user, nil)
		c.coarse = true
		runs += c.every(t, some, 3, 20)
	}
	t.Logf("%d orders", runs)
}
