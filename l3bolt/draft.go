//go:build !wasm

package l3bolt

import (
	"crypto/rand"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
)

// draft is a segment that is being written under its temporary name.
type draft struct {
	j   *journal
	seg *segment
}

// begin creates a segment under its temporary name, with room for a record of
// need bytes, and writes its header.
func (j *journal) begin(first uint64, need int64) (*draft, error) {
	d, h := j.draft(first)
	f, err := j.fs.OpenFile(d.seg.name+tempSuffix, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return nil, j.refused("create", d.seg.name, err)
	}
	d.seg.file, d.seg.room = f, j.segmentBytes
	if err := d.preallocate(need); err != nil {
		d.drop()
		return nil, j.refused("preallocate", d.seg.name, err)
	}
	return d.head(h)
}

// beginSpare makes a segment of the spare, or, if that is lent, of the current
// segment, if that was the spare once and bbolt has all of it. Neither is to be
// had: no draft. (Where an open file cannot be renamed the second way is closed.)
func (j *journal) beginSpare(first uint64, need int64) (*draft, error) {
	need += segmentHeaderSize
	if cur := j.cur; cur != nil && cur.fixed && need <= j.spare.size && j.stale() && j.spare.lent() && j.spare.adopt(cur.name) {
		_ = cur.file.Close()
		j.cur = nil
	}
	d, h := j.draft(first)
	taken, err := j.spare.take(d.seg.name+tempSuffix, need)
	if err != nil {
		return nil, j.refused("rename the spare to", d.seg.name, err)
	}
	if !taken {
		return nil, nil
	}
	f, err := j.fs.OpenFile(d.seg.name+tempSuffix, os.O_RDWR)
	if err != nil {
		err = j.refused("open", d.seg.name, err)
		d.remove()
		return nil, err
	}
	d.seg.file, d.seg.room, d.seg.fixed = f, j.spare.size, true
	return d.head(h)
}

// draft is a segment without a file.
func (j *journal) draft(first uint64) (*draft, segmentHeader) {
	var salt [8]byte
	// crypto/rand.Read never fails.
	_, _ = rand.Read(salt[:])
	h := segmentHeader{store: j.store, number: j.number, salt: binary.LittleEndian.Uint64(salt[:]), first: first}
	name := filepath.Join(j.dir, segmentName(j.number))
	return &draft{j: j, seg: &segment{name: name, seed: h.seed(), number: j.number, off: segmentHeaderSize}}, h
}

// head writes the header.
func (d *draft) head(h segmentHeader) (*draft, error) {
	if err := d.write(h.encode(), 0); err != nil {
		d.drop()
		return nil, d.j.refused("write", d.seg.name, err)
	}
	return d, nil
}

// preallocate takes the room of a whole segment, or just what the next record
// needs where there is no room for more.
func (d *draft) preallocate(need int64) error {
	const grain = 64 << 10
	least := (segmentHeaderSize + need + grain - 1) / grain * grain
	want := max(d.j.segmentBytes, least)
	err := d.seg.file.Preallocate(want)
	if isFull(err) && least < want {
		err = d.seg.file.Preallocate(least)
	}
	return err
}

func (d *draft) write(b []byte, off int64) error {
	n, err := d.seg.file.WriteAt(b, off)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}

// add appends a record, in a header's room and a payload.
func (d *draft) add(sequence uint64, rec []byte) error {
	rec = sealRecord(d.seg.seed, sequence, rec)
	if err := d.write(rec, d.seg.off); err != nil {
		d.drop()
		return cannot("write", d.seg.name, err)
	}
	d.seg.off += int64(len(rec))
	return nil
}

// finish gives the segment its name, durably, and returns it ready for
// records (J4). It is closed meanwhile, for systems that do not rename open
// files.
func (d *draft) finish() (*segment, error) {
	name := d.seg.name
	if err := d.seg.file.Sync(); err != nil {
		err = d.j.stop("sync", name, err)
		d.drop()
		return nil, err
	}
	if err := d.seg.file.Close(); err != nil {
		return nil, d.j.stop("close", name, err)
	}
	if err := d.j.fs.Rename(name+tempSuffix, name); err != nil {
		err = d.j.refused("rename", name, err)
		d.remove()
		return nil, err
	}
	if err := d.j.fs.SyncDir(d.j.dir); err != nil {
		return nil, d.j.stop("sync directory of", name, err)
	}
	f, err := d.j.fs.OpenFile(name, os.O_RDWR)
	if err != nil {
		return nil, d.j.stop("open", name, err)
	}
	d.seg.file = f
	return d.seg, nil
}

// drop gives the draft up.
func (d *draft) drop() {
	_ = d.seg.file.Close()
	d.remove()
}

// remove makes the spare of the draft's file, if that is lent, or removes it.
// Of a broken journal the next opening does so.
func (d *draft) remove() {
	if temp := d.seg.name + tempSuffix; d.j.broken == nil && !d.j.spare.adopt(temp) {
		_ = d.j.fs.Remove(temp)
	}
}
