package gin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/tester"
	"github.com/gin-gonic/gin"
	stratagin "github.com/stratakv/strata/adapter/gin"
	"github.com/stratakv/strata/adapter/gorilla"
	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	os.Exit(m.Run())
}

// site is a router whose handlers are set by each test.
type site struct {
	*gin.Engine
	t     *testing.T
	store *stratagin.Store
	db    *tiered.Store
	clock *storetest.Clock
}

func newSite(t *testing.T, opts *gorilla.Options) *site {
	t.Helper()
	s := &site{Engine: gin.New(), t: t, clock: storetest.NewClock()}
	var err error
	if s.db, err = tiered.OpenMemory(&tiered.Options{Clock: s.clock}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.db.Close() })
	if s.store, err = stratagin.New(s.db, opts); err != nil {
		t.Fatal(err)
	}
	s.Use(sessions.Sessions("session", s.store))
	return s
}

// page makes path do something with the session; an error is a 500.
func (s *site) page(path string, do func(sessions.Session) error) {
	s.GET(path, func(c *gin.Context) {
		if err := do(sessions.Default(c)); err != nil {
			status := http.StatusInternalServerError
			if errors.Is(err, gorilla.ErrRevoked) {
				status = http.StatusConflict
			}
			c.String(status, err.Error())
		}
	})
}

func (s *site) visit(path string, cookies []*http.Cookie) *http.Response {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

// set is a page's work: key is stored.
func set(key string) func(sessions.Session) error {
	return func(s sessions.Session) error {
		s.Set(key, true)
		return s.Save()
	}
}

func (s *site) records() int {
	s.t.Helper()
	n := 0
	for _, err := range s.db.Scan(context.Background(), "") {
		if err != nil {
			s.t.Fatal(err)
		}
		n++
	}
	return n
}

func TestSuiteOfGinContrib(t *testing.T) {
	factory := func(t *testing.T) sessions.Store { return newSite(t, nil).store }
	t.Run("GetSet", func(t *testing.T) { tester.GetSet(t, factory) })
	t.Run("DeleteKey", func(t *testing.T) { tester.DeleteKey(t, factory) })
	t.Run("Flashes", func(t *testing.T) { tester.Flashes(t, factory) })
	t.Run("Clear", func(t *testing.T) { tester.Clear(t, factory) })
	t.Run("Options", func(t *testing.T) { tester.Options(t, factory) })
	t.Run("Many", func(t *testing.T) { tester.Many(t, factory) })
}

func TestStoreOptions(t *testing.T) {
	s := newSite(t, &gorilla.Options{BrowserTTL: time.Minute})
	s.page("/set", set("k"))
	c := s.visit("/set", nil).Cookies()[0]
	if !c.Secure || !c.HttpOnly || c.MaxAge == 0 || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("got %v, want the adapter's defaults", c)
	}
	s.store.Options(sessions.Options{Path: "/shop", Domain: "example.org", SameSite: http.SameSiteStrictMode})
	res := s.visit("/set", nil)
	c = res.Cookies()[0]
	if c.Path != "/shop" || c.Domain != "example.org" || c.SameSite != http.SameSiteStrictMode || c.Secure || c.HttpOnly {
		t.Errorf("got %v, want the new options alone", c)
	}
	if line := res.Header.Get("Set-Cookie"); strings.Contains(line, "Max-Age") {
		t.Errorf("got %q, want no Max-Age", line)
	}
	s.page("/there", func(s sessions.Session) error {
		if s.Get("k") == nil {
			return errors.New("no session")
		}
		return nil
	})
	cookies := []*http.Cookie{c}
	s.clock.Advance(time.Minute - time.Millisecond)
	if res := s.visit("/there", cookies); res.StatusCode != http.StatusOK {
		t.Errorf("got %s before BrowserTTL, want the session", res.Status)
	}
	s.clock.Advance(time.Millisecond)
	if res := s.visit("/there", cookies); res.StatusCode == http.StatusOK {
		t.Error("the session outlived BrowserTTL")
	}
}

func TestSessionOptions(t *testing.T) {
	s := newSite(t, nil)
	s.page("/set", set("k"))
	s.page("/short", func(s sessions.Session) error {
		s.Options(sessions.Options{Path: "/a", MaxAge: 10})
		return s.Save()
	})
	s.page("/logout", func(s sessions.Session) error {
		s.Options(sessions.Options{Path: "/", MaxAge: -1})
		return s.Save()
	})
	cookies := s.visit("/set", nil).Cookies()
	if c := s.visit("/short", cookies).Cookies()[0]; c.Path != "/a" || c.MaxAge != 10 || c.Secure {
		t.Errorf("got %v, want the session's own options", c)
	}
	if c := s.visit("/set", nil).Cookies()[0]; c.Path != "/" || !c.Secure {
		t.Errorf("got %v, want the store's options in another session", c)
	}
	s.clock.Advance(10 * time.Second)
	if s.records() != 1 {
		t.Errorf("got %d records, want the other session's alone", s.records())
	}
	cookies = s.visit("/set", nil).Cookies()
	if c := s.visit("/logout", cookies).Cookies()[0]; c.MaxAge >= 0 || c.Value != "" || s.records() != 1 {
		t.Errorf("got cookie %v and %d records, want both gone", c, s.records())
	}
}

func TestClearIsNoLogout(t *testing.T) {
	s := newSite(t, nil)
	s.page("/set", set("k"))
	s.page("/clear", func(s sessions.Session) error {
		s.Clear()
		return s.Save()
	})
	cookies := s.visit("/set", nil).Cookies()
	if got := s.visit("/clear", cookies).Cookies()[0].Value; got != cookies[0].Value || s.records() != 1 {
		t.Errorf("got another id or %d records, want the same session, empty", s.records())
	}
}

func TestReadingStoresNothing(t *testing.T) {
	s := newSite(t, nil)
	s.page("/set", set("k"))
	s.page("/read", func(s sessions.Session) error {
		s.Get("k")
		return s.Save()
	})
	ops := s.db.Stats().L3.Ops
	if res := s.visit("/read", nil); len(res.Cookies()) != 0 || s.db.Stats().L3.Ops != ops {
		t.Error("reading without a session made one")
	}
	cookies := s.visit("/set", nil).Cookies()
	ops = s.db.Stats().L3.Ops
	if res := s.visit("/read", cookies); len(res.Cookies()) != 0 || s.db.Stats().L3.Ops != ops {
		t.Error("reading wrote the session")
	}
}

func TestDisjointKeysSurvive(t *testing.T) {
	s := newSite(t, nil)
	var loaded sync.WaitGroup
	loaded.Add(2)
	s.page("/set", set("first"))
	for _, key := range []string{"a", "b"} {
		s.page("/"+key, func(session sessions.Session) error {
			session.Get(key) // loads it
			loaded.Done()
			loaded.Wait()
			return set(key)(session)
		})
	}
	s.page("/all", func(s sessions.Session) error {
		if s.Get("first") == nil || s.Get("a") == nil || s.Get("b") == nil {
			return errors.New("a key is lost")
		}
		return nil
	})
	cookies := s.visit("/set", nil).Cookies()
	var wg sync.WaitGroup
	for _, path := range []string{"/a", "/b"} {
		wg.Go(func() {
			if res := s.visit(path, cookies); res.StatusCode != http.StatusOK {
				t.Errorf("%s: got %s, want 200", path, res.Status)
			}
		})
	}
	wg.Wait()
	if res := s.visit("/all", cookies); res.StatusCode != http.StatusOK {
		t.Error("one request lost the other's key")
	}
}

func TestLateSaveDoesNotResurrect(t *testing.T) {
	s := newSite(t, nil)
	s.page("/set", set("k"))
	s.page("/logout", func(s sessions.Session) error {
		s.Options(sessions.Options{Path: "/", MaxAge: -1})
		return s.Save()
	})
	cookies := s.visit("/set", nil).Cookies()
	s.page("/late", func(session sessions.Session) error {
		session.Get("k") // loads it
		s.visit("/logout", cookies)
		return set("late")(session)
	})
	res := s.visit("/late", cookies)
	if res.StatusCode != http.StatusConflict || len(res.Cookies()) != 0 || s.records() != 0 {
		t.Errorf("got %s, %v and %d records; want 409, no cookie, no record", res.Status, res.Cookies(), s.records())
	}
}

// The store is closed under gin: the handler gets an empty session, and Save
// says why it does not store it.
func TestOutageIsNoLogout(t *testing.T) {
	s := newSite(t, nil)
	s.page("/set", set("k"))
	cookies := s.visit("/set", nil).Cookies()
	s.db.Close()
	res := s.visit("/set", cookies)
	if res.StatusCode != http.StatusInternalServerError || len(res.Cookies()) != 0 {
		t.Errorf("got %s and cookies %v, want 500 and none", res.Status, res.Cookies())
	}
}

func TestNewPassesOptionsOn(t *testing.T) {
	if _, err := stratagin.New(nil, &gorilla.Options{BrowserTTL: -1}); err == nil {
		t.Error("got no error for a negative BrowserTTL")
	}
}
