//go:build !nozstd && !race

// The race detector takes memory of its own and empties pools at random.

package codec_test

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/stratakv/strata/codec"
)

// allocated is what call takes from the heap, in bytes.
func allocated(call func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	call()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestHostileFramesDoNotAllocate(t *testing.T) {
	c, err := codec.New(codec.Options{}, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Decode(nil, "k", sealed(c, "k", session(600))); err != nil {
		t.Fatal(err) // the decoders exist now
	}
	huge := zstdOf(t, make([]byte, 32<<20))
	const slack = 640 << 10 // blocks of 128 KiB, and what append grows by for one of them
	tests := []struct {
		name   string
		rawLen uint32
		body   []byte
		most   uint64
	}{
		{"raw length above the limit", 64<<20 + 1, []byte("body"), 64 << 10},
		{"raw length above the format", 1<<32 - 1, []byte("body"), 64 << 10},
		{"content size above the raw length", 1000, huge, slack},
		{"blocks above the raw length", 1000, rleBomb(240), slack},
		{"blocks above a longer raw length", 1 << 20, rleBomb(240), 2<<20 + slack},
		{"many bombs in a row", 2000, bytes.Repeat(rleBomb(1), 100), slack},
		{"window of 2 TiB", 1000, []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 31 << 3, 1, 0, 0}, slack},
		{"nothing of 32 MiB", 32 << 20, []byte("no zstd here"), 32<<20 + slack},
	}
	for _, tt := range tests {
		frame := layout{format: 1, flags: 1, version: 1, rawLen: tt.rawLen, body: tt.body}.frame("k")
		got := allocated(func() { wantCorrupt(t, c, "k", frame, tt.name) })
		if got > tt.most {
			t.Errorf("%s: got %d bytes allocated, want at most %d", tt.name, got, tt.most)
		}
	}
}

func TestCodersAreMadeWhenNeeded(t *testing.T) {
	var c *codec.Codec
	value := []byte("short")
	got := allocated(func() {
		c = newCodec(t, codec.Options{Level: 4})
		if _, err := c.Decode(nil, "k", sealed(c, "k", value)); err != nil {
			t.Error(err)
		}
	})
	if got > 64<<10 {
		t.Errorf("a codec that met no long value: got %d bytes, want next to none", got)
	}
	if got := allocated(func() { c.Encode(session(600)) }); got < 1<<20 {
		t.Errorf("the first long value at level 4: got %d bytes, want the encoder's tables in them", got)
	}
}

func TestCompressedHotPathsAllocateTheResultAlone(t *testing.T) {
	c := newCodec(t, codec.Options{})
	value := session(2048)
	frame, room := sealed(c, "k", value), make([]byte, 0, 4096)
	if !compressed(frame) {
		t.Fatal("a session of 2 KiB is not compressed")
	}
	if got := testing.AllocsPerRun(200, func() { c.Encode(value) }); got > 1.5 {
		t.Errorf("Encode: got %v allocations, want the frame alone", got)
	}
	if got := testing.AllocsPerRun(200, func() {
		if _, err := c.Decode(room, "k", frame); err != nil {
			t.Error(err)
		}
	}); got > 0.5 {
		t.Errorf("Decode into dst: got %v allocations, want 0", got)
	}
}
