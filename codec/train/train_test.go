//go:build !wasm && !nozstd

package train_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/huff0"
	"github.com/klauspost/compress/zstd"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/codec/train"
	"github.com/stratakv/strata/internal/sessiondata"
)

// kinds are the two forms of session records.
var kinds = map[string]func(s *sessiondata.Source) []byte{
	"JSON": func(s *sessiondata.Source) []byte { return s.JSON(s.Size()) },
	"CBOR": func(s *sessiondata.Source) []byte { return s.CBOR(s.Size()) },
}

func samplesOf(kind string, seed uint64, n int) [][]byte {
	s := sessiondata.New(seed)
	all := make([][]byte, n)
	for i := range all {
		all[i] = kinds[kind](s)
	}
	return all
}

// TestSessionFigures trains on 256 session records and measures others: what
// their frames take, headers included, of what they take without a dictionary
// and of the values themselves.
func TestSessionFigures(t *testing.T) {
	for kind, most := range map[string]struct{ without, raw float64 }{"JSON": {0.5, 0.35}, "CBOR": {0.6, 0.47}} {
		r, err := train.Dictionary(samplesOf(kind, 1, 256), nil)
		if err != nil {
			t.Fatal(err)
		}
		c, err := codec.New(codec.Options{}, train.MaxSample)
		if err != nil {
			t.Fatal(err)
		}
		d, err := c.Add(r.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		var raw, stored, without int
		for _, v := range samplesOf(kind, 2, 4000) {
			raw, stored, without = raw+len(v), stored+len(c.EncodeWith(d, v)), without+len(c.Encode(v))
		}
		ofWithout, ofRaw := float64(stored)/float64(without), float64(stored)/float64(raw)
		t.Logf("%s of %d bytes on average: stored in %.3f of what they take without a dictionary, %.3f of their length (%d bytes of dictionary)",
			kind, raw/4000, ofWithout, ofRaw, len(r.Bytes))
		if ofWithout > most.without || ofRaw > most.raw {
			t.Errorf("%s: got %.3f and %.3f, want at most %.3f and %.3f", kind, ofWithout, ofRaw, most.without, most.raw)
		}
		if told := float64(r.Stored) / float64(r.Raw); told < ofRaw*0.9 || told > ofRaw*1.1 {
			t.Errorf("%s: training said %.3f of their length, it is %.3f", kind, told, ofRaw)
		}
	}
}

// TestWhatOneRecordHasStaysOut: a dictionary is kept for ever and carried
// around; tokens must not be in it.
func TestWhatOneRecordHasStaysOut(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var samples [][]byte
	var secrets []string
	for range 200 {
		secret := fmt.Sprintf("%016x%016x", rng.Uint64(), rng.Uint64())
		secrets = append(secrets, secret)
		samples = append(samples, []byte(`{"user":"somebody","token":"`+secret+`","flash":"the order was placed","theme":"dark"}`))
	}
	r, err := train.Dictionary(samples, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(r.Bytes, []byte(`"theme":"dark"}`)) {
		t.Errorf("what all records have is not in the dictionary: %q", r.Bytes)
	}
	for _, s := range secrets {
		for at := range len(s) - 9 {
			if bytes.Contains(r.Bytes, []byte(s[at:at+10])) {
				t.Fatalf("the dictionary holds part of a secret")
			}
		}
	}
}

// TestOlderZstdTakesIt: zstd up to 1.5.5 refuses to compress with a dictionary
// whose table of literals has no code for byte 255.
func TestOlderZstdTakesIt(t *testing.T) {
	for kind := range kinds {
		r, err := train.Dictionary(samplesOf(kind, 1, 128), nil)
		if err != nil {
			t.Fatal(err)
		}
		table, _, err := huff0.ReadTable(r.Bytes[8:], nil)
		if err != nil {
			t.Fatal(err)
		}
		has := false
		for other := range 255 { // of which some have short codes
			s := &huff0.Scratch{Reuse: huff0.ReusePolicyMust}
			s.TransferCTable(table)
			_, _, err := huff0.Compress1X(append(bytes.Repeat([]byte{byte(other)}, 60), 255), s)
			has = has || err == nil
		}
		if !has {
			t.Errorf("%s: its table has no code for byte 255", kind)
		}
	}
}

func hostile() map[string][][]byte {
	rng := rand.New(rand.NewPCG(2, 2))
	many := func(n int, make func(i int) []byte) (all [][]byte) {
		for i := range n {
			all = append(all, make(i))
		}
		return all
	}
	noise := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	return map[string][][]byte{
		"none": nil, "empty": many(100, func(int) []byte { return nil }), "one": {noise(3000)},
		"too few": many(20, func(int) []byte { return []byte("the same value again and again") }),
		"short":   many(1000, func(i int) []byte { return noise(i % 8) }),
		"noise":   many(300, func(int) []byte { return noise(500) }),
		"zeros":   many(300, func(i int) []byte { return make([]byte, 100+i) }),
		"equal":   many(300, func(int) []byte { return []byte(`{"user":"somebody","token":"none","flash":"the order was placed"}`) }),
		"two":     many(300, func(i int) []byte { return bytes.Repeat([]byte{byte(i & 1)}, 200+i) }),
		"one byte apart": many(300, func(i int) []byte {
			b := bytes.Repeat([]byte("abcdefgh"), 30)
			b[i%len(b)] = byte(i)
			return b
		}),
		"long":      many(40, func(int) []byte { return noise(16_000) }),
		"too long":  many(40, func(int) []byte { return noise(17_000) }),
		"all bytes": many(300, func(i int) []byte { return append(bytes.Repeat([]byte{byte(i)}, 300), noise(256)...) }),
	}
}

// TestHostileSamples: an error, or a dictionary that the decoder takes; which
// Dictionary itself has tried.
func TestHostileSamples(t *testing.T) {
	for name, samples := range hostile() {
		r, err := train.Dictionary(samples, nil)
		if err != nil {
			if r.Bytes != nil {
				t.Errorf("%s: a dictionary with the error %v", name, err)
			}
			continue
		}
		if d, err := zstd.InspectDictionary(r.Bytes); err != nil || d.ID() != r.ID || r.ID < train.MinID || r.ID > train.MaxID {
			t.Errorf("%s: got id %d, %v", name, r.ID, err)
		}
	}
	for _, name := range []string{"none", "empty", "one", "too few", "short", "noise", "long", "too long"} {
		if _, err := train.Dictionary(hostile()[name], nil); !errors.Is(err, train.ErrNone) {
			t.Errorf("%s: got %v, want ErrNone", name, err)
		}
	}
}

// TestIDIsNotTaken: it is made of the bytes, and another one where it is taken.
func TestIDIsNotTaken(t *testing.T) {
	samples := samplesOf("JSON", 1, 128)
	one, err := train.Dictionary(samples, nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := train.Dictionary(samples, nil)
	if err != nil || again.ID != one.ID || !bytes.Equal(again.Bytes, one.Bytes) {
		t.Errorf("the same samples: got id %d, %v, want %d and the same bytes", again.ID, err, one.ID)
	}
	other, err := train.Dictionary(samples, &train.Options{Taken: func(id uint32) bool { return id == one.ID }})
	if err != nil || other.ID == one.ID || !bytes.Equal(other.Bytes[8:], one.Bytes[8:]) {
		t.Errorf("with its id taken: got id %d, %v, want another one than %d", other.ID, err, one.ID)
	}
}

func BenchmarkDictionary(b *testing.B) {
	for kind := range kinds {
		samples := samplesOf(kind, 1, 300)
		b.Run(kind, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := train.Dictionary(samples, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// FuzzDictionary cuts any bytes into samples of several lengths.
func FuzzDictionary(f *testing.F) {
	for _, samples := range hostile() {
		all := bytes.Join(samples, nil)
		f.Add(all[:min(len(all), 20_000)], uint8(60))
	}
	f.Fuzz(func(t *testing.T, all []byte, length uint8) {
		var samples [][]byte
		for n := 0; len(all) > 0; n++ {
			one := min(len(all), 1+int(length)+n%7)
			samples, all = append(samples, all[:one]), all[one:]
		}
		if r, err := train.Dictionary(samples, &train.Options{Bytes: 2000}); err == nil && len(r.Bytes) > 4000 {
			t.Fatalf("got %d bytes, want about 2,000", len(r.Bytes))
		}
	})
}
