//go:build !wasm

package l3bolt_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered/tier"
)

func ExampleSalvage() {
	dir, err := os.MkdirTemp("", "l3bolt-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db, err := l3bolt.Open(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	frames, err := codec.New(codec.Options{}, 1<<20)
	if err != nil {
		log.Fatal(err)
	}
	frame := frames.Encode([]byte("hello"))
	head := codec.Seal(frame, "greeting", 1, 0)
	if err := db.Commit(&tier.Group{
		Changes: []tier.Change{{Key: "greeting", Frame: frame, Head: head}},
		Version: 1,
		Usage:   tier.Usage{Records: 1, LiveBytes: 13, RawBytes: 5, StoredBytes: int64(len(frame))},
	}); err != nil {
		log.Fatal(err)
	}
	if err := db.Close(); err != nil {
		log.Fatal(err)
	}

	// The first page is gone, and Open may go by the second; Salvage says so.
	path := filepath.Join(dir, "store.db")
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, 4096), 0); err != nil {
		log.Fatal(err)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
	err = l3bolt.Salvage(path, func(rec tier.Record) error {
		value, err := frames.Decode(nil, rec.Key, rec.Frame)
		fmt.Printf("%s: %s, version %d\n", rec.Key, value, rec.Version)
		return err
	})
	fmt.Println("all sound:", err == nil)
	// Output:
	// greeting: hello, version 1
	// all sound: false
}
