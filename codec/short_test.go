//go:build !nozstd && !wasm

package codec_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/codec/train"
	"github.com/stratakv/strata/internal/sessiondata"
)

// sessionsTrained is a dictionary of sessions in JSON.
func sessionsTrained(t testing.TB) []byte { return trainedOn(t, jsonRecord) }

func jsonRecord(s *sessiondata.Source) []byte { return s.JSON(s.Size()) }

func cborRecord(s *sessiondata.Source) []byte { return s.CBOR(s.Size()) }

// trainedOn is a dictionary of session records.
func trainedOn(t testing.TB, record func(*sessiondata.Source) []byte) []byte {
	t.Helper()
	s := sessiondata.New(1)
	var samples [][]byte
	for range 128 {
		samples = append(samples, record(s))
	}
	r, err := train.Dictionary(samples, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r.Bytes
}

// bodyOf is the body of an unsealed frame.
func bodyOf(frame []byte) []byte { return frame[codec.HeaderSize:] }

// patchwork is a value of n bytes that consists of few bytes, of copies of what
// came before, near and far, and of runs.
func patchwork(rng *rand.Rand, n int) []byte {
	v := make([]byte, 0, n)
	kinds := 1 + rng.IntN(255)
	for len(v) < n {
		left := n - len(v)
		switch rng.IntN(4) {
		case 0:
			for range min(1+rng.IntN(80), left) {
				v = append(v, byte(rng.IntN(kinds)))
			}
		case 1:
			v = append(v, bytes.Repeat([]byte{byte(rng.IntN(kinds))}, min(1+rng.IntN(300), left))...)
		default:
			if len(v) == 0 {
				continue
			}
			from := rng.IntN(len(v))
			v = append(v, v[from:min(from+1+rng.IntN(60), len(v), from+left)]...)
		}
	}
	return v
}

// TestShortValuesAreZstd: what short values become is zstd's own form: a
// decoder of nothing but the dictionary gives them back.
func TestShortValuesAreZstd(t *testing.T) {
	d := sessionsTrained(t)
	plain := newCodec(t, codec.Options{MinBytes: 1})
	with := newCodec(t, codec.Options{MinBytes: 1, Dictionaries: [][]byte{d}})
	foreign, err := zstd.NewReader(nil, zstd.WithDecoderDicts(d))
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Close()
	check := func(value []byte) {
		t.Helper()
		for name, c := range map[string]*codec.Codec{"without": plain, "with": with} {
			frame := c.Encode(value)
			if !compressed(frame) {
				continue
			}
			if got, err := foreign.DecodeAll(bodyOf(frame), nil); err != nil || !bytes.Equal(got, value) {
				t.Fatalf("%s a dictionary, %d bytes: got %d bytes, %v", name, len(value), len(got), err)
			}
		}
	}
	rng := rand.New(rand.NewPCG(4, 4))
	s := sessiondata.New(2)
	for range 400 {
		check(s.JSON(s.Size()))
		check(s.CBOR(s.Size()))
		check(patchwork(rng, 1+rng.IntN(300)))
		check(patchwork(rng, 1+rng.IntN(20_000)))
		check(append(patchwork(rng, rng.IntN(3000)), s.JSON(1500)...))
	}
	for n := 16_000; n < 16_800; n += 61 { // about where another encoder takes over
		check(patchwork(rng, n))
	}
}

// TestShortValuesShrink: figures that the encoder had when it was written, and a
// little less.
func TestShortValuesShrink(t *testing.T) {
	plain := newCodec(t, codec.Options{})
	with := newCodec(t, codec.Options{Dictionaries: [][]byte{sessionsTrained(t)}})
	s := sessiondata.New(5)
	half := append(random(150), make([]byte, 150)...)
	for _, tt := range []struct {
		name  string
		c     *codec.Codec
		value []byte
		most  int
	}{
		{"JSON of 400 bytes", with, s.JSON(400), 150},
		{"JSON of 1,500 bytes", with, s.JSON(1500), 450},
		{"zeros behind noise, with a dictionary", with, half, 180},
		{"zeros behind noise", plain, half, 175},
		{"JSON of 1,500 bytes without a dictionary", plain, s.JSON(1500), 900},
		{"noise", with, random(300), 300},
	} {
		if got := len(bodyOf(tt.c.Encode(tt.value))); got > tt.most {
			t.Errorf("%s: got a body of %d bytes, want at most %d", tt.name, got, tt.most)
		}
	}
}

// TestAddWhileInUse: a dictionary that is added is there for those who read
// meanwhile, and they never fail for it.
func TestAddWhileInUse(t *testing.T) {
	c, other := newCodec(t, codec.Options{}), newCodec(t, codec.Options{})
	value := session(500)
	frame := sealed(c, "k", value)
	done := make(chan error, 4)
	stop := make(chan struct{})
	for range cap(done) {
		go func() {
			for {
				if got, err := c.Decode(nil, "k", frame); err != nil || !bytes.Equal(got, value) {
					done <- err
					return
				}
				select {
				case <-stop:
					done <- nil
					return
				default:
				}
			}
		}()
	}
	for id := uint32(40_000); id < 40_004; id++ {
		dict := trained(t, id)
		theirs, err := other.Add(dict)
		if err != nil {
			t.Fatal(err)
		}
		foreign := other.EncodeWith(theirs, value)
		codec.Seal(foreign, "k", 7, 1234)
		if _, err := c.Decode(nil, "k", foreign); err == nil {
			t.Fatal("a frame was read before its dictionary was added")
		}
		d, err := c.Add(dict)
		if err != nil || d.ID() != id {
			t.Fatalf("add: got id %d, %v, want %d", d.ID(), err, id)
		}
		if got, err := c.Decode(nil, "k", foreign); err != nil || !bytes.Equal(got, value) {
			t.Fatalf("after Add: got %d bytes, %v", len(got), err)
		}
		if again, err := c.Add(dict); again != d || err != nil {
			t.Fatalf("added again: got another dictionary, %v", err)
		}
	}
	close(stop)
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// FuzzShort: whatever the value, it comes back, with a dictionary and without.
func FuzzShort(f *testing.F) {
	d := sessionsTrained(f)
	codecs := []*codec.Codec{
		newCodec(f, codec.Options{MinBytes: 1}), newCodec(f, codec.Options{MinBytes: 1, Dictionaries: [][]byte{d}}),
	}
	s := sessiondata.New(7)
	f.Add([]byte(nil), uint16(0))
	f.Add(s.JSON(400), uint16(3))
	f.Add(s.CBOR(900), uint16(40))
	f.Add(d[len(d)-300:], uint16(1))
	f.Fuzz(func(t *testing.T, value []byte, repeat uint16) {
		if n := len(value); n > 0 {
			value = bytes.Repeat(value, 1+int(repeat)%max(20_000/n, 1))
		}
		if len(value) > limit {
			t.Skip()
		}
		for _, c := range codecs {
			frame := sealed(c, "k", value)
			if got, err := c.Decode(nil, "k", frame); err != nil || !bytes.Equal(got, value) {
				t.Fatalf("got %d bytes, %v, want %d", len(got), err, len(value))
			}
		}
	})
}
