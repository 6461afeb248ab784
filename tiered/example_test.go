package tiered_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"github.com/stratakv/strata/codec/value"
	"github.com/stratakv/strata/tiered"
)

// A durable store in a directory. (Under WebAssembly Open gives the memory
// store.)
func Example() {
	dir, err := os.MkdirTemp("", "strata-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	ctx := context.Background()
	s, err := tiered.Open(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	// On stable storage when it returns.
	if err := s.Set(ctx, "session:42", []byte("alice"), 30*time.Minute); err != nil {
		log.Fatal(err)
	}
	v, err := s.Get(ctx, "session:42")
	fmt.Printf("%s %v\n", v, err)

	_, err = s.Get(ctx, "session:43")
	fmt.Println(errors.Is(err, tiered.ErrNotFound))
	// Output:
	// alice <nil>
	// true
}

// open is the memory store, for examples.
func open() *tiered.Store {
	s, err := tiered.OpenMemory(nil)
	if err != nil {
		log.Fatal(err)
	}
	return s
}

// An atomic get-and-set: the function runs again if the record has changed
// meanwhile, and KeepTTL leaves its deadline.
func ExampleStore_Update() {
	s := open()
	defer s.Close()
	count := func(old tiered.Item, found bool) ([]byte, time.Duration, error) {
		if !found {
			return []byte("1"), time.Hour, nil
		}
		n, err := strconv.Atoi(string(old.Value))
		return strconv.AppendInt(nil, int64(n)+1, 10), tiered.KeepTTL, err
	}
	for range 3 {
		if _, err := s.Update(context.Background(), "visits", count); err != nil {
			log.Fatal(err)
		}
	}
	v, err := s.Get(context.Background(), "visits")
	fmt.Printf("%s %v\n", v, err)
	// Output: 3 <nil>
}

// A batch happens as a whole or not at all. Here a session gets a new id, but
// only if nobody has changed it meanwhile.
func ExampleStore_Write() {
	s := open()
	defer s.Close()
	ctx := context.Background()
	if err := s.Set(ctx, "session:old", []byte("alice"), time.Hour); err != nil {
		log.Fatal(err)
	}
	it, err := s.GetItem(ctx, "session:old")
	if err != nil {
		log.Fatal(err)
	}
	renew := func() error {
		var b tiered.Batch
		b.Check("session:old", it.Version)
		b.Delete("session:old")
		b.Set("session:new", it.Value, time.Hour)
		return s.Write(ctx, &b)
	}
	fmt.Println(renew())
	fmt.Println(errors.Is(renew(), tiered.ErrVersion))
	// Output:
	// <nil>
	// true
}

// A compare-and-set that loses comes back with the record that won.
func ExampleStore_CompareAndSet() {
	s := open()
	defer s.Close()
	ctx := context.Background()
	first, err := s.CompareAndSet(ctx, "leader", 0, []byte("a"), time.Minute) // 0: only if absent
	fmt.Printf("%s %v\n", first.Value, err)
	current, err := s.CompareAndSet(ctx, "leader", 0, []byte("b"), time.Minute)
	fmt.Printf("%s %v\n", current.Value, errors.Is(err, tiered.ErrVersion))
	// Output:
	// a <nil>
	// a true
}

// Records come in the order of their keys.
func ExampleStore_Scan() {
	s := open()
	defer s.Close()
	ctx := context.Background()
	for _, key := range []string{"user:b", "user:a", "session:1"} {
		if err := s.Set(ctx, key, nil, 0); err != nil {
			log.Fatal(err)
		}
	}
	for it, err := range s.Scan(ctx, "user:") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(it.Key)
	}
	// Output:
	// user:a
	// user:b
}

// Values of one type under one prefix.
func ExampleNewTyped() {
	type cart struct{ Articles []string }
	s := open()
	defer s.Close()
	ctx := context.Background()
	carts := tiered.NewTyped(s, "cart:", value.JSON[cart]())
	if err := carts.Set(ctx, "42", cart{[]string{"tea"}}, time.Hour); err != nil {
		log.Fatal(err)
	}
	c, err := carts.Update(ctx, "42", func(old cart, found bool) (cart, time.Duration, error) {
		old.Articles = append(old.Articles, "cup")
		return old, tiered.KeepTTL, nil
	})
	fmt.Println(c.Articles, err)
	// Output: [tea cup] <nil>
}
