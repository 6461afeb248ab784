// Command peer is the Go server of the test in which users move between it and a
// worker: `peer make FILE` logs a user in, prints the cookie and writes a
// snapshot; `peer check FILE COOKIE` takes a snapshot and prints what it finds.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/wasm/snapshot"
)

// cart is a value with a type of its own.
type cart struct {
	Items []string `json:"items"`
	Total float64  `json:"total"`
}

var (
	carts  = session.NewKey[cart]("cart")
	visits = session.NewKey[int]("visits")
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	store, err := tiered.OpenMemory(nil)
	if err != nil {
		return err
	}
	defer store.Close()
	m, err := session.New(store, nil)
	if err != nil {
		return err
	}
	defer m.Close()
	switch {
	case len(args) == 2 && args[0] == "make":
		return logIn(store, m, args[1])
	case len(args) == 3 && args[0] == "check":
		return check(store, m, args[1], args[2])
	}
	return fmt.Errorf("usage: peer make FILE, peer check FILE COOKIE")
}

// ask answers a request with the cookie by handler and returns the response.
func ask(m *session.Manager, cookie string, handler func(r *http.Request) error) (*http.Response, error) {
	var failed error
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "https://example.com/", nil)
	r.Header.Set("User-Agent", "peer")
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	m.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { failed = handler(r) })).ServeHTTP(w, r)
	return w.Result(), failed
}

func logIn(store *tiered.Store, m *session.Manager, file string) error {
	res, err := ask(m, "", func(r *http.Request) error {
		s := session.From(r.Context())
		err := s.BindUser("alice")
		if err == nil {
			err = carts.Set(r.Context(), cart{Items: []string{"tea", "milk"}, Total: 4.25})
		}
		if err == nil {
			err = visits.Set(r.Context(), 41)
		}
		if err == nil {
			err = s.Flash("note", "welcome")
		}
		return err
	})
	if err != nil {
		return err
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := snapshot.Export(context.Background(), store, out, nil); err != nil {
		return err
	}
	for _, c := range res.Cookies() {
		fmt.Printf("%s=%s\n", c.Name, c.Value)
	}
	return out.Sync()
}

func check(store *tiered.Store, m *session.Manager, file, cookie string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	if _, err := snapshot.Import(context.Background(), store, in, nil); err != nil {
		return err
	}
	found := struct {
		User    string `json:"user"`
		Cart    cart   `json:"cart"`
		Visits  int    `json:"visits"`
		Flashes []any  `json:"flashes"`
		Devices int    `json:"devices"`
	}{}
	_, err = ask(m, cookie, func(r *http.Request) (err error) {
		s := session.From(r.Context())
		found.User, err = s.User()
		if err == nil {
			found.Cart, _, err = carts.Get(r.Context())
		}
		if err == nil {
			found.Visits, _, err = visits.Get(r.Context())
		}
		if err == nil {
			found.Flashes, err = s.Flashes("note")
		}
		return err
	})
	if err != nil {
		return err
	}
	if found.Devices, err = m.Count(context.Background(), "alice"); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}
