package exact_test

import (
	"bytes"
	"errors"
	"math"
	"math/big"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stratakv/strata/session/internal/exact"
	"github.com/stratakv/strata/session/internal/exact/exacttest"
	"github.com/stratakv/strata/tiered/tier"
)

// again is what comes back of v.
func again(t rapid.TB, c *exact.Codec, v any) any {
	t.Helper()
	data, err := c.Encode(v)
	if err != nil {
		t.Fatalf("encode %T: %v", v, err)
	}
	got, err := c.Decode(data)
	if err != nil {
		t.Fatalf("decode of %T: %v", v, err)
	}
	clear(data) // what came back must not depend on it
	return got
}

func TestLaw(t *testing.T) {
	c := exact.New()
	rapid.Check(t, func(t *rapid.T) {
		v := exacttest.Values(4).Draw(t, "value")
		got := again(t, c, v)
		if !exacttest.Equal(got, v) {
			t.Fatalf("got %T %#v, want %T %#v", got, got, v, v)
		}
		if !exacttest.HasNaN(v) && !reflect.DeepEqual(got, v) {
			t.Fatalf("not deeply equal: got %#v, want %#v", got, v)
		}
	})
}

func TestEqualValuesGiveEqualBytes(t *testing.T) {
	c := exact.New()
	rapid.Check(t, func(t *rapid.T) {
		v := exacttest.Values(3).Draw(t, "value")
		first, err := c.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		second, err := c.Encode(again(t, c, v))
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("got %x (%v), want %x", second, err, first)
		}
	})
}

// What comes out may be put into a variable of its type.
func TestLawInto(t *testing.T) {
	c := exact.New()
	rapid.Check(t, func(t *rapid.T) {
		v := exacttest.Values(3).Filter(func(v any) bool { return v != nil }).Draw(t, "value")
		data, err := c.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		into := reflect.New(reflect.TypeOf(v))
		if err := c.DecodeInto(data, into.Interface()); err != nil {
			t.Fatal(err)
		}
		if got := into.Elem().Interface(); !exacttest.Equal(got, v) {
			t.Fatalf("got %#v, want %#v", got, v)
		}
	})
}

// The law's corners, each by name. The second value is what comes back where
// that is not deeply equal.
func TestCorners(t *testing.T) {
	big70 := new(big.Int).Lsh(big.NewInt(1), 70)
	for name, v := range map[string]any{
		"nil":                           nil,
		"an int is no float":            3,
		"a float is no int":             3.0,
		"minus zero":                    math.Copysign(0, -1),
		"float32":                       float32(0.1),
		"smallest int64":                int64(math.MinInt64),
		"largest uint64":                uint64(math.MaxUint64),
		"int8":                          int8(-128),
		"uint8":                         uint8(255),
		"a big integer":                 big70,
		"a negative big integer":        new(big.Int).Neg(big70),
		"a small big integer":           big.NewInt(-1),
		"no big integer":                (*big.Int)(nil),
		"an empty string":               "",
		"a string that is not UTF-8":    "a\xffb",
		"bytes are no string":           []byte("abc"),
		"empty bytes":                   []byte{},
		"no bytes":                      []byte(nil),
		"an empty slice":                []any{},
		"no slice":                      []any(nil),
		"an empty map":                  map[string]any{},
		"no map":                        map[string]any(nil),
		"nil in a map":                  map[string]any{"a": nil, "": map[string]any{"b": nil}},
		"strings":                       []string{"a", ""},
		"no strings":                    []string(nil),
		"bytes in a slice":              [][]byte{nil, {}, {1}},
		"numbers":                       []int16{-1, 300},
		"a map of slices of maps":       map[string][]map[int8]bool{"a": {nil, {}, {-1: true}}},
		"keys of any type":              map[any]any{nil: 1, 1: 2, int8(1): 3, "1": 4, 1.0: 5, float32(1): 6, true: 7, uint64(1): 8},
		"keys that look like strings":   map[any]any{"a": 1},
		"the zero time":                 time.Time{},
		"a time far away":               time.Unix(math.MaxInt64, 999_999_999).UTC(),
		"a time far back":               time.Unix(math.MinInt64, 0).UTC(),
		"a time in a fixed zone":        time.Date(2026, 11, 21, 9, 8, 7, 6, time.FixedZone("CET", 3600)),
		"a time in a zone of seconds":   time.Date(1900, 1, 1, 0, 0, 0, 0, time.FixedZone("LMT", 5*3600+1815)),
		"a fixed zone that looks utc":   time.Date(2026, 11, 21, 9, 8, 7, 6, time.FixedZone("UTC", 0)),
		"a fixed zone without a name":   time.Date(2026, 11, 21, 9, 8, 7, 6, time.FixedZone("", -7200)),
		"a type of eight levels":        [][][][][][][]map[string]int8{{}, nil},
		"times in a slice":              []time.Time{{}, time.Unix(1, 2).UTC()},
		"a byte that is no simple item": []uint8{20},
		"true bytes":                    []bool{true, false},
	} {
		if got := again(t, exact.New(), v); !reflect.DeepEqual(got, v) {
			t.Errorf("%s: got %T %#v, want %T %#v", name, got, got, v, v)
		}
	}
	if got := again(t, exact.New(), []float32{float32(math.NaN())}).([]float32); got[0] == got[0] {
		t.Errorf("NaN: got %v", got)
	}
}

func TestTimesOfOtherZones(t *testing.T) {
	now := time.Now() // in time.Local, with a monotonic reading
	got := again(t, exact.New(), now).(time.Time)
	if !got.Equal(now) || got.Format(time.RFC1123Z+" MST") != now.Format(time.RFC1123Z+" MST") {
		t.Errorf("got %v, want %v", got, now)
	}
	if got != got.Round(0) {
		t.Errorf("got a monotonic reading: %v", got)
	}
}

type role string

type names []string

type user struct {
	Name  string `cbor:"n"`
	Age   int8
	Roles []role
	Seen  time.Time
	Next  *user
	Any   any
}

func TestOtherTypesByDecodeInto(t *testing.T) {
	c := exact.New()
	want := user{Name: "a\xff", Age: -3, Roles: []role{"x"}, Seen: time.Unix(1, 5).UTC(), Next: &user{Name: "b"}, Any: []byte{1}}
	data, err := c.Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	var got user
	if err := c.DecodeInto(data, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v (%v), want %+v", got, err, want)
	}
	var loose any
	if err := c.DecodeInto(data, &loose); err != nil {
		t.Fatal(err)
	}
	parts := map[string]any{
		"n": "a\xff", "Age": -3, "Roles": []any{"x"}, "Seen": want.Seen, "Any": []byte{1},
		"Next": map[string]any{"n": "b", "Age": 0, "Roles": nil, "Seen": nil, "Next": nil, "Any": nil},
	}
	if !reflect.DeepEqual(loose, any(parts)) {
		t.Errorf("as any: got %#v, want %#v", loose, parts)
	}
	if got := again(t, c, names{"a"}); !reflect.DeepEqual(got, []any{"a"}) {
		t.Errorf("a named slice: got %#v", got)
	}
	if nested := again(t, c, []any{int8(1), want}); !reflect.DeepEqual(nested, []any{int8(1), any(parts)}) {
		t.Errorf("in a slice: got %#v", nested)
	}
}

func TestDecodeIntoOtherTypes(t *testing.T) {
	c := exact.New()
	var (
		n64    int64
		n8     int8
		text   = "as it was"
		roles  []role
		person user
		loose  any = 1
		ptr    *user
	)
	for _, tt := range []struct {
		name string
		in   any
		into any
		want any // what into then points to; nil: it does not fit
	}{
		{"a wider integer", int8(-5), &n64, int64(-5)},
		{"an integer too large", 300, &n8, nil},
		{"a map as a struct", map[string]any{"n": "c", "Age": uint16(7), "Seen": time.Unix(3, 0).UTC()}, &person, user{Name: "c", Age: 7, Seen: time.Unix(3, 0).UTC()}},
		{"a map as a pointer to one", map[string]string{"n": "d"}, &ptr, &user{Name: "d"}},
		{"strings as roles", []string{"a"}, &roles, []role{"a"}},
		{"a number as a string", 1, &text, nil},
		{"nil", nil, &loose, any(nil)},
	} {
		data, err := c.Encode(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		before := reflect.ValueOf(tt.into).Elem().Interface()
		err = c.DecodeInto(data, tt.into)
		got := reflect.ValueOf(tt.into).Elem().Interface()
		switch {
		case tt.want == nil && tt.in != nil:
			if !errors.Is(err, exact.ErrValue) || !reflect.DeepEqual(got, before) {
				t.Errorf("%s: got %v, %v, want ErrValue and %v as before", tt.name, got, err, before)
			}
		case err != nil || !reflect.DeepEqual(got, tt.want):
			t.Errorf("%s: got %#v (%v), want %#v", tt.name, got, err, tt.want)
		}
	}
	data, _ := c.Encode(1)
	for _, into := range []any{nil, 1, (*int)(nil)} {
		if err := c.DecodeInto(data, into); !errors.Is(err, exact.ErrValue) {
			t.Errorf("into %T: got %v, want ErrValue", into, err)
		}
	}
}

func TestRefused(t *testing.T) {
	self := map[string]any{}
	self["self"] = []any{self}
	deep := any(1)
	for range 65 {
		deep = []any{deep}
	}
	for name, v := range map[string]any{
		"a function":                   func() {},
		"a channel in a slice":         []any{make(chan int)},
		"a complex number":             complex(1, 2),
		"a value that contains itself": self,
		"65 levels":                    deep,
		"65 levels of structs":         nest(65),
		"too many elements":            make([]bool, 1<<20+1),
		"NaN as a key":                 map[float64]int{math.NaN(): 1},
		"NaN as a key of any":          map[any]int{math.NaN(): 1},
		"a named type as a key of any": map[any]int{role("a"): 1},
		"a time as a key of any":       map[any]int{time.Time{}: 1},
		"a struct as a key":            map[[2]int]int{{1, 2}: 1},
		"a zone beyond all":            time.Unix(0, 0).In(beyond()),
	} {
		if name == "a zone beyond all" && beyond() == time.UTC {
			continue // an int has 32 bits
		}
		data, err := exact.New().Encode(v)
		if !errors.Is(err, exact.ErrValue) {
			t.Errorf("%s: got %x, %v, want ErrValue", name, data, err)
		}
	}
	if _, err := exact.New().Encode([]any{secret{}}); !errors.Is(err, errSecret) || strings.Contains(err.Error(), errSecret.Error()) {
		t.Errorf("a type that does not marshal: got %v, want a cause that the text does not show", err)
	}
}

// beyond is a zone whose offset has more than 32 bits, or UTC where there is none.
func beyond() *time.Location {
	offset := int64(1) << 33
	if int64(int(offset)) != offset {
		return time.UTC
	}
	return time.FixedZone("beyond", int(offset))
}

type link struct{ Next []link }

func nest(levels int) link {
	if levels == 0 {
		return link{}
	}
	return link{Next: []link{nest(levels - 1)}}
}

var errSecret = errors.New("a secret value")

type secret struct{}

func (secret) MarshalCBOR() ([]byte, error) { return nil, errSecret }

func TestDeepestAndLargest(t *testing.T) {
	deep := any([]int8{1})
	for range 63 {
		deep = map[string]any{"d": deep}
	}
	large := make([]bool, 1<<20)
	for name, v := range map[string]any{"64 levels": deep, "1,048,576 elements": large} {
		if got := again(t, exact.New(), v); !reflect.DeepEqual(got, v) {
			t.Errorf("%s: does not come back", name)
		}
	}
}

// The sizes that the package documentation names.
func TestTagsAreSmall(t *testing.T) {
	for _, tt := range []struct {
		v    any
		want int
	}{
		{1, 2}, {int8(1), 4}, {"a", 3}, {[]string{"a"}, 1 + 4 + 3}, {map[string]int64{"a": 1}, 1 + 6 + 4},
		{[]int16{1, 2, 3}, 1 + 4 + 4}, {map[string]any{"a": 1}, 1 + 4},
	} {
		data, err := exact.New().Encode(tt.v)
		if err != nil || len(data) != tt.want {
			t.Errorf("%T: got %d bytes %x (%v), want %d", tt.v, len(data), data, err, tt.want)
		}
	}
}

// TestFormat holds the form down: these bytes are on disks.
func TestFormat(t *testing.T) {
	for _, tt := range []struct {
		want string
		v    any
	}{
		{"\x01\xa2\x61a\x01\x61b\xd8\xa6\x02", map[string]any{"b": int64(2), "a": 1}},
		{"\x01\xd8\xb2\xd8\xae\x81\x61x", []string{"x"}},
		{"\x01\xd8\xb3\xd8\xa0\xd8\xaf\xa1\xf6\x41z", map[any][]byte{nil: []byte("z")}},
		{"\x01\xd8\xb1\x82\x01\x02", time.Unix(1, 2).UTC()},
		{"\x01\xd8\xb1\x84\x01\x02\x39\x0e\x0f\x61L", time.Unix(1, 2).In(time.FixedZone("L", -3600))},
		{"\x01\x83\xfa\x3f\x80\x00\x00\xc2\x41\x05\xf6", []any{float32(1), big.NewInt(5), nil}},
		{"\x02\xa1\x64Next\xf6", link{}},
	} {
		data, err := exact.New().Encode(tt.v)
		if err != nil || string(data) != tt.want {
			t.Errorf("%T: got %x (%v), want %x", tt.v, data, err, tt.want)
		}
	}
}

func TestDamage(t *testing.T) {
	c := exact.New()
	deep := "\x01" + strings.Repeat("\x81", 65) + "\x01"
	for name, data := range map[string]string{
		"nothing":                      "",
		"an unknown form":              "\x03\x01",
		"no item":                      "\x01",
		"more behind it":               "\x01\x01\x01",
		"a text cut off":               "\x01\x62a",
		"a length beyond all":          "\x01\x7b\xff\xff\xff\xff\xff\xff\xff\xff",
		"an array of too many":         "\x01\x9a\x7f\xff\xff\xff\x01",
		"a map of too many":            "\x01\xba\x7f\xff\xff\xff\x01",
		"an array of indefinite size":  "\x01\x9f\xff",
		"a reserved length":            "\x01\x1c",
		"too deep":                     deep,
		"too many tags":                "\x01" + strings.Repeat("\xd8\x64", 65) + "\x01",
		"a key twice":                  "\x01\xa2\x61a\x01\x61a\x02",
		"a typed key twice":            "\x01\xd8\xb3\xd8\xae\xd8\xa2\xa2\x61a\x01\x61a\x02",
		"a key that is a list":         "\x01\xa1\x80\x01",
		"a key that is NaN":            "\x01\xa1\xfb\x7f\xf8\x00\x00\x00\x00\x00\x01\x01",
		"a typed key that is NaN":      "\x01\xd8\xb3\xd8\xad\xd8\xa2\xa1\xfb\x7f\xf8\x00\x00\x00\x00\x00\x01\x01",
		"a typed key that is a list":   "\x01\xd8\xb3\xd8\xa0\xd8\xa2\xa1\x80\x01",
		"a list of too many":           "\x01\x9a\x00\x10\x00\x01" + strings.Repeat("\xf6", 1<<20+1),
		"the tag of any":               "\x01\xd8\xa0\x01",
		"a type of nine levels":        "\x01" + strings.Repeat("\xd8\xb2", 9) + "\xd8\xa1\xf6",
		"a type of no end":             "\x01" + strings.Repeat("\xd8\xb2", 30),
		"a type without an element":    "\x01\xd8\xb2\x01",
		"a type of an unknown element": "\x01\xd8\xb2\xd8\xb4\x80",
		"a slice of uint8":             "\x01\xd8\xb2\xd8\xa8\x81\x01",
		"a map with keys that are big": "\x01\xd8\xb3\xd8\xb0\xd8\xa2\xa0",
		"an int8 of 300":               "\x01\xd8\xa3\x19\x01\x2c",
		"a uint8 below 0":              "\x01\xd8\xa8\x20",
		"a bool of 1":                  "\x01\xd8\xb2\xd8\xa1\x81\x01",
		"a slice that is bytes":        "\x01\xd8\xb2\xd8\xa3\x41a",
		"a string of bytes":            "\x01\xd8\xb2\xd8\xae\x81\x41a",
		"a time of one number":         "\x01\xd8\xb1\x81\x01",
		"a time of 10^9 nanoseconds":   "\x01\xd8\xb1\x82\x01\x1a\x3b\x9a\xca\x00",
		"a time of -1 nanoseconds":     "\x01\xd8\xb1\x82\x01\x20",
		"a time that is a word":        "\x01\xc0\x63now",
		"a big integer that is text":   "\x01\xc2\x61a",
		"an integer below all":         "\x01\x3b\x80\x00\x00\x00\x00\x00\x00\x00",
		"a simple value":               "\x01\xe0",
	} {
		v, err := c.Decode([]byte(data))
		if !errors.Is(err, tier.ErrCorrupt) || v != nil {
			t.Errorf("%s: got %#v, %v, want ErrCorrupt", name, v, err)
		}
		into := []string{"as it was"}
		err = c.DecodeInto([]byte(data), &into)
		if !errors.Is(err, tier.ErrCorrupt) || into[0] != "as it was" {
			t.Errorf("%s: into: got %v, %v, want ErrCorrupt", name, into, err)
		}
	}
	// The other form, which package cbor reads.
	for name, data := range map[string]string{
		"cut off":              "\x02\x82\x01",
		"a length beyond all":  "\x02\x5b\xff\xff\xff\xff\xff\xff\xff\xff",
		"a length of 33 bits":  "\x02\x5b\x00\x00\x00\x01\x00\x00\x00\x01a",
		"an array of too many": "\x02\x9a\x7f\xff\xff\xff",
		"more behind it":       "\x02\xa0\xa0",
	} {
		var into user
		if err := c.DecodeInto([]byte(data), &into); !errors.Is(err, tier.ErrCorrupt) {
			t.Errorf("%s: got %v, want ErrCorrupt", name, err)
		}
	}
}

// TestDamageTakesLittleMemory decodes arrays within arrays that all claim to be
// as long as the data: made room for at once, they would take 900 MB.
func TestDamageTakesLittleMemory(t *testing.T) {
	data := []byte{1}
	for range 60 {
		data = append(data, 0x9a, 0, 0x0f, 0, 0)
	}
	data = append(data, make([]byte, 1<<20)...)
	c := exact.New()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := c.Decode(data); !errors.Is(err, tier.ErrCorrupt) {
		t.Errorf("got %v, want ErrCorrupt", err)
	}
	runtime.ReadMemStats(&after)
	if taken := (after.TotalAlloc - before.TotalAlloc) >> 20; taken > 120 {
		t.Errorf("got %d MiB for 1 MiB", taken)
	}
}
