//go:build !wasm

package l3bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stratakv/strata/tiered/tier"
)

// salvage is one call of Salvage.
type salvage struct {
	r      *salvageReader
	f      *pageFile
	fn     func(tier.Record) error
	inFile uint64 // pages that the file has, wherever it was cut off

	reached pageSet // leaves that were given, and what they overflow into
	free    pageSet // nil: no sound freelist

	depth    int           // of the tree's first leaf, 0: none yet
	lost     bool          // part of the tree
	disputed []salvageLeaf // leaves of the tree that the freelist lists

	// silent, if set, is told of each leaf instead of fn of its records.
	silent func(salvageLeaf)

	damaged int      // elements of leaves
	faults  []string // what else is wrong; at most maxSalvageFaults
}

// salvageLeaf is a leaf and the keys that it spans: those that it has, or, of
// a disputed one, those that it may have. last nil: without end.
type salvageLeaf struct {
	id          uint64
	first, last []byte
}

// overlaps reports whether two leaves that are not empty share a range.
func (l salvageLeaf) overlaps(o salvageLeaf) bool {
	return (o.last == nil || bytes.Compare(l.first, o.last) <= 0) && (l.last == nil || bytes.Compare(o.first, l.last) <= 0)
}

// pageSet has a bit for each page of the file.
type pageSet []uint64

func (p pageSet) has(id uint64) bool { return id/64 < uint64(len(p)) && p[id/64]&(1<<(id%64)) != 0 }

func (p pageSet) add(id uint64) {
	if id/64 < uint64(len(p)) {
		p[id/64] |= 1 << (id % 64)
	}
}

const (
	maxSalvageFaults = 16
	maxDisputed      = 64
)

func (s *salvage) fault(format string, args ...any) {
	if len(s.faults) < maxSalvageFaults {
		s.faults = append(s.faults, fmt.Sprintf(format, args...))
	}
}

// report is what was wrong, in one error.
func (s *salvage) report(path string) error {
	if s.r.faults > 0 {
		s.fault("%d reads failed", s.r.faults)
	}
	if s.damaged > 0 {
		s.fault("%d elements of leaves are damaged", s.damaged)
	}
	if len(s.faults) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s: %s", tier.ErrCorrupt, path, strings.Join(s.faults, "; "))
}

// run gives what there is. Its error is fn's, or that there is nothing to go by.
func (s *salvage) run(path string, size int64) error {
	m, found, err := newestMeta(s.r, size)
	if err != nil {
		return failed(tier.ErrUnavailable, "read", path, err)
	}
	if !found {
		return corrupt(path, 0, "no valid meta page, so that nothing tells live pages from old ones")
	}
	s.f = &pageFile{r: s.r, file: path, size: int64(m.pageSize), pages: m.pages}
	s.inFile = min(m.pages, uint64(size)/uint64(m.pageSize))
	if s.inFile < m.pages {
		s.fault("file is cut off: %d pages of %d are there", s.inFile, m.pages)
	}
	s.otherMeta(m)
	s.reached = make(pageSet, s.inFile/64+1)
	if err := s.readFreelist(m.freelist, size); err != nil {
		s.fault("freelist: %v", err)
	}
	if err := s.tree(m.root); err != nil {
		return err
	}
	return s.unreached(m.root)
}

// otherMeta tells of a meta page that is not sound.
func (s *salvage) otherMeta(m boltMeta) {
	for _, off := range [...]int64{0, s.f.size} {
		var b [boltPageHeader + boltMetaSize]byte
		_, err := s.r.ReadAt(b[:], off)
		if other, ok := parseBoltMeta(b[boltPageHeader:]); err != nil || !ok || other.pageSize != m.pageSize {
			s.fault("meta page at offset %d is damaged: unless the store was closed, all may be one checkpoint old", off)
		}
	}
}

// readFreelist fills free, if the freelist is sound.
func (s *salvage) readFreelist(id uint64, size int64) error {
	p, err := s.f.freelistHeader(id)
	if err != nil {
		return err
	}
	if p.total > size {
		return s.f.corrupt(id, "freelist beyond the end")
	}
	b, err := s.f.bytes(id, p.total)
	if err != nil {
		return err
	}
	ids, n := b[boltPageHeader:], uint64(p.count)
	if n == 0xffff {
		n, ids = binary.NativeEndian.Uint64(ids), ids[8:]
	}
	if n > uint64(len(ids)/8) {
		return s.f.corrupt(id, "freelist longer than its page")
	}
	free, last := make(pageSet, s.inFile/64+1), uint64(1)
	for i := range n {
		next := binary.NativeEndian.Uint64(ids[8*i:])
		if next <= last || next >= s.f.pages || next >= id && next <= id+p.overflow {
			return s.f.corrupt(id, "freelist out of order")
		}
		free.add(next)
		last = next
	}
	s.free = free
	return nil
}

// tree gives what the tree of the records leads to.
func (s *salvage) tree(root uint64) error {
	p, err := s.f.read(root, true)
	if err == nil && p.flags != pageLeaf {
		err = s.f.corrupt(root, "root is not a leaf")
	}
	if err != nil {
		s.lose("root: %v", err)
		return nil
	}
	for i := range p.count {
		value := p.value(i)
		if string(p.key(i)) != string(bucketRecords) || len(value) < bucketHeader {
			continue
		}
		if id := binary.NativeEndian.Uint64(value); id != 0 {
			return s.walk(id, salvageLeaf{}, 0, false)
		}
		inline := value[bucketHeader:]
		return s.give(&leafReader{page: inline, total: int64(len(inline)), inline: true}, salvageLeaf{id: root})
	}
	s.lose("root: no bucket of records")
	return nil
}

func (s *salvage) lose(format string, args ...any) {
	s.lost = true
	s.fault(format, args...)
}

// walk gives the leaves under id whose keys lie in place. doubt: the freelist
// lists a branch above. Its work is bounded: a page of two children or more
// has a key that lies in one place only of each level.
func (s *salvage) walk(id uint64, place salvageLeaf, depth int, doubt bool) error {
	if depth > maxPageDepth || id < 2 || id >= s.inFile {
		s.lose("page %d: outside of the file, or too deep", id)
		return nil
	}
	place.id = id
	p, err := s.f.read(id, false)
	if err != nil || p.flags != pageBranch {
		s.level(id, depth+1)
		return s.leaf(place, doubt)
	}
	if _, pos, _, _ := p.element(0); pos != int64(pageElement*p.count) || !inPlace(p, place) {
		s.lose("page %d: damaged branch", id)
		return nil
	}
	for i := range p.count {
		child := place
		if i > 0 {
			child.first = p.key(i)
		}
		if i+1 < p.count {
			child.last = p.key(i + 1)
		}
		if err := s.walk(p.child(i), child, depth+1, doubt || s.free.has(id)); err != nil {
			return err
		}
	}
	return nil
}

// level checks the depth of a leaf, which is that of all others: if it is not, a
// branch leads past some.
func (s *salvage) level(id uint64, depth int) {
	if s.depth == 0 {
		s.depth = depth
	}
	if depth != s.depth && !s.lost {
		s.lose("page %d: a leaf of another depth than others", id)
	}
}

// inPlace checks the keys between a branch's children.
func inPlace(p *page, place salvageLeaf) bool {
	last := place.first
	for i := 1; i < p.count; i++ {
		key := p.key(i)
		if bytes.Compare(key, last) <= 0 || place.last != nil && bytes.Compare(key, place.last) >= 0 {
			return false
		}
		last = key
	}
	return true
}

// leaf gives the leaf at place, or says that it is lost or disputed.
func (s *salvage) leaf(place salvageLeaf, doubt bool) error {
	l, err := s.openLeaf(place.id)
	if err != nil {
		s.lose("%v", err)
		return nil
	}
	span, n := l.span(place.id)
	if n == 0 {
		if !l.sound || l.elements() > 0 {
			s.lose("page %d: no undamaged record in it", place.id)
		}
		return nil
	}
	listed := s.free.has(place.id)
	switch {
	case !place.holds(span), listed && (doubt || len(s.disputed) == maxDisputed):
		s.lose("page %d: a leaf that does not belong here", place.id)
		return nil
	case s.silent != nil:
		if !listed {
			s.silent(span)
		}
		return nil
	case listed:
		s.fault("page %d: in use and in the freelist", place.id)
		s.disputed = append(s.disputed, place)
		s.reached.add(place.id)
		return nil
	}
	return s.give(l, place)
}

// holds reports whether all keys of span lie in place.
func (l salvageLeaf) holds(span salvageLeaf) bool {
	return bytes.Compare(span.first, l.first) >= 0 && (l.last == nil || bytes.Compare(span.last, l.last) < 0)
}

// give calls fn with the undamaged records of a leaf.
func (s *salvage) give(l *leafReader, at salvageLeaf) error {
	if !l.inline {
		for n := at.id; n <= at.id+l.overflow; n++ {
			s.reached.add(n)
		}
	}
	if !l.sound && !l.inline {
		s.fault("page %d: damaged header", at.id)
	}
	seen := make(map[string]struct{}, l.count) // a garbled element may point to another one's record
	for i := range l.elements() {
		rec, err := l.record(i)
		if err != nil {
			s.damaged++
			continue
		}
		if _, ok := seen[rec.Key]; ok {
			continue
		}
		seen[rec.Key] = struct{}{}
		if err := s.fn(rec); err != nil {
			return err
		}
	}
	return nil
}

// unreached gives what the tree should have led to (rules 3 and 4).
func (s *salvage) unreached(root uint64) error {
	if s.free == nil {
		return nil
	}
	found := s.find()
	if len(s.disputed) > 0 {
		found = slices.DeleteFunc(s.disputed, func(place salvageLeaf) bool {
			fits := slices.ContainsFunc(found, place.overlaps)
			if fits {
				s.fault("page %d: left out, as another leaf fits in its place", place.id)
			}
			return fits
		})
	} else if len(found) > 0 && (!s.lost || s.overlapping(found, root)) {
		s.fault("%d leaves are neither in the tree nor free, and left out", len(found))
		return nil
	}
	for _, l := range found {
		if err := s.giveLeaf(l); err != nil {
			return err
		}
	}
	return nil
}

func (s *salvage) giveLeaf(at salvageLeaf) error {
	l, err := s.openLeaf(at.id)
	if err != nil {
		return nil // it was readable before, and is reported as a failed read
	}
	return s.give(l, at)
}

// find looks for leaves of records that are neither reached nor free, in the
// order of their keys.
func (s *salvage) find() []salvageLeaf {
	var found []salvageLeaf
	for id := uint64(2); id < s.inFile; id++ {
		if s.reached.has(id) || s.free.has(id) {
			continue
		}
		l, err := s.openLeaf(id)
		if err != nil || !l.sound {
			continue
		}
		span, n := l.span(id)
		if n == 0 {
			continue
		}
		found = append(found, span)
		id += l.overflow
	}
	slices.SortFunc(found, func(a, b salvageLeaf) int { return bytes.Compare(a.first, b.first) })
	return found
}

// overlapping reports whether leaves that were found overlap with each other
// or with one of the tree, which is walked once more for that.
func (s *salvage) overlapping(found []salvageLeaf, root uint64) bool {
	for i := 1; i < len(found); i++ {
		if found[i-1].overlaps(found[i]) {
			return true
		}
	}
	bad := false
	quiet := *s
	quiet.fn = func(tier.Record) error { return errors.New("a leaf was given twice") }
	quiet.silent = func(span salvageLeaf) {
		if !s.reached.has(span.id) {
			return
		}
		i, _ := slices.BinarySearchFunc(found, span, func(a, b salvageLeaf) int { return bytes.Compare(a.last, b.first) })
		bad = bad || i < len(found) && found[i].overlaps(span)
	}
	// An inline tree has no leaf that could be lost.
	_ = quiet.tree(root)
	return bad
}
