//go:build !wasm

package l3bolt_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stratakv/strata/l3bolt/faultfs"
	"github.com/stratakv/strata/tiered/tier"
)

// recycled is a recording whose segment was another one before.
type recycled struct {
	*recording
	old   []byte // what the file held then
	later []byte // a segment of the same store, whose groups come later
}

func recordRecycled(t testing.TB) *recycled {
	t.Helper()
	r := &recycled{recording: &recording{dir: memoryDir(t), mk: newMaker(t, 43)}}
	r.fs = faultfs.New(r.dir)
	opts := still
	opts.SegmentBytes = 4 << 10
	db := mustOpen(t, r.dir, opts, r.fs)
	db.PreparesWhenTold()
	m := emptyModel()
	put := func(value string) {
		g, after := r.mk.one(m, fmt.Sprint("k", len(m.records)), value, 0)
		mustCommit(t, db, g)
		m = after
	}
	r.segment = segments(t, r.fs, r.dir)[0]
	for range 20 {
		put(strings.Repeat("o", 30))
	}
	r.old = r.fs.ReadFile(r.segment)
	put(noise(r.mk, 3000)) // in the next segment
	if err := db.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	db.Prepare()
	r.segment = db.ReadySegment()
	if r.segment == "" || !bytes.Equal(r.fs.ReadFile(r.segment)[64:], r.old[64:]) {
		t.Fatal("the next segment is not made of the old one")
	}
	put(noise(r.mk, 2500)) // in the segment that is ready
	at := 64
	size := func() int {
		return (24 + int(binary.LittleEndian.Uint32(r.fs.ReadFile(r.segment)[at+4:])) + 7) &^ 7
	}
	at += size()
	r.models = []model{m}
	for range 3 {
		r.starts = append(r.starts, at)
		put(strings.Repeat("v", 11))
		r.models = append(r.models, m)
		at += size()
	}
	r.starts = append(r.starts, at)
	crashed := r.fs.Kill(r.dir)
	put(noise(r.mk, 3800)) // one of its own
	for range 20 {
		put(strings.Repeat("n", 30))
	}
	names := segments(t, r.fs, r.dir)
	r.later = r.fs.ReadFile(names[len(names)-1])
	if err := db.Crash(); err != nil {
		t.Fatal(err)
	}
	r.fs = crashed
	return r
}

// TestRecycledTail: behind the last record of a recycled segment lie those of
// its former life. Torn at every byte the last record is there whole or not at
// all, and what is old is neither shown nor taken for damage; nor is what
// comes from another segment, later groups even (J9).
func TestRecycledTail(t *testing.T) {
	r := recordRecycled(t)
	whole := r.fs.ReadFile(r.segment)
	last, end := r.starts[2], r.starts[3]
	used := last + 24 + int(binary.LittleEndian.Uint32(whole[last+4:]))
	for at := last; at <= end; at++ {
		for _, behind := range [][]byte{r.old, r.later, make([]byte, len(whole))} {
			want := r.models[2]
			torn := append(bytes.Clone(whole[:at]), behind[at:]...)
			if at >= used || bytes.Equal(torn[:used], whole[:used]) {
				want = r.models[3]
			}
			r.reopen(t, torn, want)
		}
	}
}

// TestRecycledDamage: damage in front of valid records is told from old ones.
func TestRecycledDamage(t *testing.T) {
	r := recordRecycled(t)
	whole := r.fs.ReadFile(r.segment)
	opts := still
	used := r.starts[1] + 24 + int(binary.LittleEndian.Uint32(whole[r.starts[1]+4:]))
	for at := r.starts[1]; at < used; at++ {
		damaged := bytes.Clone(whole)
		damaged[at] ^= byte(1 + at%255)
		fs := r.fs.Kill(r.dir)
		fs.WriteFile(r.segment, damaged)
		opts.FS = fs
		wantIs(t, fmt.Sprintf("byte %d garbled", at), openError(t, r.dir, opts), tier.ErrCorrupt)
	}
	// What the file held before is damage, too, where a record must have been.
	damaged := bytes.Clone(whole)
	copy(damaged[r.starts[0]:r.starts[2]], r.old[r.starts[0]:r.starts[2]])
	fs := r.fs.Kill(r.dir)
	fs.WriteFile(r.segment, damaged)
	opts.FS = fs
	wantIs(t, "old records in front of new ones", openError(t, r.dir, opts), tier.ErrCorrupt)
}

// TestSegmentReadAsEmptyStaysEmpty: the cache and the disk differ after a sync
// that failed. An opening that read a segment as empty goes on in the one
// before; the group that the disk has all the same must not come back in place
// of the one that has its sequence now (J5).
func TestSegmentReadAsEmptyStaysEmpty(t *testing.T) {
	dir := memoryDir(t)
	fs, mk, m := faultfs.New(dir), newMaker(t, 44), emptyModel()
	db := mustOpen(t, dir, small, fs)
	for range 2 {
		g, after := mk.one(m, "key", noise(mk, 1500), 0)
		mustCommit(t, db, g)
		m = after
	}
	db.Prepare()
	segment := db.ReadySegment()
	g, _ := mk.one(m, "key", noise(mk, 1500), 0)
	mustCommit(t, db, g) // in the next segment; say that it was never acknowledged
	if err := db.Crash(); err != nil {
		t.Fatal(err)
	}
	f, err := fs.OpenFile(segment, os.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("torn"), 1000); err != nil {
		t.Fatal(err)
	}
	fs.Inject(faultfs.Fault{Op: faultfs.Sync, Call: 1, Err: syscall.EIO})
	if err := f.Sync(); err == nil {
		t.Fatal("the sync did not fail")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	db = mustOpen(t, dir, small, fs)
	mk.reopened(t, db, m)
	g, m = mk.one(m, "other", "value", 0)
	mustCommit(t, db, g)
	if err := db.Crash(); err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(50) {
		db := mustOpen(t, dir, small, fs.PowerCut(dir, seed))
		mk.reopened(t, db, m)
		if err := db.Crash(); err != nil {
			t.Fatal(err)
		}
	}
}
