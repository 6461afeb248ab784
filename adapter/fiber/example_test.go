package fiber_test

import (
	"fmt"
	"log"
	"time"

	"github.com/stratakv/strata/adapter/fiber"
	"github.com/stratakv/strata/tiered"
)

// Two middlewares on one store. (With fiber itself: package adapter/compat.)
func Example() {
	db, err := tiered.OpenMemory(nil) // or tiered.Open(dir, nil), and durable
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	sessions := fiber.New(db, &fiber.Options{Prefix: "session:"})
	limits := fiber.New(db, &fiber.Options{Prefix: "limit:"})

	if err := sessions.Set("id", []byte("user 42"), 30*time.Minute); err != nil {
		log.Fatal(err)
	}
	if err := limits.Set("203.0.113.7", []byte("1 of 5"), time.Minute); err != nil {
		log.Fatal(err)
	}
	if err := limits.Reset(); err != nil {
		log.Fatal(err)
	}

	value, err := sessions.Get("id")
	fmt.Printf("%s %v\n", value, err)
	value, err = limits.Get("203.0.113.7")
	fmt.Println(value == nil, err)
	// Output:
	// user 42 <nil>
	// true <nil>
}
