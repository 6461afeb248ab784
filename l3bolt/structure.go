//go:build !wasm

package l3bolt

import (
	"encoding/binary"
	"io"
)

// structure checks at opening that the pages make trees: each page is
// referred to once at most, and none in use is free. It reads the branches
// and the freelist, not the leaves.
type structure struct {
	f    *pageFile
	seen []uint64 // a bit for each page that is referred to
}

// checkStructure checks the trees under m.
func checkStructure(r io.ReaderAt, file string, m boltMeta) error {
	f := &pageFile{r: r, file: file, size: int64(m.pageSize), pages: m.pages}
	s := structure{f: f, seen: make([]uint64, m.pages/64+1)}
	roots, root, err := f.buckets(m.root)
	if err != nil {
		return err
	}
	if err := s.mark(m.root, root.overflow); err != nil {
		return err
	}
	for _, id := range roots {
		if id == 0 {
			continue
		}
		if err := s.tree(id, 0); err != nil {
			return err
		}
	}
	return s.freelist(m.freelist)
}

// mark notes a page and those it overflows into.
func (s *structure) mark(id, overflow uint64) error {
	for n := id; n <= id+overflow; n++ {
		if n < 2 || n >= s.f.pages || s.seen[n/64]&(1<<(n%64)) != 0 {
			return s.f.corrupt(n, "referred to twice")
		}
		s.seen[n/64] |= 1 << (n % 64)
	}
	return nil
}

func (s *structure) tree(id uint64, depth int) error {
	if depth > maxPageDepth {
		return s.f.corrupt(id, "tree too deep")
	}
	h, err := s.f.header(id)
	if err != nil {
		return err
	}
	if h.flags != pageBranch {
		_, err := s.f.read(id, false)
		if err != nil {
			return err
		}
		return s.mark(id, h.overflow)
	}
	p, err := s.f.read(id, false)
	if err != nil {
		return err
	}
	if err := s.mark(id, p.overflow); err != nil {
		return err
	}
	return s.children(p, depth)
}

// children looks at the first child: all leaves of a tree are on one level.
// Leaves are marked without being read.
func (s *structure) children(p *page, depth int) error {
	first, err := s.f.header(p.child(0))
	if err != nil {
		return err
	}
	for i := range p.count {
		if first.flags == pageBranch {
			err = s.tree(p.child(i), depth+1)
		} else {
			err = s.mark(p.child(i), 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// freelist checks that the free pages are none of those in use.
func (s *structure) freelist(id uint64) error {
	p, err := s.f.freelistHeader(id)
	if err != nil {
		return err
	}
	if err := s.mark(id, p.overflow); err != nil {
		return err
	}
	b, err := s.f.bytes(id, p.total)
	if err != nil {
		return err
	}
	ids, n := b[boltPageHeader:], uint64(p.count)
	if n == manyFree {
		n, ids = binary.NativeEndian.Uint64(ids), ids[8:]
	}
	if n > uint64(len(ids)/8) {
		return s.f.corrupt(id, "freelist longer than its page")
	}
	for i := range n {
		if err := s.mark(binary.NativeEndian.Uint64(ids[8*i:]), 0); err != nil {
			return err
		}
	}
	return nil
}

// manyFree stands in a freelist's header for a count that comes first in it.
const manyFree = 0xffff

// freePages is how many pages the freelist says are free.
func (f *pageFile) freePages(id uint64) (uint64, error) {
	p, err := f.freelistHeader(id)
	if err != nil {
		return 0, err
	}
	if p.count != manyFree {
		return uint64(p.count), nil
	}
	b, err := f.bytes(id, boltPageHeader+8)
	if err != nil {
		return 0, err
	}
	return min(binary.NativeEndian.Uint64(b[boltPageHeader:]), f.pages), nil
}

// freelistHeader checks the header of the freelist page.
func (f *pageFile) freelistHeader(id uint64) (*page, error) {
	p, err := f.header(id)
	if err != nil {
		return nil, err
	}
	// As long as if all pages were free, and the page that bbolt rounds up by.
	longest := boltPageHeader + 8 + 8*int64(f.pages) + 2*f.size
	if p.flags != pageFreelist || p.total > longest {
		return nil, f.corrupt(id, "not a freelist")
	}
	return p, nil
}

// guard checks, during one write transaction, the leaves that it will touch,
// before bbolt takes them as they are. The file does not change meanwhile:
// bbolt writes at the commit.
type guard struct {
	f        *pageFile
	roots    map[string]uint64
	branches map[uint64]*page
	leaves   map[uint64]struct{}
	scratch  []byte // of a page: what of a leaf is looked at

	watching bool    // a compaction wants to know
	touched  []place // if so
}

// newGuard checks what every commit touches: root and freelist.
func newGuard(r io.ReaderAt, file string, size int64) (*guard, error) {
	m, err := soundMeta(r, file, size)
	if err != nil {
		return nil, err
	}
	f := &pageFile{r: r, file: file, size: int64(m.pageSize), pages: m.pages}
	if _, err := f.freelistHeader(m.freelist); err != nil {
		return nil, err
	}
	roots, _, err := f.buckets(m.root)
	return &guard{
		f: f, roots: roots, branches: make(map[uint64]*page), leaves: make(map[uint64]struct{}), scratch: make([]byte, f.size),
	}, err
}

// touch checks the leaf that holds key, or would hold it; if it is to be
// removed, its neighbours too, into which bbolt may merge what is left. It is
// asked for each key: a compaction copies again what was touched.
func (g *guard) touch(bucket, key []byte, removal bool) error {
	if g.watching {
		if p, ok := placeOf(bucket, key); ok {
			g.touched = append(g.touched, p)
		}
	}
	id := g.roots[string(bucket)]
	if id == 0 {
		return nil // inline: checked with the root
	}
	for range maxPageDepth {
		p, err := g.page(id)
		if err != nil || p == nil {
			return err
		}
		i := p.childFor(key)
		id = p.child(i)
		if !removal {
			continue
		}
		for _, n := range [...]int{i - 1, i + 1} {
			if n < 0 || n >= p.count {
				continue
			}
			if _, err := g.page(p.child(n)); err != nil {
				return err
			}
		}
	}
	return g.f.corrupt(id, "tree too deep")
}

// page checks a page; it is nil for a leaf.
func (g *guard) page(id uint64) (*page, error) {
	if _, ok := g.leaves[id]; ok {
		return nil, nil
	}
	if p, ok := g.branches[id]; ok {
		return p, nil
	}
	p, err := g.f.readIn(g.scratch, id)
	if err != nil {
		return nil, err
	}
	if p.flags == pageLeaf {
		g.leaves[id] = struct{}{}
		return nil, nil
	}
	g.branches[id] = p
	return p, nil
}
