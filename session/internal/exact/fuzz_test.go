package exact_test

import (
	"bytes"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/stratakv/strata/session/internal/exact"
	"github.com/stratakv/strata/session/internal/exact/exacttest"
	"github.com/stratakv/strata/tiered/tier"
)

// FuzzDecode: whatever the bytes are, decoding gives a value or an error, never
// a panic; and a value comes back of its own encoding.
func FuzzDecode(f *testing.F) {
	c := exact.New()
	for _, v := range []any{
		nil, true, -1, 1.5, "text", []byte{0, 255}, int8(1), uint64(1 << 63), float32(2), big.NewInt(-9),
		time.Unix(1, 2).UTC(), time.Unix(1, 2).In(time.FixedZone("CET", 3600)),
		[]any{nil, []string{"a"}, map[any]any{1: int16(2), nil: "x"}}, map[string]any{"a": map[string]any{"b": []int64(nil)}},
		map[string][]map[int8]bool{"a": {nil, {1: true}}}, user{Name: "n", Next: &user{Any: []role{"x"}}},
	} {
		data, err := c.Encode(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, s := range []string{
		"", "\x01", "\x03\x01", "\x01\x9a\x7f\xff\xff\xff\x01", "\x01\xd8\xb2\xd8\xb2\xd8\xb2", "\x01\xf9\x3c\x00",
		"\x01\xc0\x74" + "2026-11-21T00:00:00Z", "\x02\xd8\x25\x41\x00", "\x01\xa2\x01\x02\x61a\x03", "\x01\x3b\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		given := bytes.Clone(data)
		var into map[string]user
		if err := c.DecodeInto(data, &into); err != nil && !errors.Is(err, tier.ErrCorrupt) && !errors.Is(err, exact.ErrValue) {
			t.Errorf("into: got %v, want ErrCorrupt or ErrValue", err)
		}
		v, err := c.Decode(data)
		if !bytes.Equal(data, given) {
			t.Fatal("decoding changed the data")
		}
		if err != nil {
			if !errors.Is(err, tier.ErrCorrupt) && !errors.Is(err, exact.ErrValue) {
				t.Errorf("got %v, want ErrCorrupt", err)
			}
			return
		}
		if got := again(t, c, v); !exacttest.Equal(got, v) {
			t.Errorf("got %#v, want %#v", got, v)
		}
	})
}
