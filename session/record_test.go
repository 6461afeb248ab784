package session

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stratakv/strata/internal/sessiondata"
)

// sampleID is no secret: it stands in FORMAT.md.
const sampleID = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

func anonymousSample() *record {
	return &record{
		lineage: [16]byte{0: 1, 15: 16},
		created: 1_800_000_000_000, begun: 1_800_000_000_000, seen: 1_800_000_000_000,
		expires: 1_800_000_600_000, end: 1_800_086_400_000,
		values: []entry{{key: "n", value: []byte{0x01}}}, flashes: []flash{},
	}
}

func fullSample() *record {
	return &record{
		lineage: [16]byte{0: 0xff, 15: 0x10}, user: "zoë",
		created: 1_800_000_000_000, begun: 1_800_000_060_000, seen: 1_800_000_120_000,
		expires: 1_800_000_750_000, end: 1_800_003_660_000, idle: 600_000, life: 3_600_000,
		flags: flagConfirmed | flagPersistent, address: "192.0.2.0/24", agent: "agent/1", generation: 24,
		values: []entry{
			{key: "", value: []byte{0xf6}},
			{key: "B", expires: 1_800_000_500_000, value: []byte("\x63two")},
			{key: "a", value: []byte{0x18, 0x2a}},
			{key: "aa", value: append([]byte{0x58, 0x18}, make([]byte, 24)...)},
			{key: "ä", value: []byte{}},
		},
		flashes: []flash{{generation: 3, key: "note", value: []byte("\x65saved")}, {generation: 24, key: "note", value: []byte{0xf5}}},
	}
}

// FORMAT.md's vectors are what the code makes.
func TestFormatVectors(t *testing.T) {
	m, err := newManager(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	full := fullSample()
	want := map[string]string{
		"id":                        sampleID,
		"key of its record":         m.keyOf(hash(sampleID)),
		"anonymous session record":  hex.EncodeToString(anonymousSample().encode()),
		"full session record":       hex.EncodeToString(full.encode()),
		"handle of the full record": handleOf(full.user, full.lineage),
		"key of its index entry":    m.indexKey(handleOf(full.user, full.lineage)),
		"index entry to the id":     hex.EncodeToString(encodeIndex(hash(sampleID))),
		"moved record to the id":    hex.EncodeToString(moved{to: hash(sampleID), until: 1_800_000_010_000}.encode()),
	}
	text, err := os.ReadFile("FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "```\n")
	block, _, _ = strings.Cut(block, "```")
	got, name := map[string]string{}, ""
	for line := range strings.Lines(block) {
		if line = strings.TrimSpace(line); strings.HasSuffix(line, ":") {
			name = strings.TrimSuffix(line, ":")
		} else {
			got[name] += line
		}
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got[name], value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d vectors, want %d", len(got), len(want))
	}
}

func TestRecordComesBack(t *testing.T) {
	for _, want := range []*record{anonymousSample(), fullSample()} {
		got, _, err := decode(want.encode())
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
		}
	}
	want := moved{to: hash("x"), until: maxInteger}
	if rec, got, err := decode(want.encode()); rec != nil || got != want || err != nil {
		t.Errorf("moved: got %v %v %v, want %v", rec, got, err, want)
	}
	if got, err := decodeIndex(encodeIndex(want.to)); got != want.to || err != nil {
		t.Errorf("index: got %v %v, want %v", got, err, want.to)
	}
}

// Damage is ErrRecord, whatever it is (P9 of the store): cut short, longer, of
// another version, not in canonical form, out of order.
func TestDamagedRecordIsRefused(t *testing.T) {
	whole := fullSample().encode()
	bad := map[string][]byte{
		"nothing":          nil,
		"data behind":      append(bytes.Clone(whole), 0),
		"another version":  edited(func(r *record) {}, func(b []byte) { b[1] = 2 }),
		"unknown kind":     edited(func(r *record) {}, func(b []byte) { b[2] = 9 }),
		"kind of an index": edited(func(r *record) {}, func(b []byte) { b[2] = kindIndex }),
		"unknown flag":     edited(func(r *record) { r.flags = 4 }, nil),
		"keys out of order": edited(func(r *record) {
			r.values[0], r.values[1] = r.values[1], r.values[0]
		}, nil),
		"key twice": edited(func(r *record) { r.values[1].key = "" }, nil),
		"flashes out of order": edited(func(r *record) {
			r.flashes[0].generation = 24
		}, nil),
		"flash of the future":    edited(func(r *record) { r.generation = 23 }, nil),
		"text that is not UTF-8": edited(func(r *record) { r.user = "\xff" }, nil),
		"integer above 2^53-1":   edited(func(r *record) { r.created = maxInteger + 1 }, nil),
		"long form of a number":  append([]byte{whole[0], 0x18, 0x01}, whole[2:]...),
		"array of 2^63":          append([]byte{0x9b, 0x80, 0, 0, 0, 0, 0, 0, 0}, whole[1:]...),
		"indefinite array":       append([]byte{0x9f}, whole[1:]...),
		"values of 2^32":         append(bytes.Clone(anonymousSample().encode()[:len(anonymousSample().encode())-7]), 0x9a, 0xff, 0xff, 0xff, 0xff),
	}
	for i := range whole {
		if _, _, err := decode(whole[:i]); !errors.Is(err, ErrRecord) {
			t.Errorf("cut at %d: got %v, want ErrRecord", i, err)
		}
	}
	for name, data := range bad {
		if _, _, err := decode(data); !errors.Is(err, ErrRecord) {
			t.Errorf("%s: got %v, want ErrRecord", name, err)
		}
	}
	for _, data := range [][]byte{nil, whole, encodeIndex(hash("x"))[:30], append(encodeIndex(hash("x")), 0)} {
		if _, err := decodeIndex(data); !errors.Is(err, ErrRecord) {
			t.Errorf("index %x: got %v, want ErrRecord", data, err)
		}
	}
}

func edited(record func(*record), bytes func([]byte)) []byte {
	r := fullSample()
	record(r)
	b := r.encode()
	if bytes != nil {
		bytes(b)
	}
	return b
}

// What is taken apart is made again as it was, byte for byte: there is one form.
func FuzzRecord(f *testing.F) {
	f.Add(anonymousSample().encode())
	f.Add(fullSample().encode())
	f.Add(moved{to: hash("x"), until: 7}.encode())
	f.Add(encodeIndex(hash("x")))
	f.Add([]byte{0x91})
	f.Fuzz(func(t *testing.T, data []byte) {
		rec, at, err := decode(data)
		switch {
		case err != nil:
			if !errors.Is(err, ErrRecord) {
				t.Fatalf("got %v, want ErrRecord", err)
			}
		case rec != nil:
			if got := rec.encode(); !bytes.Equal(got, data) {
				t.Fatalf("got %x, want %x", got, data)
			}
		default:
			if got := at.encode(); !bytes.Equal(got, data) {
				t.Fatalf("got %x, want %x", got, data)
			}
		}
		if id, err := decodeIndex(data); err == nil && !bytes.Equal(encodeIndex(id), data) {
			t.Fatalf("index: got %x, want %x", encodeIndex(id), data)
		}
	})
}

// The records that benchmarks use are a session's.
func TestSessionDataIsARecord(t *testing.T) {
	data := sessiondata.New(3)
	for range 500 {
		if _, _, err := decode(data.CBOR(data.Size())); err != nil {
			t.Fatal(err)
		}
	}
}
