//go:build !wasm

package l1_test

import (
	"fmt"
	"log"

	"github.com/zeebo/xxh3"

	"github.com/stratakv/strata/l1"
)

func Example() {
	c, err := l1.New(l1.Options{Bytes: 64 << 20})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	const generation, now = 7, 1_000
	key := "session:42"
	hash := xxh3.HashStringSeed(key, 12345)
	c.Fill(hash, l1.Entry{Key: key, Value: []byte("value"), Tag: generation, Deadline: now + 500, Version: 3})

	if e, hit := c.Get(hash, key, generation, now); hit {
		fmt.Printf("%s, version %d\n", e.Value, e.Version)
	}
	_, hit := c.Get(hash, key, generation+1, now) // a write in the bucket since
	fmt.Println(hit)
	_, hit = c.Get(hash, key, generation, now+500) // its deadline
	fmt.Println(hit)
	// Output:
	// value, version 3
	// false
	// false
}
