//go:build !wasm

package l3bolt_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/stratakv/strata/l3bolt/faultfs"
	"github.com/stratakv/strata/tiered/tier"
)

// recording is a store that was killed with three groups in its only segment.
type recording struct {
	dir     string
	mk      *maker
	models  []model // after no group, the first, …
	fs      *faultfs.FS
	segment string
	starts  []int // of the records; then where the next one would lie
}

func record(t testing.TB) *recording {
	t.Helper()
	r := &recording{dir: memoryDir(t), mk: newMaker(t, 1), models: []model{emptyModel()}}
	r.fs = faultfs.New(r.dir)
	opts := still
	opts.SegmentBytes = 4 << 10
	db := mustOpen(t, r.dir, opts, r.fs)
	r.segment = segments(t, r.fs, r.dir)[0]
	at := 64
	for i := range 3 {
		r.starts = append(r.starts, at)
		g, m := r.mk.one(r.models[i], fmt.Sprintf("k%d", i), strings.Repeat("v", 11), int64(1000*i))
		mustCommit(t, db, g)
		r.models = append(r.models, m)
		length := binary.LittleEndian.Uint32(r.fs.ReadFile(r.segment)[at+4:])
		at += (24 + int(length) + 7) &^ 7
	}
	r.starts = append(r.starts, at)
	if err := db.Crash(); err != nil {
		t.Fatal(err)
	}
	return r
}

// reopen opens the store with other bytes in its segment, and leaves the
// recording as it was.
func (r *recording) reopen(t testing.TB, data []byte, want model) {
	t.Helper()
	fs := r.fs.Kill(r.dir)
	fs.WriteFile(r.segment, data)
	db := mustOpen(t, r.dir, still, fs)
	defer func() {
		if err := db.Crash(); err != nil {
			t.Fatal(err)
		}
	}()
	r.mk.reopened(t, db, want)
}

// TestTornTail cuts and garbles the last record at every byte: the groups
// before it are there, it is there whole or not at all.
func TestTornTail(t *testing.T) {
	r := record(t)
	whole := r.fs.ReadFile(r.segment)
	last, end := r.starts[2], r.starts[3]
	// The record's last bytes pad it: they mean nothing.
	used := last + 24 + int(binary.LittleEndian.Uint32(whole[last+4:]))
	want := func(complete bool) model {
		if complete {
			return r.models[3]
		}
		return r.models[2]
	}
	for at := last; at <= end; at++ {
		r.reopen(t, whole[:at], want(at >= used))
		zeroed := append(bytes.Clone(whole[:at]), make([]byte, len(whole)-at)...)
		r.reopen(t, zeroed, want(bytes.Equal(zeroed, whole)))
	}
	for at := last; at < end; at++ {
		garbled := bytes.Clone(whole)
		garbled[at] ^= byte(1 + at%255)
		r.reopen(t, garbled, want(at >= used))
	}
}

// TestTornTailTwice: what a torn tail leaves can be torn again.
func TestTornTailTwice(t *testing.T) {
	r := record(t)
	torn := r.fs.ReadFile(r.segment)[:r.starts[3]-9]
	r.reopen(t, torn, r.models[2])

	fs := r.fs.Kill(r.dir)
	fs.WriteFile(r.segment, torn)
	db := mustOpen(t, r.dir, still, fs)
	g, m := r.mk.one(r.models[2], "again", "value", 0)
	mustCommit(t, db, g)
	if err := db.Crash(); err != nil {
		t.Fatal(err)
	}
	db = mustOpen(t, r.dir, still, fs)
	r.mk.reopened(t, db, m)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDamageInTheMiddle garbles each byte of a record that has others behind
// it: ErrCorrupt with file and offset, and nothing is changed.
func TestDamageInTheMiddle(t *testing.T) {
	r := record(t)
	whole := r.fs.ReadFile(r.segment)
	opts := still
	used := r.starts[1] + 24 + int(binary.LittleEndian.Uint32(whole[r.starts[1]+4:]))
	for at := r.starts[1]; at < used; at++ {
		garbled := bytes.Clone(whole)
		garbled[at] ^= byte(1 + at%255)
		fs := r.fs.Kill(r.dir)
		fs.WriteFile(r.segment, garbled)
		opts.FS = fs
		err := openError(t, r.dir, opts)
		wantIs(t, fmt.Sprintf("byte %d garbled", at), err, tier.ErrCorrupt)
		if place := fmt.Sprintf("%s at offset %d", r.segment, r.starts[1]); !strings.Contains(err.Error(), place) {
			t.Fatalf("got error %q, want it to say %q", err, place)
		}
		if !bytes.Equal(fs.ReadFile(r.segment), garbled) {
			t.Fatal("the damaged segment was changed")
		}
	}
}
