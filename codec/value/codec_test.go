package value_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stratakv/strata/codec/value"
)

type session struct {
	User    int64
	Name    string
	Roles   []string
	CSRF    []byte
	Cart    map[string]item
	Seen    time.Time
	Next    *session
	Score   float64
	Flags   [3]bool
	Ignored any
}

type item struct {
	SKU uint64 `json:"sku"`
	Qty int8   `json:"qty"`
}

func sample() session {
	return session{
		User: math.MinInt64, Name: "Zoë <>&\u2028", Roles: []string{"a", ""}, CSRF: []byte{0, 255, 7},
		Cart:  map[string]item{"x": {SKU: math.MaxUint64, Qty: -128}, "": {}},
		Seen:  time.Date(2026, 11, 21, 3, 4, 5, 123456789, time.FixedZone("", -5*3600-1800)),
		Score: 0.1, Flags: [3]bool{true, false, true}, Next: &session{Roles: []string{}},
	}
}

// roundTrip gives what comes back of v.
func roundTrip[T any](t *testing.T, c value.Codec[T], v T) T {
	t.Helper()
	data, err := c.Encode(v)
	if err != nil {
		t.Fatalf("encode %T: %v (%v)", v, err, errors.Unwrap(err))
	}
	var got T
	if err := c.Decode(data, &got); err != nil {
		t.Fatalf("decode %T: %v (%v)", v, err, errors.Unwrap(err))
	}
	clear(data) // what came back must not depend on it
	return got
}

func TestStructComesBack(t *testing.T) {
	for name, c := range map[string]value.Codec[session]{"json": value.JSON[session](), "cbor": value.CBOR[session]()} {
		want := sample()
		got := roundTrip(t, c, want)
		if !got.Seen.Equal(want.Seen) || got.Seen.Format(time.RFC3339Nano) != want.Seen.Format(time.RFC3339Nano) {
			t.Errorf("%s: time: got %v, want %v", name, got.Seen, want.Seen)
		}
		got.Seen = want.Seen // DeepEqual compares zone pointers
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got  %+v\nwant %+v", name, got, want)
		}
	}
}

func TestCBORKeepsTypesInAny(t *testing.T) {
	huge := new(big.Int).Lsh(big.NewInt(1), 63)
	tests := []struct{ in, want any }{
		{nil, nil},
		{true, true},
		{0, int64(0)},
		{-1, int64(-1)},
		{int8(-128), int64(-128)},
		{int64(math.MaxInt64), int64(math.MaxInt64)},
		{int64(math.MinInt64), int64(math.MinInt64)},
		{uint64(1) << 63, *huge},
		{3.0, 3.0},
		{0.1, 0.1},
		{math.Inf(-1), math.Inf(-1)},
		{"", ""},
		{"not \xff UTF-8", "not \xff UTF-8"},
		{[]byte{}, []byte{}},
		{[]byte{0, 255}, []byte{0, 255}},
		{[]any{1, "a", []byte("b")}, []any{int64(1), "a", []byte("b")}},
		{map[string]any{"n": map[string]any{"m": 1}}, map[string]any{"n": map[string]any{"m": int64(1)}}},
		{time.Time{}, nil},
	}
	c := value.CBOR[any]()
	for _, tt := range tests {
		got := roundTrip(t, c, tt.in)
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%T %v: got %T %v, want %T %v", tt.in, tt.in, got, got, tt.want, tt.want)
		}
	}
	if got := roundTrip(t, c, any(math.NaN())); !math.IsNaN(got.(float64)) {
		t.Errorf("NaN: got %v", got)
	}
}

func TestTimes(t *testing.T) {
	tests := []time.Time{
		{},
		time.Unix(0, 1),
		time.Date(2026, 11, 21, 1, 2, 3, 999999999, time.UTC),
		time.Date(2026, 6, 1, 1, 2, 3, 1, time.FixedZone("CEST", 7200)),
		time.Date(2026, 6, 1, 1, 2, 3, 0, time.FixedZone("", 5*3600+45*60)),
		time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
	}
	for name, c := range map[string]value.Codec[time.Time]{"json": value.JSON[time.Time](), "cbor": value.CBOR[time.Time]()} {
		for _, want := range tests {
			got := roundTrip(t, c, want)
			_, gotOffset := got.Zone()
			if _, offset := want.Zone(); !got.Equal(want) || gotOffset != offset {
				t.Errorf("%s: got %v, want %v", name, got, want)
			}
		}
		for _, bad := range []time.Time{
			time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC),
			time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
			time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("", 30*3600)),
		} {
			if _, err := c.Encode(bad); err == nil {
				t.Errorf("%s: %v was encoded, want an error while the caller can still hear it", name, bad)
			}
		}
	}
	want := tests[3]
	if got, ok := roundTrip(t, value.CBOR[any](), any(want)).(time.Time); !ok || !got.Equal(want) {
		t.Errorf("time in any: got %v, want %v", got, want)
	}
}

func TestCBORIsDeterministic(t *testing.T) {
	c := value.CBOR[map[string]int]()
	m := map[string]int{}
	for i := range 100 {
		m[fmt.Sprint("key", i)] = i
	}
	first, err := c.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if got, err := c.Encode(m); err != nil || !bytes.Equal(got, first) {
			t.Fatalf("equal maps gave different bytes, %v", err)
		}
	}
}

func TestCBORRefusesHostileInput(t *testing.T) {
	tests := map[string]string{
		"empty":                   "",
		"cut":                     "\x82\x01",
		"data behind":             "\x01\x01",
		"duplicate map key":       "\xa2\x61a\x01\x61a\x02",
		"indefinite array":        "\x9f\x01\xff",
		"indefinite string":       "\x7f\x61a\xff",
		"nesting":                 strings.Repeat("\x81", 65) + "\x01",
		"array of 2^63":           "\x9b\x80\x00\x00\x00\x00\x00\x00\x00",
		"array of 2^32":           "\x9a\xff\xff\xff\xff",
		"map of 2^32":             "\xba\xff\xff\xff\xff",
		"string of 2^63":          "\x7b\x80\x00\x00\x00\x00\x00\x00\x00",
		"elements over the limit": "\x9a\x00\x10\x00\x01" + strings.Repeat("\x01", 1<<20+1),
		"map key that is a map":   "\xa1\xa0\x01",
		"map key that is bytes":   "\xa1\x41a\x01",
		"time that is none":       "\xc0\x63abc",
		"reserved":                "\x1c",
	}
	c := value.CBOR[any]()
	for name, in := range tests {
		got := any("before")
		if err := c.Decode([]byte(in), &got); err == nil || got != "before" {
			t.Errorf("%s: got %v, %v, want an error and the old value", name, got, err)
		}
	}
	for _, in := range []string{"\x01", "\x61a", "\xf6"} {
		if err := value.CBOR[time.Time]().Decode([]byte(in), new(time.Time)); err == nil && in != "\xf6" {
			t.Errorf("%x decoded into a time, want an error: it has no time tag", in)
		}
	}
}

// What Decode would refuse is refused while the caller still holds it.
func TestCBOREncodeRefusesWhatDecodeWould(t *testing.T) {
	deep := any(1)
	for range 64 {
		deep = []any{deep}
	}
	c := value.CBOR[any]()
	roundTrip(t, c, deep)
	if _, err := c.Encode([]any{deep}); err == nil {
		t.Error("65 levels were encoded, want an error")
	}
	late := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	before := map[string]any{"a": random(70_000), "b": int64(-1 << 40), "c": []any{1.5, true, nil, time.Unix(1, 1), string(random(300))}}
	roundTrip(t, c, any(before))
	before["z"] = []any{late}
	if _, err := c.Encode(before); err == nil {
		t.Error("a time of the year 10000 behind items of all kinds was encoded, want an error")
	}
	if _, err := c.Encode(make([]int8, 1<<20+1)); err == nil {
		t.Error("2^20+1 elements were encoded, want an error")
	}
}

// random is bytes among which every first byte of an item is found.
func random(n int) []byte {
	rng, b := rand.New(rand.NewPCG(3, 4)), make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func TestJSONRefusesHostileInput(t *testing.T) {
	c := value.JSON[map[string]any]()
	for _, in := range []string{"", "{", `{"a":1} x`, `{"a":1}{}`, "[]", "\x00", strings.Repeat("[", 100_000)} {
		got := map[string]any{"before": true}
		if err := c.Decode([]byte(in), &got); err == nil || len(got) != 1 {
			t.Errorf("%.20q: got %v, %v, want an error and the old value", in, got, err)
		}
	}
}

func TestDecodeReplacesTheOldValue(t *testing.T) {
	type pair struct{ A, B int }
	for name, c := range map[string]value.Codec[map[string]pair]{"json": value.JSON[map[string]pair](), "cbor": value.CBOR[map[string]pair]()} {
		data, err := c.Encode(map[string]pair{"new": {A: 1}})
		if err != nil {
			t.Fatal(err)
		}
		old := map[string]pair{"old": {B: 2}}
		got := old
		if err := c.Decode(data, &got); err != nil || !reflect.DeepEqual(got, map[string]pair{"new": {A: 1}}) {
			t.Errorf("%s: got %v, %v, want the new value alone", name, got, err)
		}
		if len(old) != 1 {
			t.Errorf("%s: the old map was changed: %v", name, old)
		}
	}
}

func TestRawCopiesInAndOut(t *testing.T) {
	c := value.Raw()
	in := []byte("value")
	data, err := c.Encode(in)
	clear(in)
	if err != nil || string(data) != "value" {
		t.Fatalf("after the caller changed his bytes: got %q, %v", data, err)
	}
	old := []byte("older")
	got := old
	if err := c.Decode(data, &got); err != nil || string(got) != "value" || string(old) != "older" {
		t.Fatalf("got %q, %v; the old bytes are %q", got, err, old)
	}
	clear(data)
	if string(got) != "value" {
		t.Errorf("after the data was overwritten: got %q", got)
	}
	for _, empty := range [][]byte{nil, {}} {
		if got := roundTrip(t, c, empty); got == nil || len(got) != 0 {
			t.Errorf("%v: got %v, want empty", empty, got)
		}
	}
}

func TestErrorsNameTheTypeAndHideTheValue(t *testing.T) {
	type token struct{ N int8 }
	jsonErr := value.JSON[token]().Decode([]byte(`{"N":31337}`), new(token))
	data, err := value.CBOR[map[string]int]().Encode(map[string]int{"N": 31337})
	if err != nil {
		t.Fatal(err)
	}
	cborErr := value.CBOR[token]().Decode(data, new(token))
	_, encErr := value.JSON[any]().Encode(math.Inf(1))
	for _, err := range []error{jsonErr, cborErr, encErr} {
		var e *value.Error
		if !errors.As(err, &e) || e.Err == nil || errors.Unwrap(err) != e.Err {
			t.Fatalf("got %v, want a *value.Error with a cause", err)
		}
		if strings.Contains(err.Error(), "31337") || !strings.Contains(err.Error(), e.Type.String()) {
			t.Errorf("got %q, want the type and no part of the value", err)
		}
	}
}

func FuzzCBOR(f *testing.F) {
	c := value.CBOR[any]()
	for _, v := range []any{nil, 1, "a", []byte("b"), map[string]any{"t": time.Unix(1, 5), "n": []any{1.5, true}}} {
		data, err := c.Encode(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	typed := value.CBOR[session]()
	f.Fuzz(func(t *testing.T, data []byte) {
		var s session
		_ = typed.Decode(data, &s) // must not panic
		var v any
		if c.Decode(data, &v) != nil {
			return
		}
		once, err := c.Encode(v)
		if err != nil {
			t.Skip() // a decoded time may have a year that is not encoded
		}
		var again any
		if err := c.Decode(once, &again); err != nil {
			t.Fatalf("own bytes %x do not decode: %v", once, errors.Unwrap(err))
		}
		if twice, err := c.Encode(again); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("got %x, want %x, %v", twice, once, err)
		}
	})
}

func ExampleCBOR() {
	type visit struct {
		Page string
		At   time.Time
	}
	c := value.CBOR[visit]()
	data, err := c.Encode(visit{Page: "/cart", At: time.Date(2026, 11, 21, 8, 0, 0, 42, time.UTC)})
	if err != nil {
		panic(err)
	}
	var v visit
	err = c.Decode(data, &v)
	fmt.Println(v.Page, v.At, err)
	// Output: /cart 2026-11-21 08:00:00.000000042 +0000 UTC <nil>
}
