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

// BenchmarkSessions encodes and decodes 2,000 different session records in turn,
// so that nothing can be learned of a single one; ns/op and frame-bytes are those
// of one record.
func BenchmarkSessions(b *testing.B) {
	const records = 2000
	for form, record := range map[string]func(*sessiondata.Source) []byte{"JSON": jsonRecord, "CBOR": cborRecord} {
		for name, opts := range map[string]codec.Options{
			"plain": {}, "dictionary": {Dictionaries: [][]byte{trainedOn(b, record)}},
		} {
			c, s := newCodec(b, opts), sessiondata.New(9)
			var values, frames [records][]byte
			total := 0
			for i := range values {
				values[i] = record(s)
				frames[i] = sealed(c, "session:0123456789abcdef", values[i])
				total += len(frames[i])
			}
			b.Run(form+"/"+name+"/encode", func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					c.Encode(values[i%records])
				}
				b.ReportMetric(float64(total)/records, "frame-bytes")
			})
			b.Run(form+"/"+name+"/decode", func(b *testing.B) {
				b.ReportAllocs()
				room := make([]byte, 0, 4096)
				for i := 0; b.Loop(); i++ {
					if _, err := c.Decode(room, "session:0123456789abcdef", frames[i%records]); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
