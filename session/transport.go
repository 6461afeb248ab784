package session

import (
	"net/http"
	"strings"
	"time"
)

// Transport carries ids between client and server. Implementations are safe for
// concurrent use, and must not call the session that they work for.
type Transport interface {
	// Token gives what r carries, "" if nothing. It need not check it.
	Token(r *http.Request) string
	// Send puts token into an answer's header. maxAge is how long the client is
	// to keep it, 0: until its own session ends.
	Send(h http.Header, token string, maxAge time.Duration)
	// Clear lets the client forget its token.
	Clear(h http.Header)
	// Vary names the request header that Token reads, for answers that depend on
	// it.
	Vary() string
}

// Cookie is the Transport of browsers: a cookie that is Secure, HttpOnly, has
// Path=/, no Domain, and a name that begins with "__Host-", which lets browsers
// refuse it from anywhere else. The zero Cookie is ready.
type Cookie struct {
	// Name is the cookie's name without "__Host-"; "": "session".
	Name string
	// SameSite of the cookie; 0: Lax.
	SameSite http.SameSite
	// Insecure is for development over plain HTTP only: no "__Host-", no Secure.
	Insecure bool
}

// maxCookieAge is what browsers keep a cookie at most.
const maxCookieAge = 400 * 24 * time.Hour

// name is the cookie's name in full.
func (c Cookie) name() string {
	name := c.Name
	if name == "" {
		name = "session"
	}
	if c.Insecure {
		return name
	}
	return "__Host-" + name
}

// Token gives the value of the first cookie of that name that could be an id.
func (c Cookie) Token(r *http.Request) string {
	name := c.name()
	for _, line := range r.Header["Cookie"] {
		for part := range strings.SplitSeq(line, ";") {
			key, token, found := strings.Cut(strings.Trim(part, " \t"), "=")
			if found && key == name && isID(token) {
				return token
			}
		}
	}
	return ""
}

// Send sets the cookie, and tells caches to keep no copy of it.
func (c Cookie) Send(h http.Header, token string, maxAge time.Duration) {
	cookie := c.cookie(token)
	if maxAge > 0 {
		cookie.MaxAge = int((min(maxAge, maxCookieAge) + time.Second - 1) / time.Second)
	}
	c.set(h, cookie)
}

// Clear sets the cookie to one that has expired.
func (c Cookie) Clear(h http.Header) {
	cookie := c.cookie("")
	cookie.MaxAge = -1
	c.set(h, cookie)
}

// Vary is "Cookie".
func (c Cookie) Vary() string { return "Cookie" }

func (c Cookie) cookie(token string) *http.Cookie {
	sameSite := c.SameSite
	if sameSite == 0 {
		sameSite = http.SameSiteLaxMode
	}
	return &http.Cookie{
		Name: c.name(), Value: token, Path: "/",
		Secure: !c.Insecure, HttpOnly: true, SameSite: sameSite,
	}
}

func (c Cookie) set(h http.Header, cookie *http.Cookie) {
	h.Add("Set-Cookie", cookie.String())
	h.Add("Cache-Control", `no-cache="Set-Cookie"`)
}

func (c Cookie) validate() error {
	if strings.HasPrefix(c.Name, "__") {
		return argument("options", "Cookie.Name begins with __")
	}
	if (&http.Cookie{Name: c.name()}).Valid() != nil {
		return argument("options", "Cookie.Name is not a cookie's name")
	}
	if c.SameSite < 0 || c.SameSite > http.SameSiteNoneMode || c.SameSite == http.SameSiteNoneMode && c.Insecure {
		return argument("options", "Cookie.SameSite is unknown, or None without Secure")
	}
	return nil
}

// Header is the Transport of programs: the token in a header of its own, in
// requests and answers alike. The zero Header is ready.
type Header struct {
	// Name is the header's name; "": "Session-Token".
	Name string
}

func (t Header) name() string {
	if t.Name == "" {
		return "Session-Token"
	}
	return http.CanonicalHeaderKey(t.Name)
}

// Token gives the header's value.
func (t Header) Token(r *http.Request) string { return r.Header.Get(t.name()) }

// Send sets the header, and tells caches to keep no copy of the answer. A
// program learns of maxAge from nothing but the session's end.
func (t Header) Send(h http.Header, token string, _ time.Duration) {
	h.Set(t.name(), token)
	h.Set("Cache-Control", "no-store")
}

// Clear sets the header to nothing.
func (t Header) Clear(h http.Header) { t.Send(h, "", 0) }

// Vary is the header's name.
func (t Header) Vary() string { return t.name() }

func (t Header) validate() error {
	for _, c := range []byte(t.name()) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return argument("options", "Header.Name is not a header's name")
		}
	}
	return nil
}
