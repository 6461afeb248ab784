package compat

import (
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	scslib "github.com/alexedwards/scs/v2"

	"github.com/stratakv/strata/adapter/scs"
	"github.com/stratakv/strata/tiered"
)

// shop is a program whose sessions are scs's, kept by store.
func shop(manager *scslib.SessionManager, store *scs.Store) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/cart", func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if manager.Token(ctx) == "" { // a stranger's first request, or a bot's only one
			manager.SetDeadline(ctx, time.Now().Add(10*time.Minute))
		}
		manager.Put(ctx, "cart", manager.GetInt(ctx, "cart")+1)
		fmt.Fprintf(w, "%d articles", manager.GetInt(ctx, "cart"))
	})
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if err := manager.RenewToken(ctx); err != nil { // and the lifetime begins anew
			http.Error(w, "try again later", http.StatusServiceUnavailable)
			return
		}
		manager.Put(ctx, "user", "alice")
		fmt.Fprintf(w, "%s, %d articles", manager.GetString(ctx, "user"), manager.GetInt(ctx, "cart"))
	})
	mux.HandleFunc("/logout", func(w http.ResponseWriter, r *http.Request) {
		if err := manager.Destroy(r.Context()); err != nil {
			http.Error(w, "try again later", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, "good bye")
	})

	manager.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) {
		if errors.Is(err, scs.ErrRevoked) {
			return // another request logged out, or in: the answer stands, without a cookie
		}
		log.Print(err)
		http.Error(w, "try again later", http.StatusServiceUnavailable)
	}
	return store.Wrap(manager.LoadAndSave(mux))
}

// A program with scs's sessions on strata.
func Example_scs() {
	db, err := tiered.OpenMemory(nil) // a program opens tiered.Open("/var/lib/shop/strata", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	store := scs.New(db, nil)
	manager := scslib.New()
	manager.Store = store
	manager.IdleTimeout = 30 * time.Minute
	manager.Cookie.Name = "__Host-session"
	manager.Cookie.Secure = true

	visit := client(shop(manager, store))
	visit("/cart")
	visit("/cart")
	visit("/login")
	visit("/cart")
	visit("/logout")
	visit("/cart")
	// Output:
	// /cart: 1 articles
	// /cart: 2 articles
	// /login: alice, 2 articles
	// /cart: 3 articles
	// /logout: good bye
	// /cart: 1 articles
}

// client gives a browser, as far as it matters here.
func client(h http.Handler) (visit func(path string)) {
	cookies := map[string]*http.Cookie{}
	return func(path string) {
		r, w := httptest.NewRequest(http.MethodGet, path, nil), httptest.NewRecorder()
		for _, c := range cookies {
			r.AddCookie(c)
		}
		h.ServeHTTP(w, r)
		fmt.Printf("%s: %s\n", path, strings.TrimSpace(w.Body.String()))
		for _, c := range w.Result().Cookies() {
			cookies[c.Name] = c
			if c.MaxAge < 0 {
				delete(cookies, c.Name)
			}
		}
	}
}
