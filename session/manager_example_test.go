package session_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/tiered"
)

// A shop: a visitor fills a cart, logs in, and logs out everywhere. The cart
// stays over the login, which gives the session a new id.
func Example() {
	store, err := tiered.OpenMemory(nil) // tiered.Open keeps sessions on disk
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	m, err := session.New(store, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	client, url, end := exampleClient(m.Wrap(m.Require(shop(m))))
	defer end()
	post := func(path string) {
		res, err := client.Post(url+path, "", nil)
		if err != nil || res.Body.Close() != nil || res.StatusCode != http.StatusOK {
			fmt.Println(path, res, err)
		}
	}
	show := func() {
		res, err := client.Get(url)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer res.Body.Close()
		page, _ := io.ReadAll(res.Body)
		fmt.Print(string(page))
	}
	post("/add?item=apple")
	show()
	post("/login?user=alice")
	post("/add?item=pear")
	show()
	post("/logout-everywhere")
	show()
	// Output:
	//  [apple] <nil> <nil>
	// alice [apple pear] <nil> <nil>
	//  [] <nil> <nil>
}

func shop(m *session.Manager) http.Handler {
	cart := session.NewKey[[]string]("cart")
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add", func(w http.ResponseWriter, r *http.Request) {
		items, _, err := cart.Get(r.Context())
		if err == nil {
			err = cart.Set(r.Context(), append(items, r.FormValue("item")))
		}
		if err != nil { // an outage, not an empty cart
			http.Error(w, "try again", http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		// After the password was checked:
		if err := session.From(r.Context()).BindUser(r.FormValue("user")); err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("POST /logout-everywhere", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		user, err := s.User()
		if err == nil {
			err = m.Revoke(r.Context(), user)
		}
		if err == nil {
			err = s.Destroy("logout") // for the cookie
		}
		if err != nil {
			http.Error(w, "you are still logged in", http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		user, err := session.From(r.Context()).User()
		items, _, err2 := cart.Get(r.Context())
		fmt.Fprintln(w, user, items, err, err2)
	})
	return mux
}

// exampleClient is a browser in front of a server with TLS, as the cookie wants
// it.
func exampleClient(h http.Handler) (client *http.Client, url string, end func()) {
	server := httptest.NewTLSServer(h)
	client = server.Client()
	client.Jar, _ = cookiejar.New(nil)
	return client, server.URL, server.Close
}

// A message that the next page shows, once.
func ExampleSession_Flash() {
	store, _ := tiered.OpenMemory(nil)
	defer store.Close()
	m, _ := session.New(store, nil)
	defer m.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("POST /save", func(w http.ResponseWriter, r *http.Request) {
		if err := session.From(r.Context()).Flash("notice", "saved"); err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		notices, err := session.From(r.Context()).Flashes("notice")
		fmt.Fprintln(w, "notices:", notices, err)
	})
	client, url, end := exampleClient(m.Wrap(mux))
	defer end()
	for _, do := range []func() (*http.Response, error){
		func() (*http.Response, error) { return client.Post(url+"/save", "", nil) },
		func() (*http.Response, error) { return client.Get(url) },
	} {
		res, err := do()
		if err != nil {
			fmt.Println(err)
			return
		}
		page, _ := io.ReadAll(res.Body)
		res.Body.Close()
		fmt.Print(string(page))
	}
	// Output:
	// notices: [saved] <nil>
	// notices: [] <nil>
}

// A long answer, or a WebSocket, that ends with the session. With a WebSocket
// library it is the same: ask for Done, upgrade, and close the connection when
// Done is closed.
func ExampleSession_Done() {
	store, _ := tiered.OpenMemory(nil)
	defer store.Close()
	m, _ := session.New(store, nil)
	defer m.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(_ http.ResponseWriter, r *http.Request) {
		_ = session.From(r.Context()).BindUser("alice")
	})
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		done := s.Done()
		fmt.Fprintln(w, "connected")
		w.(http.Flusher).Flush()
		select {
		case <-done:
			fmt.Fprintln(w, "ended:", s.Reason())
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST /logout", func(_ http.ResponseWriter, r *http.Request) {
		_ = session.From(r.Context()).Destroy("logout")
	})
	client, url, end := exampleClient(m.Wrap(mux))
	defer end()
	if _, err := client.Post(url+"/login", "", nil); err != nil {
		fmt.Println(err)
		return
	}
	events, err := client.Get(url + "/events") // returns at the first flush
	if err != nil {
		fmt.Println(err)
		return
	}
	defer events.Body.Close()
	if _, err := client.Post(url+"/logout", "", nil); err != nil {
		fmt.Println(err)
		return
	}
	text, _ := io.ReadAll(events.Body)
	fmt.Print(string(text))
	// Output:
	// connected
	// ended: logout
}

// Sessions of a gRPC server, in the form of an interceptor: the token comes with
// the call's metadata and goes back with the answer's.
func ExampleManager_Load() {
	store, _ := tiered.OpenMemory(nil)
	defer store.Close()
	m, _ := session.New(store, nil)
	defer m.Close()

	type call func(ctx context.Context) (string, error)
	intercept := func(ctx context.Context, token string, next call) (answer, newToken string, err error) {
		s, err := m.Load(ctx, token)
		if err != nil {
			return "", token, err // codes.Unavailable
		}
		if answer, err = next(session.NewContext(ctx, s)); err != nil {
			return "", token, err
		}
		newToken, _, err = m.Commit(ctx, s)
		return answer, newToken, err
	}

	visits := session.NewKey[int]("visits")
	visit := func(ctx context.Context) (string, error) {
		n, _, err := visits.Get(ctx)
		if err != nil {
			return "", err
		}
		return fmt.Sprint("visit ", n+1), visits.Set(ctx, n+1)
	}
	token := ""
	for range 3 {
		answer, newToken, err := intercept(context.Background(), token, visit)
		fmt.Println(answer, len(newToken), err)
		token = newToken
	}
	// Output:
	// visit 1 43 <nil>
	// visit 2 43 <nil>
	// visit 3 43 <nil>
}

// The page on which users see where they are logged in.
func ExampleManager_Sessions() {
	store, _ := tiered.OpenMemory(nil)
	defer store.Close()
	m, _ := session.New(store, nil)
	defer m.Close()

	mux := m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if r.Method == "POST" {
			_ = s.BindUser("alice")
			return
		}
		user, err := s.User()
		if err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		for info, err := range m.Sessions(r.Context(), user) {
			fmt.Fprintln(w, info.Agent, "this one:", info.Current, err)
		}
	}))
	for _, agent := range []string{"phone", "laptop"} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/", nil)
		r.Header.Set("User-Agent", agent)
		mux.ServeHTTP(w, r)
		if agent == "phone" {
			continue
		}
		r = httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", w.Result().Cookies()[0].String())
		w = httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Print(strings.TrimSpace(w.Body.String()), "\n")
	}
	// Unordered output:
	// phone this one: false <nil>
	// laptop this one: true <nil>
}

// Development over plain HTTP, where browsers keep no Secure cookie.
func ExampleCookie() {
	store, _ := tiered.OpenMemory(nil)
	defer store.Close()
	m, err := session.New(store, &session.Options{Transport: session.Cookie{Insecure: true}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	server := httptest.NewServer(m.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = session.From(r.Context()).Set("k", 1)
	})))
	defer server.Close()
	client := &http.Client{}
	client.Jar, _ = cookiejar.New(nil)
	if _, err := client.Get(server.URL); err != nil {
		fmt.Println(err)
		return
	}
	at, _ := url.Parse(server.URL)
	fmt.Println(client.Jar.Cookies(at)[0].Name)
	// Output: session
}
