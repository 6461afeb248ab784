//go:build !wasm

package l3bolt_test

import (
	"fmt"
	"log"
	"os"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered/tier"
)

func Example() {
	dir, err := os.MkdirTemp("", "l3bolt-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db, err := l3bolt.Open(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	frames, err := codec.New(codec.Options{}, 1<<20)
	if err != nil {
		log.Fatal(err)
	}
	frame := frames.Encode([]byte("hello"))
	head := codec.Seal(frame, "greeting", 1, 0)
	err = db.Commit(&tier.Group{
		Changes: []tier.Change{{Key: "greeting", Frame: frame, Head: head}},
		Version: 1,
		Usage:   tier.Usage{Records: 1, LiveBytes: 13, RawBytes: 5, StoredBytes: int64(len(frame))},
	})
	if err != nil {
		log.Fatal(err) // nil: the record is on the disk
	}
	rec, found, err := db.Load("greeting")
	if err != nil || !found {
		log.Fatal(found, err)
	}
	value, err := frames.Decode(nil, rec.Key, rec.Frame)
	fmt.Printf("%s %d %v\n", value, rec.Version, err)
	// Output: hello 1 <nil>
}
