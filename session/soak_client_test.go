package session_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/stratakv/strata/session"
)

// soakClient is one person, with what his session has to be.
type soakClient struct {
	site   *soakSite
	number int
	random *rand.Rand
	scene  string
	did    map[string]int
	fault  error // the first; it ends the client
	serial int   // makes values that come once

	cookie string // "": no session
	user   string
	values map[string]string
}

func newSoakClient(site *soakSite, number int) *soakClient {
	return &soakClient{
		site: site, number: number, random: rand.New(rand.NewPCG(uint64(number), 1)),
		did: map[string]int{}, values: map[string]string{},
	}
}

// run plays scenes until ctx ends, and then logs out.
func (c *soakClient) run(ctx context.Context) {
	for ctx.Err() == nil && c.fault == nil {
		scene := soakScenes[c.random.IntN(len(soakScenes))]
		c.scene = scene.name
		scene.play(c)
		if c.did[c.scene]++; c.fault == nil {
			c.quiet("/get", "")
		}
	}
	if c.fault == nil && c.cookie != "" {
		c.scene = "the end"
		c.logout()
	}
}

func (c *soakClient) failf(format string, args ...any) {
	if c.fault == nil {
		c.fault = fmt.Errorf(format, args...)
	}
}

// reply is an answer with what it did to the cookie.
type reply struct {
	page   string
	status int
	soakAnswer
	cookie  string // that was set
	cleared bool
	err     error
}

// ask requests page of one of the servers, with cookie. It may be called at
// once; whoever does judges the reply.
func (c *soakClient) ask(server int, page, query, cookie string) (a reply) {
	a.page = page
	r, err := http.NewRequest("GET", c.site.urls[server]+page+"?"+query, nil)
	if err != nil {
		return reply{err: err}
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookieName+"="+cookie)
	}
	res, err := c.site.client.Do(r)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	c.site.answers.Add(1)
	a.status, a.err = res.StatusCode, err
	for _, line := range res.Header["Set-Cookie"] {
		value, attributes, _ := strings.Cut(strings.TrimPrefix(line, cookieName+"="), ";")
		switch {
		case value == "" && attributes == " Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax" && !a.cleared && a.cookie == "":
			a.cleared = true
		case session.IsID(value) && attributes == " Path=/; HttpOnly; Secure; SameSite=Lax" && !a.cleared && a.cookie == "":
			a.cookie = value
		default:
			a.err = errors.Join(a.err, fmt.Errorf("%s: cookies %q", page, res.Header["Set-Cookie"]))
		}
	}
	switch a.status {
	case http.StatusOK:
		a.err = errors.Join(a.err, json.NewDecoder(bytes.NewReader(body)).Decode(&a.soakAnswer))
	case http.StatusConflict:
		c.site.conflicts.Add(1)
		if a.cookie != "" || a.cleared {
			a.err = errors.Join(a.err, fmt.Errorf("%s: 409 with a cookie", page))
		}
	default:
		a.err = errors.Join(a.err, fmt.Errorf("%s: status %d: %.200s", page, a.status, body))
	}
	return a
}

func (c *soakClient) server() int { return c.random.IntN(len(c.site.urls)) }

// next is a value that comes once.
func (c *soakClient) next() string {
	c.serial++
	return fmt.Sprintf("%d.%d", c.number, c.serial)
}

// check asks for page, wants the session to be what it has to, and keeps the
// cookie. What the page does to the session is in the model already.
func (c *soakClient) check(page, query string) reply {
	a := c.ask(c.server(), page, query, c.cookie)
	c.judge(page, a)
	return a
}

func (c *soakClient) judge(page string, a reply) {
	switch {
	case a.err != nil:
		c.failf("%w", a.err)
	case a.status != http.StatusOK:
		c.failf("%s: got status %d, want 200", page, a.status)
	case a.User != c.user || !maps.Equal(a.Values, c.values):
		c.failf("%s: got %v of %q, want %v of %q", page, a.Values, a.User, c.values, c.user)
	case a.cookie != "":
		c.cookie = a.cookie
	case a.cleared:
		c.cookie = ""
	}
}

// quiet is check of a page that must leave the cookie alone.
func (c *soakClient) quiet(page, query string) reply {
	before := c.cookie
	a := c.check(page, query)
	if c.cookie != before {
		c.failf("%s: the cookie was changed", page)
	}
	return a
}

// fresh is check of a page that must give a new cookie; the old id is returned.
func (c *soakClient) fresh(page, query string) (old string) {
	old = c.cookie
	if a := c.check(page, query); a.cookie == "" || a.cookie == old {
		c.failf("%s: got no new id", page)
	}
	return old
}

// dead wants nothing behind an id.
func (c *soakClient) dead(id string) {
	if id == "" {
		return
	}
	a := c.ask(c.server(), "/get", "", id)
	if a.err != nil || a.status != http.StatusOK || a.User != "" || len(a.Values) != 0 || a.cookie != "" || a.cleared || a.Reason != session.ReasonUnknown {
		c.failf("an old id: got %+v, want nothing", a)
	}
}

// begun makes sure that there is a session.
func (c *soakClient) begun() {
	if c.cookie == "" {
		c.values["k"] = c.next()
		c.fresh("/set", form("key", "k", "value", c.values["k"]))
	}
}

func (c *soakClient) login(user string) {
	c.user = user
	c.dead(c.fresh("/login", form("user", user)))
}

func (c *soakClient) logout() {
	old := c.cookie
	c.ended()
	if a := c.check("/logout", ""); !a.cleared || a.Reason != "logout" {
		c.failf("/logout: got %+v, want the cookie cleared", a)
	}
	c.dead(old)
}

// ended: there is no session any more.
func (c *soakClient) ended() { c.user, c.values = "", map[string]string{} }

func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

// both asks for two pages at once, with the same cookie.
func (c *soakClient) both(one, other string) (a, b reply) {
	server := c.server()
	done := make(chan struct{})
	go func() {
		defer close(done)
		b = c.ask(1-server, other, "", c.cookie)
	}()
	a = c.ask(server, one, "", c.cookie)
	<-done
	return a, b
}

// beside asks for page, if it is not "", beside a set of each key, all with the
// same cookie. It gives the page's reply and those of the sets.
func (c *soakClient) beside(page string, values map[string]string) (main reply, sets map[string]reply) {
	var all sync.WaitGroup
	var mu sync.Mutex
	sets = map[string]reply{}
	first := c.server()
	for key, value := range values {
		first = 1 - first
		server := first
		all.Go(func() {
			a := c.ask(server, "/set", form("key", key, "value", value), c.cookie)
			mu.Lock()
			defer mu.Unlock()
			sets[key] = a
		})
	}
	if page != "" {
		main = c.ask(first, page, "", c.cookie)
	}
	all.Wait()
	return main, sets
}

// late judges sets that ran beside the end of their session's id: each was
// saved before it, and is given in kept, or refused, or came after it and began
// a session of its own, which is ended here.
func (c *soakClient) late(values map[string]string, sets map[string]reply) (kept map[string]string) {
	kept = map[string]string{}
	for key, a := range sets {
		alone := maps.Equal(a.Values, map[string]string{key: values[key]}) && a.User == ""
		switch {
		case a.err != nil:
			c.failf("set: %w", a.err)
		case a.status == http.StatusConflict:
		case a.cookie == "" && a.Values[key] == values[key] && a.User == c.user:
			kept[key] = values[key]
		case a.cookie != "" && a.cookie != c.cookie && alone:
			b := c.ask(c.server(), "/logout", "", a.cookie)
			if b.err != nil || !b.cleared {
				c.failf("ending a session that was begun late: %+v", b)
			}
			c.dead(a.cookie)
		default:
			c.failf("set beside the end: got %+v", a)
		}
	}
	return kept
}

// watch opens a stream that ends with the session, does end, and wants the
// stream to say why.
func (c *soakClient) watch(server int, end func()) {
	r, err := http.NewRequest("GET", c.site.urls[server]+"/watch", nil)
	if err != nil {
		c.failf("%w", err)
		return
	}
	r.Header.Set("Cookie", cookieName+"="+c.cookie)
	res, err := c.site.client.Do(r)
	if err != nil {
		c.failf("%w", err)
		return
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() || lines.Text() != "open" {
		c.failf("/watch: got %q, %v", lines.Text(), lines.Err())
		return
	}
	end()
	if c.fault != nil {
		return
	}
	why := []string{"logout", session.ReasonRevoked}
	if !lines.Scan() || !slices.Contains(why, lines.Text()) {
		c.failf("/watch: got %q, %v, want one of %q", lines.Text(), lines.Err(), why)
	}
}
