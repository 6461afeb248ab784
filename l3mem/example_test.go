package l3mem_test

import (
	"fmt"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/l3mem"
	"github.com/stratakv/strata/tiered/tier"
)

func ExampleStore() {
	s, err := l3mem.New(&l3mem.Options{MaxBytes: 1 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	c, err := codec.New(codec.Options{}, 1<<20)
	if err != nil {
		fmt.Println(err)
		return
	}

	frame := c.Encode([]byte("anna"))
	head := codec.Seal(frame, "session:1", 1, 1000)
	err = s.Commit(&tier.Group{
		Changes: []tier.Change{{Key: "session:1", Frame: frame, Head: head}},
		Version: 1,
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	rec, found, err := s.Load("session:1")
	if err != nil || !found {
		fmt.Println(found, err)
		return
	}
	value, err := c.Decode(nil, rec.Key, rec.Frame)
	fmt.Printf("%s %v, live: %v\n", value, err, rec.Live(999))
	due, err := s.Due(1000, 10)
	fmt.Println(due, err)
	// Output:
	// anna <nil>, live: true
	// [session:1] <nil>
}
