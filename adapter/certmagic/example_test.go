package certmagic_test

import (
	"context"
	"fmt"
	"log"

	certs "github.com/caddyserver/certmagic"
	stratamagic "github.com/stratakv/strata/adapter/certmagic"
	"github.com/stratakv/strata/tiered"
)

// A program opens its store with tiered.Open, and sets certmagic's
// Default.Storage, or Config.Storage, to the storage.
func Example() {
	db, err := tiered.OpenMemory(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	storage, err := stratamagic.New(db, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer storage.Close()

	ctx := context.Background()
	key := certs.StorageKeys.SiteCert("authority", "example.org")
	if err := storage.Store(ctx, key, []byte("a certificate")); err != nil {
		log.Fatal(err)
	}
	keys, err := storage.List(ctx, "certificates", true)
	for _, key := range keys {
		fmt.Println(key)
	}
	info, err := storage.Stat(ctx, key)
	fmt.Println(info.Size, info.IsTerminal, err)
	// Output:
	// certificates/authority
	// certificates/authority/example.org
	// certificates/authority/example.org/example.org.crt
	// 13 true <nil>
}

// One of all who ask for the lock does the work; the others find it done.
func ExampleStorage_Lock() {
	db, err := tiered.OpenMemory(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	storage, err := stratamagic.New(db, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer storage.Close()

	ctx := context.Background()
	if err := storage.Lock(ctx, "renew example.org"); err != nil {
		log.Fatal(err)
	}
	taken, err := storage.TryLock(ctx, "renew example.org")
	fmt.Println(taken, err)
	fmt.Println(storage.Unlock(ctx, "renew example.org"))
	// Output:
	// false <nil>
	// <nil>
}
