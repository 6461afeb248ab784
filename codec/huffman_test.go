//go:build !nozstd && !wasm

package codec_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/klauspost/compress/huff0"

	"github.com/stratakv/strata/codec"
)

// TestHuffmanTables: of a table's description that another library made of
// literals, of few kinds or many, follow codes whose streams it reads.
func TestHuffmanTables(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	tables := 0
	for range 300 {
		kinds, steep := 2+rng.IntN(255), 1+rng.IntN(8)
		lits := make([]byte, 32+rng.IntN(8000))
		for i := range lits {
			at := kinds
			for range steep {
				at = rng.IntN(at) + 1
			}
			lits[i] = byte(at - 1)
		}
		var made huff0.Scratch
		if _, _, err := huff0.Compress4X(lits, &made); err != nil {
			continue // nothing to gain, or one byte alone
		}
		tables++
		description := slices.Concat(made.OutTable, []byte("what follows"))
		read, _, err := huff0.ReadTable(description, nil)
		if err != nil {
			t.Fatal(err)
		}
		section, rest, ok := codec.TreelessSection(description, lits)
		if !ok || string(rest) != "what follows" {
			t.Fatalf("%d literals of %d kinds: got no section, or %q left", len(lits), kinds, rest)
		}
		var got []byte
		if len(lits) < 1024 {
			got, err = read.Decoder().Decompress1X(make([]byte, 0, len(lits)), section[3:])
		} else {
			got, err = read.Decoder().Decompress4X(make([]byte, 0, len(lits)), section[4:])
		}
		if err != nil || !bytes.Equal(got, lits) {
			t.Fatalf("%d literals of %d kinds: got %d, %v", len(lits), kinds, len(got), err)
		}
	}
	if tables < 150 {
		t.Errorf("got %d tables, want most of 300", tables)
	}
}

// TestDamagedHuffmanTables are refused, or give codes; none makes a panic.
func TestDamagedHuffmanTables(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	lits := bytes.Repeat([]byte("some literals, some more of them"), 60)
	var made huff0.Scratch
	if _, _, err := huff0.Compress4X(lits, &made); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for range 2000 {
		description := bytes.Clone(made.OutTable)
		for range 1 + rng.IntN(3) {
			description[rng.IntN(len(description))] ^= 1 << rng.IntN(8)
		}
		description = description[:len(description)-rng.IntN(2)]
		if _, rest, _ := codec.TreelessSection(description, lits); rest == nil {
			refused++
		}
	}
	if refused < 200 {
		t.Errorf("got %d of 2,000 refused, want more", refused)
	}
}
