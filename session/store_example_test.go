package session_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/tiered"
)

// exampleStore is a Store in memory. In a service it is tiered.Open.
func exampleStore() (s *session.Store, end func() error) {
	t, err := tiered.OpenMemory(nil)
	if err != nil {
		log.Fatal(err)
	}
	return session.NewStore(t, nil), t.Close
}

// A session of two hours: its data, and when it ends.
func ExampleStore() {
	s, end := exampleStore()
	defer end()
	ctx := context.Background()

	data := map[string]any{"user": int64(7), "roles": []string{"admin"}, "seen": time.Unix(1_800_000_000, 0).UTC()}
	if err := s.Put(ctx, "expires:4f1d", time.Now().Unix()+7200); err != nil {
		log.Fatal(err)
	}
	if err := s.Put(ctx, "session:4f1d", data); err != nil {
		log.Fatal(err)
	}
	v, found, err := s.Get(ctx, "session:4f1d")
	fmt.Printf("%#v %v %v\n", v.(map[string]any)["user"], found, err)

	// An expiry in the past ends it, flash:4f1d and expires:4f1d with it.
	if err := s.Put(ctx, "expires:4f1d", time.Now().Unix()-1); err != nil {
		log.Fatal(err)
	}
	_, found, err = s.Get(ctx, "session:4f1d")
	fmt.Println(found, err)
	// Output:
	// 7 true <nil>
	// false <nil>
}

// Structs come back by GetInto.
func ExampleStore_GetInto() {
	s, end := exampleStore()
	defer end()
	ctx := context.Background()

	type Cart struct {
		Items []string
		Cents int64
	}
	if err := s.Put(ctx, "cart:alice", Cart{Items: []string{"tea"}, Cents: 450}); err != nil {
		log.Fatal(err)
	}
	var cart Cart
	found, err := s.GetInto(ctx, "cart:alice", &cart)
	fmt.Printf("%+v %v %v\n", cart, found, err)
	// Output: {Items:[tea] Cents:450} true <nil>
}

// A counter that no two requests count at once.
func ExampleStore_GetAndSet() {
	s, end := exampleStore()
	defer end()
	count := func(old any, found bool) (any, error) {
		n, _ := old.(int) // 0 at first
		return n + 1, nil
	}
	for range 3 {
		n, err := s.GetAndSet(context.Background(), "visits:alice", count)
		fmt.Println(n, err)
	}
	// Output:
	// 1 <nil>
	// 2 <nil>
	// 3 <nil>
}
