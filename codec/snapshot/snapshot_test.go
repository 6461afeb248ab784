package snapshot_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/stratakv/strata/codec/snapshot"
	"github.com/stratakv/strata/tiered/tier"
)

type record struct{ key, frame string }

var sample = []record{{"", "frame"}, {"a", ""}, {"b", strings.Repeat("long", 1000)}, {strings.Repeat("k", 32_000), "x"}, {"\xff", "y"}}

// written is the snapshot of recs with as many of them a block, as blocks.
func written(id uint64, recs []record, each int) [][]byte {
	w := snapshot.NewWriter(id)
	blocks := [][]byte{w.Head(nil, snapshot.Head{Version: 77, Clock: 1234})}
	for len(recs) > 0 {
		b := w.Begin([]byte("before"))
		for _, r := range recs[:min(each, len(recs))] {
			b = w.Record(b, r.key, []byte(r.frame))
		}
		blocks = append(blocks, w.Finish(b)[len("before"):])
		recs = recs[min(each, len(recs)):]
	}
	return append(blocks, w.End(nil))
}

// read reads blocks as a stream of bytes.
func read(stream []byte) (recs []record, r snapshot.Reader, err error) {
	for len(stream) > 0 {
		n, err := snapshot.Length(stream)
		if err != nil {
			return recs, r, err
		}
		if n == 0 || n > len(stream) {
			n = len(stream)
		}
		err = r.Block(stream[:n], func(key string, frame []byte) error {
			recs = append(recs, record{strings.Clone(key), string(frame)})
			return nil
		})
		if err != nil {
			return recs, r, err
		}
		stream = stream[n:]
	}
	return recs, r, nil
}

func TestRoundTrip(t *testing.T) {
	for each := 1; each <= 6; each++ {
		got, r, err := read(bytes.Join(written(5, sample, each), nil))
		if err != nil || !r.Done() || r.Head != (snapshot.Head{Version: 77, Clock: 1234}) || r.Records != uint64(len(sample)) {
			t.Fatalf("%d a block: got %+v, %v", each, r, err)
		}
		if fmt.Sprint(got) != fmt.Sprint(sample) {
			t.Errorf("%d a block: got other records than were written", each)
		}
	}
	if got, r, err := read(bytes.Join(written(5, nil, 1), nil)); err != nil || !r.Done() || len(got) != 0 {
		t.Errorf("empty snapshot: got %d records, done %v, %v", len(got), r.Done(), err)
	}
}

func TestEmptyBlockIsTakenBack(t *testing.T) {
	w := snapshot.NewWriter(1)
	b := w.Head(nil, snapshot.Head{})
	n := len(b)
	if b = w.Finish(w.Begin(b)); len(b) != n {
		t.Errorf("a block without records: got %d bytes, want none", len(b)-n)
	}
	if _, r, err := read(w.End(b)); err != nil || !r.Done() {
		t.Errorf("got done %v, %v", r.Done(), err)
	}
}

func TestEachChangedByteIsFound(t *testing.T) {
	stream := bytes.Join(written(5, sample[:3], 2), nil)
	for i := range stream {
		bad := bytes.Clone(stream)
		bad[i] ^= 0x20
		if _, r, err := read(bad); !errors.Is(err, tier.ErrCorrupt) || r.Done() {
			t.Fatalf("byte %d changed: got done %v, %v, want ErrCorrupt", i, r.Done(), err)
		}
		if _, r, err := read(stream[:i]); err == nil && r.Done() {
			t.Fatalf("cut at %d: got a whole snapshot", i)
		}
	}
}

func TestBlocksOutOfPlace(t *testing.T) {
	b := written(5, sample, 1)
	other := written(6, sample, 1)
	tests := map[string][][]byte{
		"one is missing":         {b[0], b[1], b[3]},
		"one is there twice":     {b[0], b[1], b[1]},
		"two have changed place": {b[0], b[2], b[1]},
		"the head is missing":    {b[1]},
		"two heads":              {b[0], b[0]},
		"of another snapshot":    {b[0], b[1], other[2]},
		"behind the end":         {b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[6]},
		"an end too early":       {b[0], b[6]},
		"bytes behind a block":   {b[0], append(bytes.Clone(b[1]), 0)},
	}
	for name, blocks := range tests {
		if _, _, err := read(bytes.Join(blocks, nil)); !errors.Is(err, tier.ErrCorrupt) {
			t.Errorf("%s: got %v, want ErrCorrupt", name, err)
		}
	}
	if _, r, err := read(bytes.Join(b[:6], nil)); err != nil || r.Done() {
		t.Errorf("without its end: got done %v, %v, want not done", r.Done(), err)
	}
}

// seal makes the checksum of a block right, whatever is in it.
func seal(block []byte) []byte {
	binary.LittleEndian.PutUint32(block[4:], uint32(len(block)-snapshot.HeaderSize))
	binary.LittleEndian.PutUint32(block[8:], crc32.Checksum(block[12:], crc32.MakeTable(crc32.Castagnoli)))
	return block
}

// Rightly sealed, and still not of this format.
func TestForgedBlocks(t *testing.T) {
	b := written(5, sample[:2], 2)
	edit := func(i int, change func(block []byte) []byte) []byte {
		blocks := [][]byte{bytes.Clone(b[0]), bytes.Clone(b[1]), bytes.Clone(b[2])}
		blocks[i] = seal(change(blocks[i]))
		return bytes.Join(blocks, nil)
	}
	at := func(n int, v byte) func([]byte) []byte {
		return func(block []byte) []byte { block[n] = v; return block }
	}
	tests := map[string][]byte{
		"unknown format":        edit(0, at(32, 2)),
		"format's zero":         edit(0, at(36, 1)),
		"version beyond":        edit(0, at(47, 1)),
		"head too long":         edit(0, func(b []byte) []byte { return append(b, 0) }),
		"head of another kind":  edit(0, at(24, 2)),
		"records as head":       edit(1, at(24, 1)),
		"unknown kind":          edit(1, at(24, 9)),
		"reserved byte":         edit(1, at(31, 1)),
		"no records":            edit(1, func(b []byte) []byte { return b[:32] }),
		"record cut":            edit(1, func(b []byte) []byte { return b[:len(b)-1] }),
		"record's header cut":   edit(1, func(b []byte) []byte { return append(b, 1, 2, 3) }),
		"key length beyond":     edit(1, at(35, 0xff)),
		"key longer than a key": edit(1, at(34, 1)),
		"frame length beyond":   edit(1, at(39, 0xff)),
		"another number":        edit(2, at(32, 3)),
		"end too long":          edit(2, func(b []byte) []byte { return append(b, 0) }),
	}
	for name, stream := range tests {
		if _, r, err := read(stream); !errors.Is(err, tier.ErrCorrupt) || r.Done() {
			t.Errorf("%s: got done %v, %v, want ErrCorrupt", name, r.Done(), err)
		}
	}
}

func TestVisitsErrorComesBack(t *testing.T) {
	b := written(5, sample, 9)
	var r snapshot.Reader
	mine, n := errors.New("mine"), 0
	if err := r.Block(b[0], nil); err != nil {
		t.Fatal(err)
	}
	if err := r.Block(b[1], func(string, []byte) error { n++; return mine }); err != mine || n != 1 {
		t.Errorf("got %v after %d calls, want visit's error after 1", err, n)
	}
}

// Never a panic, and never a whole snapshot with another number of records.
func FuzzReader(f *testing.F) {
	f.Add(bytes.Join(written(5, sample[:3], 2), nil))
	f.Add(bytes.Join(written(0, nil, 1), nil))
	f.Add(written(1, sample, 9)[1])
	f.Add([]byte("SnSt"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		for _, resealed := range []bool{false, true} {
			stream := bytes.Clone(stream)
			if resealed && len(stream) > snapshot.HeaderSize { // let the fuzzer past the checksum
				n := min(len(stream), int(binary.LittleEndian.Uint32(stream[4:])%4096)+snapshot.HeaderSize)
				seal(stream[:n])
			}
			recs, r, err := read(stream)
			if err != nil {
				if !errors.Is(err, tier.ErrCorrupt) {
					t.Fatalf("got %v, want ErrCorrupt", err)
				}
				continue
			}
			if r.Done() && r.Records != uint64(len(recs)) {
				t.Fatalf("got %d records, the snapshot says %d", len(recs), r.Records)
			}
		}
	})
}
