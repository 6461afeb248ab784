package httpcache_test

import (
	"fmt"
	"log"
	"time"

	"github.com/stratakv/strata/adapter/httpcache"
	"github.com/stratakv/strata/tiered"
)

// A cache that outlives the process, and says when it cannot be one. (With the
// library's Transport: package adapter/compat.)
func Example() {
	db, err := tiered.OpenMemory(nil) // or tiered.Open(dir, nil), and durable
	if err != nil {
		log.Fatal(err)
	}
	cache := httpcache.New(db, &httpcache.Options{
		TTL:     7 * 24 * time.Hour,
		OnError: func(err error) { fmt.Println(err) },
	})

	cache.Set("https://example.org/", []byte("HTTP/1.1 200 OK\r\n\r\n"))
	response, ok := cache.Get("https://example.org/")
	fmt.Printf("%q %v\n", response, ok)

	db.Close()
	_, ok = cache.Get("https://example.org/")
	fmt.Println(ok)
	// Output:
	// "HTTP/1.1 200 OK\r\n\r\n" true
	// strata: get: store is closed
	// false
}
