package codec_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/stratakv/strata/codec"
)

func TestOptionsOutOfRangeAreAllNamed(t *testing.T) {
	tests := []struct {
		opts  codec.Options
		limit int
		want  []string // names in the error; none: it is sound
	}{
		{codec.Options{}, 1, nil},
		{codec.Options{Level: -9, MinBytes: 1, Dictionaries: [][]byte{}}, codec.MaxValue, nil},
		{codec.Options{Level: 4}, 64 << 20, nil},
		{codec.Options{Level: 5}, limit, []string{"Level 5"}},
		{codec.Options{MinBytes: -1}, limit, []string{"MinBytes -1"}},
		{codec.Options{}, 0, []string{"limit of 0"}},
		{codec.Options{}, -1, []string{"limit of -1"}},
		{codec.Options{}, codec.MaxValue + 1, []string{"limit of"}},
		{codec.Options{Level: 7, MinBytes: -2}, 0, []string{"Level 7", "MinBytes -2", "limit of 0"}},
	}
	for _, tt := range tests {
		c, err := codec.New(tt.opts, tt.limit)
		if (err == nil) != (tt.want == nil) || (c == nil) != (err != nil) {
			t.Errorf("New(%+v, %d): got %v, %v", tt.opts, tt.limit, c, err)
		}
		for _, w := range tt.want {
			if err != nil && !strings.Contains(err.Error(), w) {
				t.Errorf("New(%+v, %d): got %q, want %q in it", tt.opts, tt.limit, err, w)
			}
		}
	}
}

func TestRoundTrip(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for level := -1; level <= 4; level++ {
		c := newCodec(t, codec.Options{Level: level})
		for range 150 {
			key := string(random(rng.IntN(40)))
			value := anyValue(rng)
			frame := c.Encode(value)
			if cap(frame) > len(frame)+len(frame)/4+16 {
				t.Errorf("frame of %d bytes has capacity %d, want no room behind it", len(frame), cap(frame))
			}
			version, deadline := 1+rng.Uint64()>>1, int64(rng.Uint64())
			head := codec.Seal(frame, key, version, deadline)
			if head.Version != version || head.Deadline != deadline || head.RawLen != len(value) || head.FrameLen != len(frame) {
				t.Fatalf("level %d: Seal of %d bytes: got %+v", level, len(value), head)
			}
			if got, err := codec.Head(key, frame); err != nil || got != head {
				t.Fatalf("level %d: Head: got %+v, %v, want %+v", level, got, err, head)
			}
			got, err := c.Decode([]byte("before"), key, frame)
			if want := "before" + string(value); err != nil || string(got) != want {
				t.Fatalf("level %d: %d bytes did not come back: got %d bytes, %v", level, len(value), len(got), err)
			}
		}
	}
}

// anyValue is empty, short, repetitive, random, or a mix, of any length around
// the thresholds up to several zstd blocks.
func anyValue(rng *rand.Rand) []byte {
	n := []int{0, 1, 127, 128, 129, 1024, 4000, 131072, 131073, 400_000}[rng.IntN(10)]
	if rng.IntN(2) == 0 {
		n = rng.IntN(n + 1)
	}
	switch rng.IntN(3) {
	case 0:
		return bytes.Repeat([]byte("ab"), n/2)
	case 1:
		return random(n)
	}
	return append(random(n/3), session(n)...)
}

func TestFrameHoldsACopy(t *testing.T) {
	for _, value := range [][]byte{[]byte("short"), bytes.Repeat([]byte("long"), 100)} {
		c := newCodec(t, codec.Options{})
		want := string(value)
		frame := c.Encode(value)
		clear(value)
		codec.Seal(frame, "k", 1, 0)
		got, err := c.Decode(nil, "k", frame)
		if err != nil || string(got) != want {
			t.Fatalf("after the caller changed his value: got %q, %v, want %q", got, err, want)
		}
		clear(frame)
		if string(got) != want {
			t.Errorf("after the frame was overwritten: got %q, want %q", got, want)
		}
	}
}

func TestDecodeUsesRoomOfDst(t *testing.T) {
	c := newCodec(t, codec.Options{})
	for _, value := range [][]byte{[]byte("raw"), session(2048)} {
		frame := sealed(c, "k", value)
		for _, spare := range []int{0, 1, 16, 100} {
			dst := append(make([]byte, 0, 3+len(value)+spare), "abc"...)
			got, err := c.Decode(dst, "k", frame)
			if err != nil || string(got) != "abc"+string(value) {
				t.Fatalf("spare %d: got %d bytes, %v", spare, len(got), err)
			}
			if &got[0] != &dst[0] {
				t.Errorf("%d bytes, spare %d: dst had room and was replaced", len(value), spare)
			}
		}
	}
}

func TestDecodeLeavesDstOnError(t *testing.T) {
	c := newCodec(t, codec.Options{})
	frame := sealed(c, "k", session(600))
	frame[len(frame)-1] ^= 1
	got, err := c.Decode([]byte("before"), "k", frame)
	if err == nil || string(got) != "before" {
		t.Errorf("got %q, %v, want what dst held and an error", got, err)
	}
}

func TestEncodeAboveLimitPanics(t *testing.T) {
	c := newCodec(t, codec.Options{})
	c.Encode(make([]byte, limit))
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, "P10") {
			t.Errorf("got %q, want a panic that names P10", got)
		}
	}()
	c.Encode(make([]byte, limit+1))
}

func TestConcurrentUse(t *testing.T) {
	c := newCodec(t, codec.Options{MinBytes: 1})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				key, value := fmt.Sprint(g), session(100+37*i+g)
				got, err := c.Decode(nil, key, sealed(c, key, value))
				if err != nil || !bytes.Equal(got, value) {
					t.Errorf("goroutine %d, value %d: got %d bytes, %v", g, i, len(got), err)
					return
				}
			}
		})
	}
	wg.Wait()
}
