//go:build !nozstd

package codec_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/klauspost/compress/zstd"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/tiered/tier"
)

func compressed(frame []byte) bool { return frame[1] == 1 }

func TestCompressionOnlyWhereItSaves(t *testing.T) {
	tests := []struct {
		name  string
		opts  codec.Options
		value []byte
		want  bool
	}{
		{"below the default", codec.Options{}, bytes.Repeat([]byte("a"), 127), false},
		{"at the default", codec.Options{}, bytes.Repeat([]byte("a"), 128), true},
		{"below MinBytes", codec.Options{MinBytes: 300}, bytes.Repeat([]byte("a"), 299), false},
		{"at MinBytes", codec.Options{MinBytes: 300}, bytes.Repeat([]byte("a"), 300), true},
		{"small MinBytes", codec.Options{MinBytes: 40}, bytes.Repeat([]byte("a"), 40), true},
		{"one byte", codec.Options{MinBytes: 1}, []byte("a"), false},
		{"never", codec.Options{Level: -1}, bytes.Repeat([]byte("a"), 9999), false},
		{"random", codec.Options{}, random(5000), false},
		{"saves 1 %", codec.Options{}, append(random(9900), make([]byte, 100)...), false},
		{"saves 10 %", codec.Options{}, append(random(9000), make([]byte, 1000)...), true},
		{"session of 600", codec.Options{}, session(600), true},
	}
	for _, tt := range tests {
		frame := newCodec(t, tt.opts).Encode(tt.value)
		if got := compressed(frame); got != tt.want {
			t.Errorf("%s: got compressed %v (%d to %d bytes), want %v", tt.name, got, len(tt.value), len(frame)-codec.HeaderSize, tt.want)
		}
	}
}

func TestEveryLevelIsReadAtEveryOther(t *testing.T) {
	value := session(3000)
	sizes := map[int]int{}
	for level := -1; level <= 4; level++ {
		frame := sealed(newCodec(t, codec.Options{Level: level}), "k", value)
		sizes[level] = len(frame)
		for other := -1; other <= 4; other++ {
			got, err := newCodec(t, codec.Options{Level: other}).Decode(nil, "k", frame)
			if err != nil || !bytes.Equal(got, value) {
				t.Errorf("level %d read at %d: got %d bytes, %v", level, other, len(got), err)
			}
		}
	}
	if sizes[0] != sizes[1] || sizes[4] >= sizes[1] || sizes[1] >= sizes[-1] {
		t.Errorf("frame lengths by level: got %v, want 0 like 1, best below it, none above", sizes)
	}
}

// rleBomb is a zstd frame of 128 KiB blocks of one repeated byte. It does not
// say how long its content is.
func rleBomb(blocks int) []byte {
	b := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 10 << 3} // magic, no content size, window 1 MiB
	for i := range blocks {
		header := uint32(128<<10)<<3 | 1<<1
		if i == blocks-1 {
			header |= 1
		}
		b = append(b, byte(header), byte(header>>8), byte(header>>16), 'x')
	}
	return b
}

func zstdOf(t *testing.T, value []byte, opts ...zstd.EOption) []byte {
	t.Helper()
	e, err := zstd.NewWriter(nil, append(opts, zstd.WithEncoderConcurrency(1))...)
	if err != nil {
		t.Fatal(err)
	}
	return e.EncodeAll(value, nil)
}

func TestRawLengthBindsTheBody(t *testing.T) {
	value := bytes.Repeat([]byte("0123456789"), 200)
	body := zstdOf(t, value)
	bomb := rleBomb(8)
	tests := []struct {
		name   string
		rawLen int
		body   []byte
		want   string // in the error; "": decodes
	}{
		{"sound", 2000, body, ""},
		{"sound, with a checksum in the body", 2000, zstdOf(t, value, zstd.WithEncoderCRC(true)), ""},
		{"sound, two zstd frames", 4000, append(bytes.Clone(body), body...), ""},
		{"sound, length only in the header", 1 << 20, bomb, ""},
		{"one byte less", 1999, body, "offset 24"},
		{"one byte more", 2001, body, "offset 24"},
		{"far less", 200, body, "body does not decode"},
		{"far more", 1 << 20, body, "offset 24"},
		{"bomb, one byte less", 1<<20 - 1, bomb, "offset 24"},
		{"bomb, far less", 1000, bomb, "body does not decode"},
		{"above the limit", limit + 1, rleBomb(9), "above the limit"},
		{"not zstd", 2000, []byte("not zstd at all"), "body does not decode"},
		{"cut", 2000, body[:len(body)-1], "body does not decode"},
		{"bytes behind", 2000, append(bytes.Clone(body), 1, 2, 3), "body does not decode"},
		{"skippable frame alone", 2000, []byte{0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9}, "offset 24"},
	}
	c := newCodec(t, codec.Options{})
	for _, tt := range tests {
		frame := layout{format: 1, flags: 1, version: 1, rawLen: uint32(tt.rawLen), body: tt.body}.frame("k")
		got, err := c.Decode(nil, "k", frame)
		if tt.want == "" {
			if err != nil || len(got) != tt.rawLen {
				t.Errorf("%s: got %d bytes, %v, want %d", tt.name, len(got), err, tt.rawLen)
			}
			continue
		}
		if !errors.Is(err, tier.ErrCorrupt) || got != nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %d bytes, %v, want ErrCorrupt with %q", tt.name, len(got), err, tt.want)
		}
	}
}

func TestLimitOfTheCodecIsReached(t *testing.T) {
	for _, most := range []int{1, 127, 200, 1023, 1024, 1025, 5000, 256 << 10, 256<<10 + 1, 1<<20 + 1} {
		c, err := codec.New(codec.Options{MinBytes: 1}, most)
		if err != nil {
			t.Fatal(err)
		}
		value := bytes.Repeat([]byte("a"), most)
		if got, err := c.Decode(nil, "k", sealed(c, "k", value)); err != nil || !bytes.Equal(got, value) {
			t.Errorf("value of %d bytes, the limit: got %d bytes, %v", most, len(got), err)
		}
	}
}

// The bubble ends only if no goroutine is left behind.
func TestCodecStartsNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for level := 1; level <= 3; level++ {
			c := newCodec(t, codec.Options{Level: level})
			for _, n := range []int{200, 2000, 600_000} {
				if _, err := c.Decode(nil, "k", sealed(c, "k", session(n))); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

func ExampleCodec() {
	c, err := codec.New(codec.Options{}, 64<<20)
	if err != nil {
		panic(err)
	}
	frame := c.Encode([]byte(strings.Repeat("a value that is worth it; ", 20)))
	head := codec.Seal(frame, "key", 1, 0)
	value, err := c.Decode(nil, "key", frame)
	fmt.Println(head.RawLen, head.FrameLen < 100, len(value), err)

	_, err = c.Decode(nil, "other key", frame)
	fmt.Println(err)
	// Output:
	// 520 true 520 <nil>
	// corrupt data: frame offset 32: header checksum or key does not match
}
