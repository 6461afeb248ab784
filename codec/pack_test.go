package codec_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/tiered/tier"
)

// What is packed is the same frame, whichever way it went.
func TestPackedIsTheFrame(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, level := range []int{-1, 1, 3} {
		c := newCodec(t, codec.Options{Level: level})
		var room []byte
		for range 200 {
			key, value, before := string(random(rng.IntN(40))), anyValue(rng), random(rng.IntN(50))
			frame := c.Encode(value)
			head := codec.Seal(frame, key, 1+rng.Uint64()>>1, int64(rng.Uint64()))
			room = c.Pack(append(room[:0], before...), value)
			packed := room[len(before):]
			if !bytes.Equal(room[:len(before)], before) || len(packed) > len(frame)-codec.HeaderSize+5 {
				t.Fatalf("level %d: got %d bytes of a frame of %d, or what was before them was changed", level, len(packed), len(frame))
			}
			if got := codec.AppendFrame(bytes.Clone(before), packed, key, head); !bytes.Equal(got[len(before):], frame) {
				t.Fatalf("level %d, value of %d bytes: got another frame than Encode's and Seal's", level, len(value))
			}
			if got := codec.PackFrame(bytes.Clone(before), frame); !bytes.Equal(got[len(before):], packed) {
				t.Fatalf("level %d, value of %d bytes: got another form from the frame", level, len(value))
			}
			if got, err := c.Unpack(bytes.Clone(before), packed, len(value)); err != nil || !bytes.Equal(got[len(before):], value) {
				t.Fatalf("level %d, value of %d bytes: got %d back, %v", level, len(value), len(got)-len(before), err)
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
		want, _ := codec.Head("k", frame)
		if got, h, err := c.DecodeRecord(nil, "k", frame); err != nil || !bytes.Equal(got, value) || h != want {
			t.Errorf("DecodeRecord of %d bytes: got %d bytes, %+v, %v, want the head %+v", len(value), len(got), h, err, want)
		}
		for i := range frame {
			bad := bytes.Clone(frame)
			bad[i] ^= 0x10
			if _, err := c.Check("k", bad); err == nil {
				t.Errorf("Check with byte %d changed: got nil, want ErrCorrupt", i)
			}
			if _, h, err := c.DecodeRecord(nil, "k", bad); err == nil || h != (tier.Head{}) {
				t.Errorf("DecodeRecord with byte %d changed: got %+v, %v, want no head and ErrCorrupt", i, h, err)
			}
		}
	}
	if _, err := c.Check("other", sealed(c, "k", nil)); err == nil {
		t.Error("Check under another key: got nil, want ErrCorrupt")
	}
}
