//go:build !nozstd

// Command dictionary trains a zstd dictionary from samples, one value a line of
// standard input, for Options.Codec.Dictionaries of a Go store and `dictionaries`
// of the npm package:
//
//	go run ./wasm/dictionary -id 1 -o sessions.dict <values
//
// Some hundred values of one kind are enough. Training takes a second or so;
// under WebAssembly many, which is why it is done here. Keep a dictionary for as
// long as there are values that it compressed.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/dict"
	"github.com/klauspost/compress/zstd"

	"github.com/stratakv/strata/codec"
)

func main() {
	id := flag.Uint("id", 1, "the dictionary's id, which its values name: another one for each dictionary")
	size := flag.Int("size", 4<<10, "the most bytes of the dictionary")
	out := flag.String("o", "", "the file to write")
	flag.Parse()
	if err := run(os.Stdin, *out, uint32(*id), *size); err != nil {
		fmt.Fprintln(os.Stderr, "dictionary:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out string, id uint32, size int) error {
	if out == "" {
		return errors.New("no file to write is given (-o)")
	}
	var samples [][]byte
	var raw int
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		samples = append(samples, append([]byte(nil), lines.Bytes()...))
		raw += len(lines.Bytes())
	}
	if err := lines.Err(); err != nil {
		return err
	}
	trained, err := dict.BuildZstdDict(samples, dict.Options{MaxDictSize: size, HashBytes: 6, ZstdDictID: id, ZstdLevel: zstd.SpeedFastest})
	if err != nil {
		return err
	}
	before, after, err := measure(samples, trained)
	if err != nil {
		return err
	}
	fmt.Printf("%d bytes from %d values of %d bytes on average, kept in %d, without it in %d\n",
		len(trained), len(samples), raw/len(samples), after/len(samples), before/len(samples))
	return os.WriteFile(out, trained, 0o644)
}

// measure is how many bytes the samples' frames take without and with the
// dictionary.
func measure(samples [][]byte, trained []byte) (without, with int, err error) {
	plain, err := codec.New(codec.Options{}, codec.MaxValue)
	if err != nil {
		return 0, 0, err
	}
	short, err := codec.New(codec.Options{Dictionaries: [][]byte{trained}}, codec.MaxValue)
	if err != nil {
		return 0, 0, err
	}
	for _, s := range samples {
		without += len(plain.Encode(s))
		with += len(short.Encode(s))
	}
	return without, with, nil
}
