package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/tiered"
)

const (
	soakEnv     = "STRATA_SESSION_SOAK" // how long the soak takes, as "30s"
	soakDefault = 5 * time.Second
	soakClients = 64
)

// Sixty-four people use two servers over one store with files, each for himself
// and some of them with several requests at once. Every answer is judged.
func TestSoak(t *testing.T) {
	length := soakDefault
	if text := os.Getenv(soakEnv); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatalf("%s: %v", soakEnv, err)
		}
	}
	site := newSoakSite(t)
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var all sync.WaitGroup
	clients := make([]*soakClient, soakClients)
	for i := range clients {
		clients[i] = newSoakClient(site, i)
		all.Go(func() { clients[i].run(ctx) })
	}
	all.Wait()
	did := map[string]int{}
	for _, c := range clients {
		if c.fault != nil {
			t.Errorf("client %d, scene %q: %v", c.number, c.scene, c.fault)
		}
		for scene, n := range c.did {
			did[scene] += n
		}
	}
	for _, scene := range soakScenes {
		if did[scene.name] == 0 {
			t.Errorf("scene %q was never played", scene.name)
		}
		t.Logf("%6d × %s", did[scene.name], scene.name)
	}
	t.Logf("%d answers in %v, %d of them 409", site.answers.Load(), length, site.conflicts.Load())
	if !t.Failed() {
		site.checkEmpty()
	}
	if log := site.log.String(); log != "" {
		t.Errorf("got log %.2000q, want none", log)
	}
}

// soakSite is two servers over one store.
type soakSite struct {
	t        *testing.T
	store    *tiered.Store
	managers [2]*session.Manager
	urls     [2]string
	client   *http.Client
	log      *lines

	answers, conflicts atomic.Int64 // written by the clients
}

func newSoakSite(t *testing.T) *soakSite {
	store, err := tiered.Open(t.TempDir(), &tiered.Options{SharedDir: t.TempDir(), L2Bytes: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	site := &soakSite{t: t, store: store, log: new(lines)}
	site.client = &http.Client{
		Timeout:   time.Minute,
		Transport: &http.Transport{MaxIdleConnsPerHost: 8 * soakClients},
	}
	t.Cleanup(func() {
		site.client.CloseIdleConnections()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	for i := range site.managers {
		m, err := session.New(store, &session.Options{
			WatchEvery: 10 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(site.log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(m.Wrap(soakHandler(m)))
		t.Cleanup(func() {
			server.Close()
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		})
		site.managers[i], site.urls[i] = m, server.URL
	}
	return site
}

// checkEmpty wants no record to be left: every client has logged out.
func (site *soakSite) checkEmpty() {
	for it, err := range site.store.Scan(context.Background(), "") {
		if err != nil {
			site.t.Fatal(err)
		}
		kind, _, _ := strings.Cut(strings.TrimPrefix(it.Key, "web:"), ":")
		if kind != "s" || time.Until(it.Expires) > time.Minute { // an old id's grace may go on
			site.t.Errorf("a record of kind %q is left, until %v", kind, it.Expires)
		}
	}
	if n, err := site.managers[0].Count(context.Background()); n != 0 || err != nil {
		site.t.Errorf("got %d sessions, %v, want none", n, err)
	}
}

// soakAnswer is what a page shows: the session after what it did.
type soakAnswer struct {
	User    string
	Values  map[string]string
	Flashes []string
	Reason  string
}

// soakPages are what each path does.
var soakPages = map[string]func(m *session.Manager, s *session.Session, r *http.Request) error{
	"/get": func(_ *session.Manager, s *session.Session, r *http.Request) error { return s.Load(r.Context()) },
	"/set": func(_ *session.Manager, s *session.Session, r *http.Request) error {
		return s.Set(r.FormValue("key"), r.FormValue("value"))
	},
	"/delete": func(_ *session.Manager, s *session.Session, r *http.Request) error {
		return s.Delete(r.FormValue("key"))
	},
	"/login": func(_ *session.Manager, s *session.Session, r *http.Request) error {
		return s.BindUser(r.FormValue("user"))
	},
	"/logout": func(_ *session.Manager, s *session.Session, _ *http.Request) error {
		if s.Reason() != "" {
			return s.Destroy("there was none")
		}
		return s.Destroy("logout")
	},
	"/renew": func(_ *session.Manager, s *session.Session, _ *http.Request) error { return s.Renew() },
	"/grace": func(_ *session.Manager, s *session.Session, _ *http.Request) error { return s.RenewGrace(time.Minute) },
	"/flash": func(_ *session.Manager, s *session.Session, r *http.Request) error {
		return s.Flash("note", r.FormValue("value"))
	},
	"/revoke": func(m *session.Manager, s *session.Session, r *http.Request) error {
		user, err := s.User()
		if user == "" {
			return err
		}
		return m.Revoke(r.Context(), user)
	},
}

func soakHandler(m *session.Manager) http.Handler {
	mux := http.NewServeMux()
	for path, do := range soakPages {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			s := session.From(r.Context())
			answer(w, s, nil, do(m, s, r))
		})
	}
	mux.HandleFunc("/flashes", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		flashes, err := s.Flashes("note")
		answer(w, s, flashes, err)
	})
	mux.HandleFunc("/watch", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		done := s.Done()
		fmt.Fprintln(w, "open")
		if err := http.NewResponseController(w).Flush(); err != nil {
			return
		}
		select {
		case <-done:
			fmt.Fprintln(w, s.Reason())
		case <-r.Context().Done():
		}
	})
	return mux
}

// answer shows the session, or the error that doing gave.
func answer(w http.ResponseWriter, s *session.Session, flashes []any, doing error) {
	a := soakAnswer{Values: map[string]string{}}
	keys, err := s.Keys()
	for _, key := range keys {
		v, _, e := s.Get(key)
		a.Values[key], err = fmt.Sprint(v), errors.Join(err, e)
	}
	for _, f := range flashes {
		a.Flashes = append(a.Flashes, fmt.Sprint(f))
	}
	user, e := s.User()
	a.User, a.Reason = user, s.Reason()
	if err := errors.Join(doing, err, e); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if err := json.NewEncoder(w).Encode(a); err != nil {
		return // the session could not be saved: the answer is the manager's
	}
}
