package gorilla_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/gorilla/sessions"
	"github.com/stratakv/strata/adapter/gorilla"
	"github.com/stratakv/strata/tiered"
)

// A login, a page and a logout. A program opens its store with tiered.Open.
func Example() {
	db, err := tiered.OpenMemory(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	store, err := gorilla.New(db, nil)
	if err != nil {
		log.Fatal(err)
	}

	// in wraps a handler that uses the session.
	in := func(do func(w http.ResponseWriter, r *http.Request, s *sessions.Session) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			session, err := store.Get(r, "__Host-session")
			if err == nil {
				err = do(w, r, session)
			}
			if err != nil {
				http.Error(w, "please try again", http.StatusServiceUnavailable)
			}
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/login", in(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) error {
		s.ID = "" // another id from here on: who knew the old one is out
		s.Values["user"] = "alice"
		return s.Save(r, w)
	}))
	mux.Handle("/", in(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) error {
		fmt.Fprintf(w, "user: %v", s.Values["user"])
		return nil
	}))
	mux.Handle("/logout", in(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) error {
		s.Options.MaxAge = -1
		return s.Save(r, w)
	}))

	// A browser, as far as it matters here; it keeps the last cookie.
	var cookie *http.Cookie
	visit := func(path string) {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		if cookie != nil {
			r.AddCookie(cookie)
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Printf("%s %d %q\n", path, w.Code, w.Body)
		if set := w.Result().Cookies(); len(set) > 0 && path != "/logout" {
			cookie = set[0]
		}
	}
	visit("/login")
	visit("/")
	visit("/logout")
	visit("/") // with the cookie of before the logout
	// Output:
	// /login 200 ""
	// / 200 "user: alice"
	// /logout 200 ""
	// / 200 "user: <nil>"
}

// Browser sessions, kept on the server for a day, in an encoding that other
// languages read.
func ExampleOptions() {
	db, err := tiered.OpenMemory(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	store, err := gorilla.New(db, &gorilla.Options{
		Cookie: &sessions.Options{Path: "/", MaxAge: 0, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode},
		Codec:  gorilla.CBOR(),
	})
	if err != nil {
		log.Fatal(err)
	}
	r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
	session, err := store.Get(r, "__Host-session")
	if err != nil {
		log.Fatal(err)
	}
	session.Values["theme"] = "dark"
	fmt.Println(session.Save(r, w), w.Result().Cookies()[0].MaxAge)
	// Output: <nil> 0
}
