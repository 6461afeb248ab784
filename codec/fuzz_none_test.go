//go:build nozstd

package codec_test

import (
	"testing"

	"github.com/stratakv/strata/codec"
)

func fuzzedCodec(f *testing.F) *codec.Codec { return newCodec(f, codec.Options{}) }
