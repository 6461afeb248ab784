//go:build !wasm

package l3bolt

import (
	"io"

	"github.com/stratakv/strata/tiered/tier"
)

// bbolt's half of the room that is kept back lies in store.db itself: the file
// is kept longer than bbolt has use for, so that nobody else on the disk can
// take what a checkpoint needs between its being given up and its being used.
// bbolt takes a file that is long enough as it is. What a checkpoint uses of it
// stays in store.db, as free pages after the next one; so free pages count.

// keepRoom sees to it that bbolt has its half of the room. checkMu is held.
func (d *DB) keepRoom() error {
	_, err := d.keepMore(0)
	return err
}

// keepMore is keepRoom for its half of the room, and more beside it. It notes
// whether less than a quarter of the half is left, because the disk is full:
// pieces need some pages, and what is published needs them in the end. tight says
// whether there is less than that and more. checkMu is held.
func (d *DB) keepMore(more int64) (tight bool, err error) {
	defer func() { d.fileBytes.Store(d.base.taken()) }()
	half := d.opts.SpareBytes / 2
	if half <= 0 {
		return false, nil
	}
	size := d.base.size()
	err = d.base.extend(half + more)
	if isFull(err) && d.journal != nil && d.journal.shrink() {
		err = d.base.extend(half + more)
	}
	full, room := isFull(err), int64(0)
	if full {
		room = d.base.room()
	}
	d.short.Store(full && room < half/4)
	tight = full && room < half/4+more
	if d.base.size() == size {
		return tight, nil
	}
	if err := d.base.sync(); err != nil {
		d.status.breakBy(&fault{"sync", d.base.path, err})
		return tight, failed(tier.ErrUnavailable, "sync", d.base.path, err)
	}
	return tight, nil
}

// extend gives store.db room for bytes more than bbolt uses, or what it can
// have. No write transaction may run beside it.
func (b *base) extend(bytes int64) error {
	used, _, err := b.use()
	if err != nil || b.kept >= used+bytes {
		return err
	}
	size := b.size()
	if err = b.allocate(max(b.kept, used), used+bytes); err != nil && size > max(b.kept, used) {
		_ = b.allocate(max(b.kept, used), size)
	}
	return err
}

// allocate gives the file its room from one offset to another.
func (b *base) allocate(from, to int64) error {
	done, err := allocate(b.file, from, to-from)
	if err == nil && !done {
		err = writeZeros(b.file, from, to)
	}
	if err == nil {
		b.kept = to
	}
	return err
}

// room is what bbolt can still write: free pages, and what extend has kept.
func (b *base) room() int64 {
	used, free, err := b.use()
	if err != nil {
		return 0
	}
	return free + max(b.kept-used, 0)
}

// use is how many bytes of store.db bbolt uses, and how many of them are free.
func (b *base) use() (used, free int64, err error) {
	m, err := soundMeta(b.file, b.path, b.size())
	if err != nil {
		return 0, 0, err
	}
	f := &pageFile{r: b.file, file: b.path, size: int64(m.pageSize), pages: m.pages}
	pages, err := f.freePages(m.freelist)
	return int64(m.pages) * f.size, int64(pages) * f.size, err
}

// writeZeros writes zeros from one offset to another.
func writeZeros(w io.WriterAt, from, to int64) error {
	zeros := make([]byte, min(max(to-from, 0), 64<<10))
	for off := from; off < to; off += int64(len(zeros)) {
		if _, err := w.WriteAt(zeros[:min(int64(len(zeros)), to-off)], off); err != nil {
			return err
		}
	}
	return nil
}
