//go:build !wasm

package l3bolt

import (
	"crypto/rand"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"

	"github.com/stratakv/strata/internal/failpoint"
)

// draft is a segment that is being written under its temporary name. Whoever
// has one holds making.
type draft struct {
	j    *journal
	seg  *segment
	have int64 // up to here the file was written before
}

// begin makes a file the next segment, under its temporary name, and writes its
// header: an old file, or a new one. It has room for all that the segment may
// hold; where there is no room for so much, for a record of need bytes, unless
// that is 0.
func (j *journal) begin(need int64) (*draft, error) {
	d, h := j.draft()
	flag := os.O_RDWR
	old, err := j.takeOld(d.temp())
	if err != nil {
		return nil, err
	}
	if !old {
		flag |= os.O_CREATE | os.O_TRUNC
	}
	f, err := j.fs.OpenFile(d.temp(), flag)
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
func (j *journal) beginSpare(need int64) (*draft, error) {
	need += segmentHeaderSize
	if cur := j.cur; cur != nil && cur.fixed && need <= j.spare.size && j.stale() && j.spare.lent() && j.spare.adopt(cur.name) {
		_ = cur.file.Close()
		j.cur = nil
	}
	d, h := j.draft()
	taken, err := j.spare.take(d.temp(), need)
	if err != nil {
		return nil, j.refused("rename the spare to", d.seg.name, err)
	}
	if !taken {
		return nil, nil
	}
	f, err := j.fs.OpenFile(d.temp(), os.O_RDWR)
	if err != nil {
		err = j.refused("open", d.seg.name, err)
		d.remove()
		return nil, err
	}
	d.seg.file, d.seg.room, d.seg.fixed = f, j.spare.size, true
	return d.head(h)
}

// draft is a segment without a file.
func (j *journal) draft() (*draft, segmentHeader) {
	var salt [8]byte
	// crypto/rand.Read never fails.
	_, _ = rand.Read(salt[:])
	number := j.stock.number
	h := segmentHeader{store: j.store, number: number, salt: binary.LittleEndian.Uint64(salt[:])}
	name := filepath.Join(j.dir, segmentName(number))
	return &draft{j: j, seg: &segment{name: name, seed: h.seed(), number: number, off: segmentHeaderSize}}, h
}

func (d *draft) temp() string { return d.seg.name + tempSuffix }

// head writes the header.
func (d *draft) head(h segmentHeader) (*draft, error) {
	if err := d.write(h.encode(), 0); err != nil {
		d.drop()
		return nil, d.j.refused("write", d.seg.name, err)
	}
	return d, nil
}

// preallocate takes the room. An old file that is longer is cut.
func (d *draft) preallocate(need int64) error {
	const grain = 64 << 10
	least := (segmentHeaderSize + need + grain - 1) / grain * grain
	want := max(d.j.segmentBytes, least)
	var err error
	if d.have, err = d.seg.file.Size(); err != nil {
		return err
	}
	if d.have > want {
		d.have = want
		return d.seg.file.Truncate(want)
	}
	err = d.seg.file.Preallocate(want)
	if isFull(err) && need > 0 && least < want {
		err = d.seg.file.Preallocate(least)
	}
	return err
}

// zero writes zeros into the room that was never written, until somebody is in
// a hurry.
func (d *draft) zero() error {
	const step = 1 << 20
	for off := max(d.have, segmentHeaderSize); off < d.seg.room && !d.j.stock.hurry.Load(); off += step {
		if err := writeZeros(d.seg.file, off, min(off+step, d.seg.room)); err != nil {
			d.drop()
			return d.j.refused("write", d.seg.name, err)
		}
	}
	return nil
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
	failpoint.Pass("l3bolt-headed")
	if err := d.j.fs.Rename(d.temp(), name); err != nil {
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
	d.j.stock.number = d.seg.number + 1
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
	if d.j.broken.Load() == nil && !d.j.spare.adopt(d.temp()) {
		_ = d.j.fs.Remove(d.temp())
	}
}
