// Package echotest shows that echo's session middleware works over the gorilla
// adapter. It is a module of its own, so that who uses the adapter does not get
// echo into his build list; nothing imports it.
package echotest

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/labstack/echo-contrib/session"
	"github.com/labstack/echo/v4"
	"github.com/stratakv/strata/adapter/gorilla"
	"github.com/stratakv/strata/tiered"
)

// site is an echo server with three pages. loaded, if there is one, is called by
// /add between loading and saving.
type site struct {
	*echo.Echo
	loaded func()
}

func newSite(t *testing.T) *site {
	t.Helper()
	db, err := tiered.OpenMemory(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	store, err := gorilla.New(db, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{Echo: echo.New()}
	s.Use(session.Middleware(store))
	s.GET("/add/:key", s.add)
	s.GET("/show", s.show)
	s.GET("/logout", s.logout)
	return s
}

func (s *site) add(c echo.Context) error {
	sess, err := session.Get("session", c)
	if err != nil {
		return err
	}
	if s.loaded != nil {
		s.loaded()
	}
	sess.Values[c.Param("key")] = true
	err = sess.Save(c.Request(), c.Response())
	if errors.Is(err, gorilla.ErrRevoked) {
		return c.String(http.StatusConflict, "logged out")
	}
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusOK)
}

func (s *site) show(c echo.Context) error {
	sess, err := session.Get("session", c)
	if err != nil {
		return err
	}
	return c.String(http.StatusOK, fmt.Sprint(sess.Values))
}

func (s *site) logout(c echo.Context) error {
	sess, err := session.Get("session", c)
	if err != nil {
		return err
	}
	sess.Options.MaxAge = -1
	return sess.Save(c.Request(), c.Response())
}

func (s *site) get(path string, cookies []*http.Cookie) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestEcho(t *testing.T) {
	s := newSite(t)
	cookies := s.get("/add/first", nil).Result().Cookies()

	// Two requests that have both loaded before either saves.
	var both, wg sync.WaitGroup
	both.Add(2)
	s.loaded = func() { both.Done(); both.Wait() }
	for _, key := range []string{"a", "b"} {
		wg.Go(func() {
			if w := s.get("/add/"+key, cookies); w.Code != http.StatusOK {
				t.Errorf("got %d, want 200", w.Code)
			}
		})
	}
	wg.Wait()
	if got, want := s.get("/show", cookies).Body.String(), "map[a:true b:true first:true]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s.get("/logout", cookies)
	if got := s.get("/show", cookies).Body.String(); got != "map[]" {
		t.Errorf("got %s after the logout, want nothing", got)
	}
}

// A request that has loaded the session before the logout, and saves after it.
func TestEchoLateSave(t *testing.T) {
	s := newSite(t)
	cookies := s.get("/add/first", nil).Result().Cookies()
	s.loaded = func() { s.get("/logout", cookies) }
	w := s.get("/add/late", cookies)
	if w.Code != http.StatusConflict || len(w.Result().Cookies()) != 0 {
		t.Errorf("got %d and cookies %v, want 409 and none", w.Code, w.Result().Cookies())
	}
	if got := s.get("/show", cookies).Body.String(); got != "map[]" {
		t.Errorf("got %s, want no session", got)
	}
}
