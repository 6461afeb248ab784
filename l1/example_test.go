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

	const generation = 7
	now := int64(1_000)
	clock := func() int64 { return now }
	key := "session:42"
	hash := xxh3.HashStringSeed(key, 12345)
	c.Fill(hash, l1.Entry{Key: key, Value: []byte("value"), Tag: generation, Deadline: now + 500, Version: 3})

	if e, hit := c.Get(hash, key, generation, clock); hit {
		fmt.Printf("%s, version %d\n", e.Value(), e.Version())
	}
	_, hit := c.Get(hash, key, generation+1, clock) // a write in the bucket since
	fmt.Println(hit)
	now += 500
	_, hit = c.Get(hash, key, generation, clock) // its deadline
	fmt.Println(hit)
	// Output:
	// value, version 3
	// false
	// false
}
