//go:build !wasm

package l3bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/tiered/tier"
)

// leafReader reads the records of a leaf, each for itself: where the header or
// another element is damaged, it does not mind.
type leafReader struct {
	f        *pageFile
	id       uint64
	page     []byte // its first page; all of an inline one
	total    int64  // bytes, overflow included
	overflow uint64
	count    int  // of the header
	sound    bool // the header is that of this leaf
	inline   bool
}

func (s *salvage) openLeaf(id uint64) (*leafReader, error) {
	b, err := s.f.bytes(id, s.f.size)
	if err != nil {
		return nil, err
	}
	l := &leafReader{f: s.f, id: id, page: b, total: s.f.size, count: int(binary.NativeEndian.Uint16(b[10:]))}
	overflow := uint64(binary.NativeEndian.Uint32(b[12:]))
	fits := overflow < s.inFile-id
	l.sound = fits && binary.NativeEndian.Uint64(b) == id && binary.NativeEndian.Uint16(b[8:]) == pageLeaf &&
		binary.NativeEndian.Uint32(b[boltPageHeader+4:]) == uint32(pageElement*l.count)
	if fits {
		l.overflow, l.total = overflow, int64(overflow+1)*s.f.size
	}
	return l, nil
}

// elements is how many elements there may be: what follows them begins where
// the first one points, which stands even where the header's count is garbled.
func (l *leafReader) elements() int {
	if len(l.page) < boltPageHeader+pageElement {
		return 0
	}
	n := int64(binary.NativeEndian.Uint16(l.page[10:]))
	if pos := int64(binary.NativeEndian.Uint32(l.page[boltPageHeader+4:])); pos%pageElement == 0 {
		n = max(n, pos/pageElement)
	}
	return int(min(n, (l.total-boltPageHeader)/pageElement, 0xffff))
}

// span is the range of the undamaged records' keys, and their number.
func (l *leafReader) span(id uint64) (span salvageLeaf, n int) {
	span.id = id
	for i := range l.elements() {
		rec, err := l.record(i)
		if err != nil {
			continue
		}
		key := appendRecordKey(nil, rec.Key)
		if n == 0 || bytes.Compare(key, span.first) < 0 {
			span.first = key
		}
		if n == 0 || bytes.Compare(key, span.last) > 0 {
			span.last = key
		}
		n++
	}
	return span, n
}

// bytes reads n bytes of the leaf from off.
func (l *leafReader) bytes(off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > l.total || n > l.total-off {
		return nil, fmt.Errorf("%w: page %d: element outside of its page", tier.ErrCorrupt, l.id)
	}
	if off+n <= int64(len(l.page)) {
		return l.page[off:][:n], nil
	}
	b := make([]byte, n)
	_, err := l.f.r.ReadAt(b, int64(l.id)*l.f.size+off)
	return b, err
}

// salvageElement is where an element's key and value are.
type salvageElement struct {
	key          string
	value, bytes int64
}

func (l *leafReader) element(i int) (e salvageElement, err error) {
	at := int64(boltPageHeader + pageElement*i)
	b, err := l.bytes(at, pageElement)
	if err != nil {
		return e, err
	}
	pos, size := int64(binary.NativeEndian.Uint32(b[4:])), int64(binary.NativeEndian.Uint32(b[8:]))
	e.value, e.bytes = at+pos+size, int64(binary.NativeEndian.Uint32(b[12:]))
	if size < 1 || size > 1+maxKeyBytes || binary.NativeEndian.Uint32(b) != 0 {
		return e, fmt.Errorf("%w: page %d: not a record", tier.ErrCorrupt, l.id)
	}
	key, err := l.bytes(at+pos, size)
	if err != nil {
		return e, err
	}
	if key[0] != 'k' {
		return e, fmt.Errorf("%w: page %d: not a record", tier.ErrCorrupt, l.id)
	}
	e.key = string(key[1:])
	return e, nil
}

// record reads element i and checks all of it.
func (l *leafReader) record(i int) (tier.Record, error) {
	e, err := l.element(i)
	if err != nil {
		return tier.Record{}, err
	}
	raw, err := l.bytes(e.value, e.bytes)
	if err != nil {
		return tier.Record{}, err
	}
	v, err := parseValue(raw)
	if err != nil {
		return tier.Record{}, err
	}
	rec, err := copyRecord(e.key, v)
	if err != nil {
		return tier.Record{}, err
	}
	body := binary.LittleEndian.Uint32(rec.Frame[frameBodySum:])
	if body != crc32.Checksum(rec.Frame[codec.HeaderSize:], castagnoli) {
		return tier.Record{}, fmt.Errorf("%w: page %d: body of a record", tier.ErrCorrupt, l.id)
	}
	return rec, nil
}

// frameBodySum is where a frame has the crc32c of its body.
const frameBodySum = 28
