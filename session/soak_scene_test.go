package session_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/stratakv/strata/session"
)

// soakScenes are what the clients of the soak do; after each the session is
// read once more, and must be what it has to be.
var soakScenes = [...]struct {
	name string
	play func(c *soakClient)
}{
	{"set", playSet},
	{"delete", playDelete},
	{"sets of other keys at once", playBurst},
	{"sets of the same key at once", playSameKey},
	{"login", playLogin},
	{"renewal", playRenewal},
	{"renewal with grace", playGrace},
	{"renewal beside sets", playRenewalBesideSets},
	{"renewal with grace beside sets", playGraceBesideSets},
	{"logout", playLogout},
	{"logout beside sets", playLogoutBesideSets},
	{"logout beside a renewal", playLogoutBesideRenewal},
	{"logout everywhere", playRevoke},
	{"logout everywhere beside a renewal", playRevokeBesideRenewal},
	{"logout beside an open stream", playWatch},
	{"flash", playFlash},
	{"a guessed id", playGuess},
}

func playSet(c *soakClient) {
	c.begun()
	key := fmt.Sprint("key", c.random.IntN(5))
	c.values[key] = c.next()
	c.quiet("/set", form("key", key, "value", c.values[key]))
}

func playDelete(c *soakClient) {
	c.begun()
	for key := range c.values {
		delete(c.values, key)
		c.quiet("/delete", form("key", key))
		return
	}
}

// some gives new values for n keys.
func (c *soakClient) some(n int) map[string]string {
	values := map[string]string{}
	for i := range n {
		values[fmt.Sprint("burst", i)] = c.next()
	}
	return values
}

func playBurst(c *soakClient) {
	c.begun()
	values := c.some(4)
	_, sets := c.beside("", values)
	for key, a := range sets {
		if a.err != nil || a.status != http.StatusOK || a.cookie != "" || a.cleared || a.Values[key] != values[key] {
			c.failf("set of %s: got %+v", key, a)
		}
	}
	maps.Copy(c.values, values)
}

func playSameKey(c *soakClient) {
	c.begun()
	var tried []string
	for range 2 {
		tried = append(tried, c.next())
	}
	done := make(chan reply)
	for server, value := range tried {
		go func() { done <- c.ask(server, "/set", form("key", "same", "value", value), c.cookie) }()
	}
	for range tried {
		if a := <-done; a.err != nil || a.status != http.StatusOK || a.cookie != "" || a.cleared {
			c.failf("set: got %+v", a)
		}
	}
	a := c.ask(c.server(), "/get", "", c.cookie)
	if c.values["same"] = a.Values["same"]; !slices.Contains(tried, a.Values["same"]) {
		c.failf("got %q, want one of %q", a.Values["same"], tried)
	}
}

func playLogin(c *soakClient) { c.login(fmt.Sprintf("user %d.%d", c.number, c.random.IntN(2))) }

func playRenewal(c *soakClient) {
	c.begun()
	c.dead(c.fresh("/renew", ""))
}

func playGrace(c *soakClient) {
	c.begun()
	old := c.fresh("/grace", "")
	c.values["grace"] = c.next()
	a := c.ask(c.server(), "/set", form("key", "grace", "value", c.values["grace"]), old)
	before := c.cookie
	if c.judge("/set in the grace", a); c.cookie != before {
		c.failf("a cookie for an old id")
	}
	c.dead(c.fresh("/renew", "")) // takes the grace away
	c.dead(old)
}

func playRenewalBesideSets(c *soakClient) {
	c.begun()
	values := c.some(3)
	main, sets := c.beside("/renew", values)
	kept := c.late(values, sets)
	if main.status == http.StatusConflict {
		c.failf("the renewal was refused: %+v", main)
		return
	}
	maps.Copy(c.values, kept)
	c.renewed(main)
}

func playGraceBesideSets(c *soakClient) {
	c.begun()
	values := c.some(3)
	main, sets := c.beside("/grace", values)
	for key, a := range sets {
		if a.err != nil || a.status != http.StatusOK || a.cookie != "" || a.cleared {
			c.failf("set of %s: got %+v", key, a)
		}
	}
	maps.Copy(c.values, values)
	c.renewed(main)
}

// renewed takes the new id that main gave.
func (c *soakClient) renewed(main reply) {
	if main.err != nil || main.status != http.StatusOK || main.cookie == "" || main.cookie == c.cookie {
		c.failf("the renewal: got %+v, want a new id", main)
		return
	}
	c.cookie = main.cookie
}

func playLogout(c *soakClient) {
	c.begun()
	c.logout()
}

func playLogoutBesideSets(c *soakClient) {
	playLogin(c) // an anonymous one would do as well, but for the index
	values := c.some(3)
	old := c.cookie
	main, sets := c.beside("/logout", values)
	c.late(values, sets)
	if main.err != nil || main.status != http.StatusOK || !main.cleared {
		c.failf("the logout: got %+v", main)
	}
	c.ended()
	c.cookie = ""
	c.dead(old)
}

func playLogoutBesideRenewal(c *soakClient) { c.besideRenewal("/logout") }

func playRevokeBesideRenewal(c *soakClient) { c.besideRenewal("/revoke") }

// besideRenewal ends a user's session by page, while it is given a new id. If
// page found the session, that id is dead too.
func (c *soakClient) besideRenewal(page string) {
	playLogin(c)
	end, renewal := c.both(page, []string{"/renew", "/grace"}[c.random.IntN(2)])
	if end.err != nil || end.status != http.StatusOK || renewal.err != nil || renewal.cleared {
		c.failf("%s: got %+v, and the renewal %+v", page, end, renewal)
		return
	}
	if end.User == "" && end.Reason != "logout" { // the renewal came before it
		c.renewed(renewal)
		return
	}
	c.dead(c.cookie)
	c.dead(renewal.cookie)
	c.ended()
	c.cookie = ""
}

func playRevoke(c *soakClient) {
	playLogin(c)
	other := newSoakClient(c.site, c.number)
	other.login(c.user)
	old := other.cookie
	a := c.ask(c.server(), "/revoke", "", c.cookie)
	if a.err != nil || a.status != http.StatusOK || a.cookie != "" {
		c.failf("/revoke: got %+v", a)
	}
	c.dead(old)
	c.dead(c.cookie)
	c.ended()
	c.cookie = ""
	if other.fault != nil {
		c.failf("the other device: %w", other.fault)
	}
}

func playWatch(c *soakClient) {
	c.begun()
	c.watch(c.server(), c.logout)
}

func playFlash(c *soakClient) {
	c.begun()
	want := []string{c.next(), c.next()}
	for _, value := range want {
		c.quiet("/flash", form("value", value))
	}
	for _, want := range [][]string{want, nil} {
		if got := c.quiet("/flashes", "").Flashes; !slices.Equal(got, want) {
			c.failf("flashes: got %q, want %q", got, want)
		}
	}
}

func playGuess(c *soakClient) {
	c.dead(session.NewID())
}
