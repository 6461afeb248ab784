package compat

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/tiered"
)

// Item is an article in a cart.
type Item struct {
	Name  string
	Count int
}

var cart = session.NewKey[[]Item]("cart")

// catalyst is what an application with Catalyst's session plugin becomes.
func catalyst(sessions *session.Manager) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/add", func(w http.ResponseWriter, r *http.Request) {
		items, _, err := cart.Get(r.Context()) // $c->session->{cart}
		if err == nil {
			err = cart.Set(r.Context(), append(items, Item{"book", 1}))
		}
		answer(w, err, len(items)+1, "articles")
	})
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		err := s.BindUser("alice") // and change_session_id, which nobody may forget
		if err == nil {
			err = s.Flash("status", "welcome") // $c->flash->{status}
		}
		answer(w, err, "logged in")
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		user, err := s.User()
		if err != nil {
			answer(w, err)
			return
		}
		messages, err := s.Flashes("status")
		answer(w, err, "user", user, messages)
	})
	mux.HandleFunc("/logout", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		err := s.Destroy("logout") // $c->delete_session("logout")
		answer(w, err, s.Reason()) // $c->session_delete_reason
	})
	return sessions.Wrap(mux)
}

func answer(w http.ResponseWriter, err error, text ...any) {
	if err != nil {
		http.Error(w, "try again later", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, text...)
}

// An application that comes from Catalyst::Plugin::Session.
func Example_catalyst() {
	db, err := tiered.OpenMemory(nil) // a program opens tiered.Open("/var/lib/shop/strata", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	sessions, err := session.New(db, &session.Options{
		Idle:     2 * time.Hour,      // expires => 7200
		Lifetime: 7 * 24 * time.Hour, // it had none
	})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	visit := client(catalyst(sessions))
	visit("/add")
	visit("/add")
	visit("/login")
	visit("/")
	visit("/")
	visit("/logout")
	visit("/")
	// Output:
	// /add: 1 articles
	// /add: 2 articles
	// /login: logged in
	// /: user alice [welcome]
	// /: user alice []
	// /logout: logout
	// /: user  []
}

// Code that called the plugin's store itself.
func Example_catalystStore() {
	db, err := tiered.OpenMemory(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	ctx := context.Background()

	store := session.NewStore(db, nil)
	id := "d0c3a1e5f7b94c2086a1e5f7b94c20d0c3a1e5f7"

	// $c->store_session_data("session:$id", { … })
	err = store.Put(ctx, "session:"+id, map[string]any{"user": "alice", "cart": []any{int64(7), int64(9)}})
	fmt.Println(err)
	// $c->store_session_data("expires:$id", time + 7200): the same record's deadline
	err = store.Put(ctx, "expires:"+id, db.Now().Add(2*time.Hour).Unix())
	fmt.Println(err)
	// $c->store_session_data("user:alice", $id): no deadline
	err = store.Put(ctx, "user:alice", id)
	fmt.Println(err)

	// $c->get_session_data("session:$id"): missing is found == false, never {}
	value, found, err := store.Get(ctx, "session:"+id)
	fmt.Println(value, found, err)
	value, found, err = store.Get(ctx, "session:deadbeef")
	fmt.Println(value, found, err)

	// $c->get_and_set_session_data("session:$id", sub { … }): atomic
	_, err = store.GetAndSet(ctx, "session:"+id, func(old any, found bool) (any, error) {
		if !found {
			return nil, tiered.Keep // a request that comes late makes no session
		}
		data := old.(map[string]any)
		data["cart"] = append(data["cart"].([]any), int64(11))
		return data, nil
	})
	fmt.Println(err)

	// $c->delete_session_data("session:$id"), and its expires
	err = store.Delete(ctx, "session:"+id)
	fmt.Println(err)
	err = store.Delete(ctx, "expires:"+id)
	fmt.Println(err)
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// map[cart:[7 9] user:alice] true <nil>
	// <nil> false <nil>
	// <nil>
	// <nil>
	// <nil>
}
