//go:build !wasm

package l3bolt

import (
	"bytes"
	"encoding/binary"
	"io"
	"sort"
)

// bbolt's pages carry no checksums, and bbolt follows what they say: a garbled
// overflow count makes it free billions of pages until memory ends, a garbled
// child sends it round for ever, a garbled free page makes it overwrite data.
// None of that can be caught by recover. So the pages are read here first, with
// all bounds checked: at opening the branches, the freelist and each page's
// place in them; before a write the leaves that the write will touch.
//
// A page, in the byte order of the machine: id u64, flags u16, count u16,
// overflow u32, then count elements of 16 bytes, then what they point to.
//
//	leaf element    flags u32, pos u32, key size u32, value size u32
//	branch element  pos u32, key size u32, child u64
//
// pos counts from the element's own beginning. A leaf element with flag 1 is a
// bucket: its value is the bucket's root page u64, sequence u64, and, if the
// root is 0, a page of its own inline.
const (
	pageBranch   = 0x01
	pageLeaf     = 0x02
	pageFreelist = 0x10

	pageElement   = 16
	elementBucket = 0x01
	bucketHeader  = 16

	maxPageKey   = 32 << 10 // bbolt's limit
	maxBranch    = 4 << 20  // far above what such keys can make of a branch
	maxPageDepth = 48
)

// pageFile reads pages that may hold anything.
type pageFile struct {
	r     io.ReaderAt
	file  string
	size  int64  // of a page
	pages uint64 // those in use have lower ids
}

// page is a checked one: its elements and their keys lie within it.
type page struct {
	id       uint64
	flags    uint16
	count    int
	overflow uint64
	total    int64  // bytes, overflow included
	data     []byte // all of it, but for a leaf perhaps the elements only
}

func (f *pageFile) corrupt(id uint64, what string) error {
	return corrupt(f.file, int64(id)*f.size, "page %d: %s", id, what)
}

// header reads a page's header and checks it.
func (f *pageFile) header(id uint64) (*page, error) {
	if id < 2 || id >= f.pages {
		return nil, f.corrupt(id, "outside of the file")
	}
	b, err := f.bytes(id, boltPageHeader)
	if err != nil {
		return nil, err
	}
	return f.headerIn(b, id)
}

// headerIn checks the header that b begins with. b becomes the page's data.
func (f *pageFile) headerIn(b []byte, id uint64) (*page, error) {
	p := &page{
		id: id, flags: binary.NativeEndian.Uint16(b[8:]), count: int(binary.NativeEndian.Uint16(b[10:])),
		overflow: uint64(binary.NativeEndian.Uint32(b[12:])), data: b,
	}
	if binary.NativeEndian.Uint64(b) != id || p.overflow >= f.pages-id {
		return nil, f.corrupt(id, "header of another page")
	}
	p.total = int64(p.overflow+1) * f.size
	return p, nil
}

func (f *pageFile) bytes(id uint64, n int64) ([]byte, error) {
	b := make([]byte, n)
	if _, err := f.r.ReadAt(b, int64(id)*f.size); err != nil {
		return nil, cannot("read", f.file, err)
	}
	return b, nil
}

// read reads a branch or a leaf. Of a leaf, only the elements unless whole.
func (f *pageFile) read(id uint64, whole bool) (*page, error) {
	p, err := f.header(id)
	if err != nil {
		return nil, err
	}
	need := int64(boltPageHeader + pageElement*p.count)
	if p.flags == pageBranch || whole {
		need = p.total
	}
	if need > p.total || need > maxBranch || (p.flags != pageBranch && p.flags != pageLeaf) {
		return nil, f.corrupt(id, "neither branch nor leaf")
	}
	if p.data, err = f.bytes(id, need); err != nil {
		return nil, err
	}
	if fault := p.check(f.pages); fault != "" {
		return nil, f.corrupt(id, fault)
	}
	return p, nil
}

// readIn is read, for a leaf in the memory b, a page long, with one call of the
// system and no more memory.
func (f *pageFile) readIn(b []byte, id uint64) (*page, error) {
	if id < 2 || id >= f.pages {
		return nil, f.corrupt(id, "outside of the file")
	}
	if _, err := f.r.ReadAt(b, int64(id)*f.size); err != nil {
		return f.read(id, false) // it may need less
	}
	p, err := f.headerIn(b, id)
	if err != nil {
		return nil, err
	}
	if p.flags != pageLeaf || boltPageHeader+pageElement*p.count > len(b) {
		return f.read(id, false)
	}
	if fault := p.check(f.pages); fault != "" {
		return nil, f.corrupt(id, fault)
	}
	return p, nil
}

// check is "" if all elements lie within the page.
func (p *page) check(pages uint64) string {
	if p.flags == pageBranch && p.count == 0 {
		return "branch without children"
	}
	start := int64(boltPageHeader + pageElement*p.count)
	for i := range p.count {
		at, pos, key, value := p.element(i)
		if key == 0 || key > maxPageKey || at+pos < start || pos+key+value > p.total-at {
			return "element outside of its page"
		}
		if p.flags == pageBranch && (p.child(i) < 2 || p.child(i) >= pages) {
			return "child outside of the file"
		}
	}
	return ""
}

// element is where element i begins, and what it says.
func (p *page) element(i int) (at, pos, key, value int64) {
	at = int64(boltPageHeader + pageElement*i)
	e := p.data[at:]
	if p.flags == pageBranch {
		return at, int64(binary.NativeEndian.Uint32(e)), int64(binary.NativeEndian.Uint32(e[4:])), 0
	}
	return at, int64(binary.NativeEndian.Uint32(e[4:])), int64(binary.NativeEndian.Uint32(e[8:])), int64(binary.NativeEndian.Uint32(e[12:]))
}

func (p *page) child(i int) uint64 {
	return binary.NativeEndian.Uint64(p.data[boltPageHeader+pageElement*i+8:])
}

// key and value are of a page whose data is whole.
func (p *page) key(i int) []byte {
	at, pos, key, _ := p.element(i)
	return p.data[at+pos:][:key]
}

func (p *page) value(i int) []byte {
	at, pos, key, value := p.element(i)
	return p.data[at+pos+key:][:value]
}

// childFor is the index of the child of a branch that a key belongs to.
func (p *page) childFor(key []byte) int {
	i := sort.Search(p.count, func(i int) bool { return bytes.Compare(p.key(i), key) > 0 })
	return max(i-1, 0)
}

// buckets reads the root page: the root of each bucket, 0 if it is inline.
func (f *pageFile) buckets(root uint64) (map[string]uint64, *page, error) {
	p, err := f.read(root, true)
	if err != nil {
		return nil, nil, err
	}
	if p.flags != pageLeaf {
		return nil, nil, f.corrupt(root, "root is not a leaf")
	}
	roots := make(map[string]uint64, p.count)
	for i := range p.count {
		at, value := int64(boltPageHeader+pageElement*i), p.value(i)
		if binary.NativeEndian.Uint32(p.data[at:]) != elementBucket || len(value) < bucketHeader {
			return nil, nil, f.corrupt(root, "root holds other than buckets")
		}
		bucket := binary.NativeEndian.Uint64(value)
		if bucket == 0 && !soundInline(value[bucketHeader:], f.pages) {
			return nil, nil, f.corrupt(root, "damaged inline bucket")
		}
		roots[string(p.key(i))] = bucket
	}
	return roots, p, nil
}

// soundInline checks the page of an inline bucket.
func soundInline(b []byte, pages uint64) bool {
	if len(b) < boltPageHeader {
		return false
	}
	p := page{
		flags: binary.NativeEndian.Uint16(b[8:]), count: int(binary.NativeEndian.Uint16(b[10:])),
		total: int64(len(b)), data: b,
	}
	fits := boltPageHeader+pageElement*p.count <= len(b)
	return fits && p.flags == pageLeaf && binary.NativeEndian.Uint32(b[12:]) == 0 && p.check(pages) == ""
}
