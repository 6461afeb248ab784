//go:build nozstd

package codec_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/tiered/tier"
)

func TestBuildWithoutZstdStoresRawAndSaysSo(t *testing.T) {
	c := newCodec(t, codec.Options{})
	value := make([]byte, 1000)
	if frame := c.Encode(value); len(frame) != codec.HeaderSize+len(value) {
		t.Errorf("got a frame of %d bytes, want the value as it is", len(frame))
	}
	frame := layout{format: 1, flags: 1, version: 1, rawLen: 1000, body: []byte("zstd")}.frame("k")
	_, err := c.Decode(nil, "k", frame)
	if !errors.Is(err, tier.ErrCorrupt) || !strings.Contains(err.Error(), "no zstd") {
		t.Errorf("zstd frame: got %v, want ErrCorrupt that says the build has no zstd", err)
	}
}
