package abi_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stratakv/strata/wasm/abi/abitest"
)

// seeds are long made-up runs.
func seeds() [][]byte {
	var all [][]byte
	for i := range uint64(8) {
		src := rand.NewChaCha8([32]byte{byte(i)})
		b := make([]byte, 600)
		_, _ = src.Read(b)
		all = append(all, b)
	}
	return all
}

func FuzzCalls(f *testing.F) {
	for _, seed := range seeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if err := abitest.Drive(new(native), in); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRandomCalls(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 60 {
		in := make([]byte, 4000)
		for i := range in {
			in[i] = byte(rng.Uint32())
		}
		if err := abitest.Drive(new(native), in); err != nil {
			t.Fatal(err)
		}
	}
}
