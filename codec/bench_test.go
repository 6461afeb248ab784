package codec_test

import (
	"strconv"
	"testing"

	"github.com/stratakv/strata/codec"
)

// The lengths of session records that a service has.
var benchSizes = []int{150, 600, 2048}

func eachSize(b *testing.B, run func(b *testing.B, c *codec.Codec, value []byte)) {
	for _, n := range benchSizes {
		for name, level := range map[string]int{"raw": -1, "zstd": 0} {
			b.Run(strconv.Itoa(n)+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(n))
				run(b, newCodec(b, codec.Options{Level: level}), session(n))
			})
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	eachSize(b, func(b *testing.B, c *codec.Codec, value []byte) {
		frame := c.Encode(value)
		for b.Loop() {
			frame = c.Encode(value)
		}
		b.ReportMetric(float64(len(frame)), "frame-bytes")
	})
}

func BenchmarkDecode(b *testing.B) {
	eachSize(b, func(b *testing.B, c *codec.Codec, value []byte) {
		frame := sealed(c, "session:0123456789abcdef", value)
		room := make([]byte, 0, len(value)+64)
		for b.Loop() {
			if _, err := c.Decode(room, "session:0123456789abcdef", frame); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	frame := newCodec(b, codec.Options{}).Encode(session(600))
	b.ReportAllocs()
	for b.Loop() {
		codec.Seal(frame, "session:0123456789abcdef", 7, 1795000000000)
	}
}

func BenchmarkHead(b *testing.B) {
	frame := sealed(newCodec(b, codec.Options{}), "session:0123456789abcdef", session(600))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := codec.Head("session:0123456789abcdef", frame); err != nil {
			b.Fatal(err)
		}
	}
}
