//go:build !nozstd

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stratakv/strata/codec"
)

func TestTrainedDictionaryIsTaken(t *testing.T) {
	var in strings.Builder
	rng := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		fmt.Fprintf(&in, `{"user":%d,"roles":["reader"],"csrf":"%016x","theme":"dark","cart":[]}`+"\n", rng.Uint32(), rng.Uint64())
	}
	out := filepath.Join(t.TempDir(), "d")
	if err := run(strings.NewReader(in.String()), out, 77, 2048); err != nil {
		t.Fatal(err)
	}
	d, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := codec.New(codec.Options{Dictionaries: [][]byte{d}}, 1000); err != nil || len(d) > 4096 {
		t.Errorf("a dictionary of %d bytes: %v", len(d), err)
	}
}

func TestWhatCannotBeTrained(t *testing.T) {
	out := filepath.Join(t.TempDir(), "d")
	for name, in := range map[string]string{"nothing": "", "one value": "value\n"} {
		if err := run(strings.NewReader(in), out, 1, 1024); err == nil {
			t.Errorf("%s: got nil, want an error", name)
		}
	}
	if err := run(strings.NewReader("a\nb\n"), "", 1, 1024); err == nil {
		t.Error("no file: got nil, want an error")
	}
}
