//go:build !nozstd && !wasm

package codec_test

import (
	"testing"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/internal/sessiondata"
)

// BenchmarkShapes encodes and decodes what stores are written with, without a
// dictionary and with one of sessions.
func BenchmarkShapes(b *testing.B) {
	s := sessiondata.New(5)
	dict := sessionsTrained(b)
	for _, shape := range []struct {
		name  string
		value []byte
	}{
		{"JSON_400", s.JSON(400)}, {"JSON_1500", s.JSON(1500)},
		{"half_random_300", append(random(150), make([]byte, 150)...)}, {"random_300", random(300)},
	} {
		for name, opts := range map[string]codec.Options{"plain": {}, "dictionary": {Dictionaries: [][]byte{dict}}} {
			c := newCodec(b, opts)
			frame := sealed(c, "session:0123456789abcdef", shape.value)
			b.Run(shape.name+"/"+name+"/encode", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					c.Encode(shape.value)
				}
				b.ReportMetric(float64(len(frame)), "frame-bytes")
			})
			b.Run(shape.name+"/"+name+"/decode", func(b *testing.B) {
				b.ReportAllocs()
				room := make([]byte, 0, len(shape.value)+64)
				for b.Loop() {
					if _, err := c.Decode(room, "session:0123456789abcdef", frame); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
