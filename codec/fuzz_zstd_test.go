//go:build !nozstd

package codec_test

import (
	"testing"

	"github.com/stratakv/strata/codec"
)

// fuzzedCodec is one with a dictionary. The seeds that it adds name that, one
// that it does not know, and one that it knows by another content.
func fuzzedCodec(f *testing.F) *codec.Codec {
	mine, theirs, unknown := trained(f, 40_000), trained(f, 40_000), trained(f, 40_001)
	theirs[len(theirs)-20] ^= 1
	for _, d := range [][]byte{mine, theirs, unknown} {
		for _, n := range []int{200, 600, 20_000} {
			f.Add("key", sealed(newCodec(f, codec.Options{Dictionaries: [][]byte{d}}), "key", session(n)))
		}
	}
	c := newCodec(f, codec.Options{})
	if _, err := c.Add(mine); err != nil {
		f.Fatal(err)
	}
	return c
}
