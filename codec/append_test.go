package codec_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stratakv/strata/codec"
)

func TestAppendIsEncodeBehindWhatIsThere(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, level := range []int{-1, 1, 3} {
		c := newCodec(t, codec.Options{Level: level})
		var room []byte
		for range 200 {
			value, before := anyValue(rng), random(rng.IntN(50))
			room = c.Append(append(room[:0], before...), value)
			if !bytes.Equal(room[:len(before)], before) {
				t.Fatalf("level %d: the bytes before the frame were changed", level)
			}
			if got, want := room[len(before):], c.Encode(value); !bytes.Equal(got, want) {
				t.Fatalf("level %d, value of %d bytes: got %d bytes, want Encode's %d", level, len(value), len(got), len(want))
			}
		}
	}
}

// Check says what Decode would, and nothing is decompressed for it.
func TestCheckAgreesWithDecode(t *testing.T) {
	c := newCodec(t, codec.Options{})
	for _, value := range [][]byte{nil, []byte("short"), session(600)} {
		frame := sealed(c, "k", value)
		if h, err := c.Check("k", frame); err != nil || h.RawLen != len(value) || h.Version != 7 || h.Deadline != 1234 {
			t.Errorf("Check of %d bytes: got %+v, %v", len(value), h, err)
		}
		for i := range frame {
			bad := bytes.Clone(frame)
			bad[i] ^= 0x10
			if _, err := c.Check("k", bad); err == nil {
				t.Errorf("Check with byte %d changed: got nil, want ErrCorrupt", i)
			}
		}
	}
	if _, err := c.Check("other", sealed(c, "k", nil)); err == nil {
		t.Error("Check under another key: got nil, want ErrCorrupt")
	}
}
