//go:build !nozstd

package codec_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/klauspost/compress/dict"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/tiered/tier"
)

// trained makes a dictionary of sessions under id.
func trained(t testing.TB, id uint32) []byte {
	t.Helper()
	var samples [][]byte
	for n := range 60 {
		samples = append(samples, session(200+n*5))
	}
	d, err := dict.BuildZstdDict(samples, dict.Options{MaxDictSize: 2 << 10, HashBytes: 6, ZstdDictID: id})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDictionaryMakesShortValuesShorter(t *testing.T) {
	one, two := trained(t, 71), trained(t, 72)
	value := session(230)
	plain := newCodec(t, codec.Options{})
	with := newCodec(t, codec.Options{Dictionaries: [][]byte{one}})
	both := newCodec(t, codec.Options{Dictionaries: [][]byte{one, two}})
	frame := sealed(with, "k", value)
	if got, most := len(frame), len(sealed(plain, "k", value))-40; got > most {
		t.Errorf("frame with a dictionary: got %d bytes, want at most %d", got, most)
	}
	if frame[4] != 71 || sealed(both, "k", value)[4] != 72 {
		t.Errorf("dictionary in the frames: got %d and %d, want 71 and the last one, 72", frame[4], sealed(both, "k", value)[4])
	}
	for name, c := range map[string]*codec.Codec{"the same": with, "one of two": both} {
		if got, err := c.Decode(nil, "k", frame); err != nil || !bytes.Equal(got, value) {
			t.Errorf("read with %s: got %d bytes, %v", name, len(got), err)
		}
		if got, err := c.Decode(nil, "k", sealed(plain, "k", value)); err != nil || !bytes.Equal(got, value) {
			t.Errorf("a frame without a dictionary, read with %s: got %d bytes, %v", name, len(got), err)
		}
	}
	packed := with.Pack(nil, value)
	head, err := with.Check("k", frame)
	if got := codec.AppendFrame(nil, packed, "k", head); err != nil || !bytes.Equal(got, frame) {
		t.Errorf("packed with a dictionary: got another frame, %v", err)
	}
	if got, err := with.Unpack(nil, codec.PackFrame(nil, frame), len(value)); err != nil || !bytes.Equal(got, value) {
		t.Errorf("unpacked with a dictionary: got %d bytes, %v", len(got), err)
	}
	for name, c := range map[string]*codec.Codec{"none": plain, "another": newCodec(t, codec.Options{Dictionaries: [][]byte{two}})} {
		if _, err := c.Decode(nil, "k", frame); !errors.Is(err, tier.ErrCorrupt) || !strings.Contains(err.Error(), "unknown dictionary") {
			t.Errorf("read with %s: got %v, want ErrCorrupt that names the dictionary", name, err)
		}
		if _, err := c.Check("k", frame); !errors.Is(err, tier.ErrCorrupt) {
			t.Errorf("Check with %s: got %v, want ErrCorrupt", name, err)
		}
	}
}

func TestHostileDictionaryIsRefused(t *testing.T) {
	sound := trained(t, 9)
	for name, d := range map[string][]byte{
		"empty": {}, "text": []byte("this is no dictionary at all, whatever its length"),
		"cut": sound[:40], "id 0": append([]byte{0x37, 0xa4, 0x30, 0xec, 0, 0, 0, 0}, sound[8:]...),
	} {
		if _, err := codec.New(codec.Options{Dictionaries: [][]byte{sound, d}}, limit); err == nil || !strings.Contains(err.Error(), "Dictionaries[1]") {
			t.Errorf("%s: got %v, want an error that names Dictionaries[1]", name, err)
		}
	}
}

func TestDictionaryIsCopied(t *testing.T) {
	d, value := trained(t, 9), session(300)
	c := newCodec(t, codec.Options{Dictionaries: [][]byte{d}})
	clear(d)
	if got, err := c.Decode(nil, "k", sealed(c, "k", value)); err != nil || !bytes.Equal(got, value) {
		t.Errorf("after the caller cleared its dictionary: got %d bytes, %v", len(got), err)
	}
}

func TestAddRefuses(t *testing.T) {
	one := trained(t, 9)
	c := newCodec(t, codec.Options{Dictionaries: [][]byte{one}})
	other := bytes.Clone(one)
	other[len(other)-1] ^= 1
	for name, d := range map[string][]byte{"another one of the id": other, "cut": one[:40], "empty": nil} {
		if _, err := c.Add(d); !errors.Is(err, codec.ErrDictionary) {
			t.Errorf("%s: got %v, want ErrDictionary", name, err)
		}
	}
	if _, err := codec.New(codec.Options{Dictionaries: [][]byte{one, other}}, limit); !errors.Is(err, codec.ErrDictionary) {
		t.Errorf("two of one id: got %v, want ErrDictionary", err)
	}
	if _, err := codec.New(codec.Options{Dictionaries: [][]byte{one, one}}, limit); err != nil {
		t.Errorf("the same one twice: got %v, want none", err)
	}
}

// TestLongValuesDoWithoutTheDictionary, or with the given one.
func TestLongValuesDoWithoutTheDictionary(t *testing.T) {
	c := newCodec(t, codec.Options{})
	d, err := c.Add(trained(t, 70))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{300, 100_000} {
		value := session(n)
		frame := c.EncodeWith(d, value)
		codec.Seal(frame, "k", 7, 0)
		if got, err := c.Decode(nil, "k", frame); err != nil || !bytes.Equal(got, value) {
			t.Errorf("%d bytes: got %d, %v", n, len(got), err)
		}
		if got := c.Encode(value); got[4] != 0 {
			t.Errorf("%d bytes, Encode: got dictionary %d, want none: it was added, not given", n, got[4])
		}
	}
}
