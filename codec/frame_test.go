package codec_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/tiered/tier"
)

// The layout is on disks: this fails if it changes.
func TestLayout(t *testing.T) {
	c := newCodec(t, codec.Options{})
	frame := c.Encode([]byte("value"))
	codec.Seal(frame, "key", 0x1122334455667788, -2)
	want := layout{format: 1, deadline: -2, version: 0x1122334455667788, rawLen: 5, body: []byte("value")}.frame("key")
	if !bytes.Equal(frame, want) {
		t.Errorf("got  %x\nwant %x", frame, want)
	}
}

func TestEveryDamagedByteIsRefused(t *testing.T) {
	c := newCodec(t, codec.Options{})
	for _, value := range [][]byte{nil, []byte("short"), session(600)} {
		frame := sealed(c, "key", value)
		for at := range frame {
			for bit := range 8 {
				bad := bytes.Clone(frame)
				bad[at] ^= 1 << bit
				wantCorrupt(t, c, "key", bad, fmt.Sprintf("byte %d, bit %d of %d bytes", at, bit, len(frame)))
				if _, err := codec.Head("key", bad); at < codec.HeaderSize && !errors.Is(err, tier.ErrCorrupt) {
					t.Errorf("Head with byte %d, bit %d flipped: got %v, want ErrCorrupt", at, bit, err)
				}
			}
		}
	}
}

func TestEveryTruncationIsRefused(t *testing.T) {
	c := newCodec(t, codec.Options{})
	for _, value := range [][]byte{[]byte("short"), session(600)} {
		frame := sealed(c, "key", value)
		for n := range frame {
			wantCorrupt(t, c, "key", frame[:n:n], fmt.Sprintf("cut to %d of %d bytes", n, len(frame)))
		}
		wantCorrupt(t, c, "key", append(bytes.Clone(frame), 0), "a byte too many")
	}
}

func TestFrameIsBoundToItsKey(t *testing.T) {
	c := newCodec(t, codec.Options{})
	frame := sealed(c, "key", []byte("value"))
	for _, other := range []string{"", "ke", "kez", "key\x00", "yek"} {
		wantCorrupt(t, c, other, frame, fmt.Sprintf("under key %q", other))
	}
	for _, key := range []string{"", "\x00", string(random(32000))} {
		if _, err := codec.Head(key, sealed(c, key, nil)); err != nil {
			t.Errorf("key of %d bytes: got %v, want its head", len(key), err)
		}
	}
}

func TestUnsealedFrameIsRefused(t *testing.T) {
	c := newCodec(t, codec.Options{})
	wantCorrupt(t, c, "", c.Encode([]byte("value")), "unsealed")
}

// Each of these has right checksums: the form alone is wrong.
func TestForgedHeaderIsRefused(t *testing.T) {
	c := newCodec(t, codec.Options{})
	sound := layout{format: 1, version: 1, rawLen: 4, body: []byte("body")}
	if got, err := c.Decode(nil, "k", sound.frame("k")); err != nil || string(got) != "body" {
		t.Fatalf("the sound one: got %q, %v", got, err)
	}
	tests := []struct {
		name   string
		change func(*layout)
		want   string
	}{
		{"format 0", func(l *layout) { l.format = 0 }, "offset 0: unknown frame format"},
		{"format 2", func(l *layout) { l.format = 2 }, "offset 0: unknown frame format"},
		{"flag 1", func(l *layout) { l.flags = 2 }, "offset 1: unknown frame flags"},
		{"flag 7", func(l *layout) { l.flags = 0x81 }, "offset 1: unknown frame flags"},
		{"reserved", func(l *layout) { l.zero = 1 }, "offset 2: reserved"},
		{"reserved high", func(l *layout) { l.zero = 0x8000 }, "offset 2: reserved"},
		{"dictionary without zstd", func(l *layout) { l.dictionary = 1 }, "offset 4: dictionary"},
		{"no version", func(l *layout) { l.version = 0 }, "offset 16: frame without version"},
		{"raw length below the body's", func(l *layout) { l.rawLen = 3 }, "offset 24: raw length"},
		{"raw length above the body's", func(l *layout) { l.rawLen = 5 }, "offset 24: raw length"},
		{"raw length 2 GiB", func(l *layout) { l.rawLen = 1 << 31 }, "offset 24: raw length"},
		{"raw length all ones", func(l *layout) { l.rawLen = 1<<32 - 1 }, "offset 24: raw length"},
		{"compressed to nothing", func(l *layout) { l.flags = 1; l.body = nil }, "offset 24: raw length"},
		{"compressed to more", func(l *layout) { l.flags = 1 }, "offset 24: raw length"},
	}
	for _, tt := range tests {
		forged := sound
		tt.change(&forged)
		_, err := codec.Head("k", forged.frame("k"))
		if !errors.Is(err, tier.ErrCorrupt) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
		wantCorrupt(t, c, "k", forged.frame("k"), tt.name)
	}
}

func TestUnknownDictionaryHasAHeadButNoValue(t *testing.T) {
	c := newCodec(t, codec.Options{})
	frame := layout{format: 1, flags: 1, dictionary: 9, version: 3, rawLen: 100, body: []byte("body")}.frame("k")
	if head, err := codec.Head("k", frame); err != nil || head.Version != 3 {
		t.Errorf("Head: got %+v, %v, want version 3", head, err)
	}
	_, err := c.Decode(nil, "k", frame)
	if !errors.Is(err, tier.ErrCorrupt) || !strings.Contains(err.Error(), "unknown dictionary") {
		t.Errorf("Decode: got %v, want ErrCorrupt that names the dictionary", err)
	}
}

func TestReseal(t *testing.T) {
	c := newCodec(t, codec.Options{})
	for _, value := range [][]byte{nil, []byte("short"), session(2048)} {
		old := sealed(c, "k", value)
		before := bytes.Clone(old)
		frame, head := codec.Reseal(old, "k", 8, 99)
		want := tier.Head{Version: 8, Deadline: 99, RawLen: len(value), FrameLen: len(old)}
		if got, err := codec.Head("k", frame); err != nil || got != want || head != want {
			t.Errorf("got %+v and %+v, %v, want %+v", got, head, err, want)
		}
		if got, err := c.Decode(nil, "k", frame); err != nil || !bytes.Equal(got, value) {
			t.Errorf("value of %d bytes after Reseal: got %d bytes, %v", len(value), len(got), err)
		}
		clear(frame)
		if !bytes.Equal(old, before) {
			t.Error("the old frame was changed")
		}
	}
}

func TestResealKeepsDamageVisible(t *testing.T) {
	c := newCodec(t, codec.Options{})
	old := sealed(c, "k", session(600))
	old[len(old)-1] ^= 1
	frame, _ := codec.Reseal(old, "k", 8, 0)
	wantCorrupt(t, c, "k", frame, "damaged body, sealed again")
}

func TestSealPanicsForOurOwnBugs(t *testing.T) {
	c := newCodec(t, codec.Options{})
	tests := map[string]func(){
		"short":     func() { codec.Seal(make([]byte, codec.HeaderSize-1), "k", 1, 0) },
		"no frame":  func() { codec.Seal(make([]byte, codec.HeaderSize), "k", 1, 0) },
		"version 0": func() { codec.Seal(c.Encode(nil), "k", 0, 0) },
	}
	for name, call := range tests {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, "P9") {
					t.Errorf("%s: got %q, want a panic that names P9", name, got)
				}
			}()
			call()
		}()
	}
}

func TestErrorsHoldNoKeyAndNoValue(t *testing.T) {
	c := newCodec(t, codec.Options{})
	frame := sealed(c, "secret-key", []byte("secret-value"))
	for at := range frame {
		bad := bytes.Clone(frame)
		bad[at] ^= 0xff
		if _, err := c.Decode(nil, "secret-key", bad); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("byte %d: got %v, want an error without key and value", at, err)
		}
	}
}

func TestHotPathsDoNotAllocate(t *testing.T) {
	c := newCodec(t, codec.Options{})
	key := strings.Repeat("k", 40)
	raw, room := sealed(c, key, []byte("value")), make([]byte, 0, 4096)
	tests := map[string]func(){
		"Seal": func() { codec.Seal(raw, key, 9, 5) },
		"Head": func() {
			if _, err := codec.Head(key, raw); err != nil {
				t.Error(err)
			}
		},
		"Decode of a raw frame": func() {
			if _, err := c.Decode(room, key, raw); err != nil {
				t.Error(err)
			}
		},
	}
	for name, call := range tests {
		if got := testing.AllocsPerRun(100, call); got != 0 {
			t.Errorf("%s: got %v allocations, want 0", name, got)
		}
	}
	value := []byte("value")
	if got := testing.AllocsPerRun(100, func() { c.Encode(value) }); got != 1 {
		t.Errorf("Encode of a raw value: got %v allocations, want the frame alone", got)
	}
}

func wantCorrupt(t *testing.T, c *codec.Codec, key string, frame []byte, what string) {
	t.Helper()
	got, err := c.Decode(nil, key, frame)
	if !errors.Is(err, tier.ErrCorrupt) || got != nil {
		t.Errorf("%s: got %q, %v, want ErrCorrupt", what, got, err)
	}
}
