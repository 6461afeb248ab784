package autocert_test

import (
	"context"
	"fmt"
	"log"

	"github.com/stratakv/strata/adapter/autocert"
	"github.com/stratakv/strata/tiered"
	acmeautocert "golang.org/x/crypto/acme/autocert"
)

// A Manager for one host. A program opens its store with tiered.Open, and serves
// with m.TLSConfig().
func Example() {
	db, err := tiered.OpenMemory(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	cache, err := autocert.New(db, nil)
	if err != nil {
		log.Fatal(err)
	}
	m := &acmeautocert.Manager{
		Cache:      cache,
		Prompt:     acmeautocert.AcceptTOS,
		HostPolicy: acmeautocert.HostWhitelist("example.org"),
	}
	_ = m.TLSConfig()

	_, err = m.Cache.Get(context.Background(), "example.org")
	fmt.Println(err == acmeautocert.ErrCacheMiss)
	// Output: true
}
