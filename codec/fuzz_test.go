package codec_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/tiered/tier"
)

// FuzzDecode gives any bytes as a frame: first as they are, then with right
// checksums, so that the mutations reach what lies behind those. What is
// accepted says the same when it is encoded again.
func FuzzDecode(f *testing.F) {
	c := fuzzedCodec(f)
	for _, n := range []int{0, 5, 200, 600} {
		f.Add("key", sealed(c, "key", session(n)))
	}
	f.Add("", []byte(nil))
	f.Add("key", layout{format: 1, flags: 1, version: 1, rawLen: 1 << 19, body: []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0x50, 3, 0, 0x10, 'x'}}.frame("key"))
	f.Fuzz(func(t *testing.T, key string, frame []byte) {
		checkDecode(t, c, key, frame)
		if len(frame) >= codec.HeaderSize {
			checkDecode(t, c, key, rewritten(key, frame))
		}
	})
}

// rewritten is frame with checksums that are right.
func rewritten(key string, frame []byte) []byte {
	u := func(at, n int) (v uint64) {
		for i := n - 1; i >= 0; i-- {
			v = v<<8 | uint64(frame[at+i])
		}
		return v
	}
	return layout{
		format: frame[0], flags: frame[1], zero: uint16(u(2, 2)), dictionary: uint32(u(4, 4)),
		deadline: int64(u(8, 8)), version: u(16, 8), rawLen: uint32(u(24, 4)), body: frame[codec.HeaderSize:],
	}.frame(key)
}

func checkDecode(t *testing.T, c *codec.Codec, key string, frame []byte) {
	before := bytes.Clone(frame)
	head, headErr := codec.Head(key, frame)
	value, err := c.Decode(nil, key, frame)
	if !bytes.Equal(frame, before) {
		t.Fatal("the frame was changed")
	}
	if headErr != nil {
		if !errors.Is(headErr, tier.ErrCorrupt) || head != (tier.Head{}) || err == nil {
			t.Fatalf("Head: got %+v, %v; Decode: %v", head, headErr, err)
		}
		return
	}
	if again, got := codec.Reseal(frame, key, head.Version, head.Deadline); got != head || !bytes.Equal(again, frame) {
		t.Fatalf("sealed again: got %+v, want %+v and the same bytes", got, head)
	}
	if err != nil {
		if !errors.Is(err, tier.ErrCorrupt) || value != nil {
			t.Fatalf("Decode: got %d bytes, %v", len(value), err)
		}
		return
	}
	if len(value) != head.RawLen {
		t.Fatalf("got %d bytes, the head says %d", len(value), head.RawLen)
	}
	fresh := c.Encode(value)
	got := codec.Seal(fresh, key, head.Version, head.Deadline)
	if got.FrameLen = head.FrameLen; got != head { // another encoder may have made the body
		t.Fatalf("encoded again: got %+v, want %+v", got, head)
	}
}

func FuzzRoundTrip(f *testing.F) {
	var codecs []*codec.Codec
	for level := -1; level <= 3; level++ {
		codecs = append(codecs, newCodec(f, codec.Options{Level: level, MinBytes: 1}))
	}
	f.Add("", []byte(nil), uint64(1), int64(0))
	f.Add("session:1", session(600), uint64(1<<63), int64(1795000000000))
	f.Add("\xff\x00", bytes.Repeat([]byte("ab"), 200), uint64(2), int64(-1))
	f.Add("k", random(150), uint64(3), int64(1<<62))
	f.Fuzz(func(t *testing.T, key string, value []byte, version uint64, deadline int64) {
		if len(value) > limit || version == 0 {
			t.Skip()
		}
		for _, c := range codecs {
			frame := c.Encode(value)
			want := tier.Head{Version: version, Deadline: deadline, RawLen: len(value), FrameLen: len(frame)}
			if got := codec.Seal(frame, key, version, deadline); got != want || len(frame) > codec.HeaderSize+len(value) {
				t.Fatalf("Seal: got %+v, want %+v, no longer than the value's own", got, want)
			}
			if got, err := codec.Head(key, frame); err != nil || got != want {
				t.Fatalf("Head: got %+v, %v, want %+v", got, err, want)
			}
			if got, err := c.Decode(nil, key, frame); err != nil || !bytes.Equal(got, value) {
				t.Fatalf("Decode: got %d bytes, %v, want %d", len(got), err, len(value))
			}
		}
	})
}
