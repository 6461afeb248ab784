//go:build !wasm

package l3bolt

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
	"os"

	"github.com/stratakv/strata/tiered/tier"
)

// A bbolt meta page, in the byte order of the machine that wrote it: page
// header 16 B, then magic u32, version u32, page size u32, flags u32, root
// page u64, root sequence u64, freelist page u64, end of pages u64, txid u64,
// fnv-1a of what precedes u64.
const (
	boltMagic      = 0xED0CDAED
	boltVersion    = 2
	boltPageHeader = 16
	boltMetaSize   = 64
	boltNoFreelist = ^uint64(0)
	minBoltPage    = 1 << 10
	maxBoltPage    = 1 << 24
)

type boltMeta struct {
	pageSize uint32
	root     uint64
	freelist uint64
	pages    uint64
	txid     uint64
}

// inspect refuses, before bbolt maps it, a store.db that bbolt would trip
// over: an empty one, which it would initialise; one without a valid meta
// page; one shorter than its pages; one without a freelist, which it would
// rebuild in a goroutine whose panic cannot be caught; one whose pages do not
// make trees.
func inspect(path string) error {
	f, size, err := openAtRest(path)
	if err != nil {
		return err
	}
	defer f.Close()
	m, err := soundMeta(f, path, size)
	if err != nil {
		return err
	}
	return checkStructure(f, path, m)
}

// soundMeta is the meta page that bbolt will go by, after a look at where it
// points.
func soundMeta(r io.ReaderAt, path string, size int64) (boltMeta, error) {
	m, found, err := newestMeta(r, size)
	switch {
	case err != nil:
		err = failed(tier.ErrUnavailable, "read", path, err)
	case !found:
		err = corrupt(path, 0, "no valid meta page")
	case m.freelist == boltNoFreelist:
		err = corrupt(path, 0, "no freelist")
	case m.pages < 4 || m.root >= m.pages || m.freelist >= m.pages:
		err = corrupt(path, 0, "meta page points outside of the file")
	case m.pages > uint64(size)/uint64(m.pageSize):
		err = corrupt(path, size, "file is cut off: %d pages of %d bytes are in use", m.pages, m.pageSize)
	}
	return m, err
}

// newestMeta finds the valid meta page with the highest transaction.
func newestMeta(r io.ReaderAt, size int64) (newest boltMeta, found bool, err error) {
	for off := int64(0); off < size && off <= maxBoltPage; off = max(minBoltPage, off*2) {
		var b [boltPageHeader + boltMetaSize]byte
		if _, err := r.ReadAt(b[:], off); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return newest, false, err
		}
		m, ok := parseBoltMeta(b[boltPageHeader:])
		// The second meta page is where the page size says; elsewhere it is data.
		if ok && (off == 0 || off == int64(m.pageSize)) && (!found || m.txid > newest.txid) {
			newest, found = m, true
		}
	}
	return newest, found, nil
}

func parseBoltMeta(b []byte) (boltMeta, bool) {
	order := binary.NativeEndian
	if order.Uint32(b) != boltMagic || order.Uint32(b[4:]) != boltVersion {
		return boltMeta{}, false
	}
	sum := fnv.New64a()
	_, _ = sum.Write(b[:56])
	m := boltMeta{
		pageSize: order.Uint32(b[8:]), root: order.Uint64(b[16:]), freelist: order.Uint64(b[32:]),
		pages: order.Uint64(b[40:]), txid: order.Uint64(b[48:]),
	}
	sane := m.pageSize >= minBoltPage && m.pageSize <= maxBoltPage && m.pageSize&(m.pageSize-1) == 0
	return m, sane && order.Uint64(b[56:]) == sum.Sum64()
}

// openAtRest opens a store.db for reading, without bbolt, and gives its length.
func openAtRest(path string) (*os.File, int64, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, 0, failed(tier.ErrUnavailable, "open", path, err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		err = failed(tier.ErrUnavailable, "stat", path, err)
	case !info.Mode().IsRegular():
		err = corrupt(path, 0, "not a regular file")
	default:
		return f, info.Size(), nil
	}
	_ = f.Close()
	return nil, 0, err
}
