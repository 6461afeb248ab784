package scs_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/stratakv/strata/adapter/scs"
	"github.com/stratakv/strata/tiered"
)

// What scs does with its store while a user logs out in one tab and a request
// of another tab is still under way. (With scs itself: package adapter/compat.)
func Example() {
	db, err := tiered.OpenMemory(nil) // or tiered.Open(dir, nil), and durable
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	store := scs.New(db, nil) // manager.Store = store

	expiry := time.Now().Add(24 * time.Hour)
	if err := store.Commit("token", []byte("user 42"), expiry); err != nil {
		log.Fatal(err)
	}
	data, found, err := store.Find("token") // the slow request begins
	fmt.Printf("%s %v %v\n", data, found, err)

	if err := store.Delete("token"); err != nil { // the logout
		log.Fatal(err)
	}
	err = store.Commit("token", data, expiry) // the slow request ends
	fmt.Println(errors.Is(err, scs.ErrRevoked))

	_, found, err = store.Find("token")
	fmt.Println(found, err)
	// Output:
	// user 42 true <nil>
	// true
	// false <nil>
}

// Outside HTTP a context takes the place of Wrap: what was found in it is
// compared at Commit, and merged if another was faster.
func ExampleStore_Track() {
	db, err := tiered.OpenMemory(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	store := scs.New(db, &scs.Options{Codec: codec{}}) // the manager's Codec
	expiry := time.Now().Add(time.Hour)
	commit := func(ctx context.Context, data string) {
		if err := store.CommitCtx(ctx, "token", []byte(data), expiry); err != nil {
			log.Fatal(err)
		}
	}

	commit(context.Background(), "cart=1,theme=light@4102444800")
	ctx := store.Track(context.Background())
	data, _, _ := store.FindCtx(ctx, "token")
	fmt.Printf("%s\n", data)
	commit(context.Background(), "cart=2,theme=light@4102444800") // another request
	commit(ctx, "cart=1,theme=dark@4102444800")                   // this one

	data, _, _ = store.Find("token")
	fmt.Printf("%s\n", data)
	// Output:
	// cart=1,theme=light@4102444800
	// cart=2,theme=dark@4102444800
}
