//go:build !wasm

package l2mmap

import (
	"fmt"
	"math/bits"

	"github.com/stratakv/strata/tiered/tier"
)

// The sizes of a page's parts, in bytes.
const (
	pageHeaderBytes = 64
	blockBytes      = 128
	// entryBytes is the header of an entry, in its first block.
	entryBytes = 56
	// linkBytes is the header of each further block.
	linkBytes = 8

	firstData = blockBytes - entryBytes
	laterData = blockBytes - linkBytes
)

const (
	// fileHeaderBytes is what a page file has before its first page.
	fileHeaderBytes = 4096

	defaultPageBytes = 256 << 10
	minPageBytes     = 4 << 10
	maxPageBytes     = 16 << 20
	// max32Bytes is the largest mapping where addresses are short.
	max32Bytes = 512 << 20
)

// geometry says where things lie in a page file. It is fixed for a file.
type geometry struct {
	pageBytes int
	pages     int

	visitedAt int // bit i-1: block i
	headsAt   int // the hash table: links to the first entry of each chain
	heads     int // a power of two
	blocksAt  int
	blocks    int
}

// geometryFor gives the largest page file of at most maxBytes. pageBytes 0
// chooses.
func geometryFor(maxBytes int64, pageBytes int) (*geometry, error) {
	if bits.UintSize == 32 {
		maxBytes = min(maxBytes, max32Bytes)
	}
	room := maxBytes - fileHeaderBytes
	if pageBytes == 0 {
		pageBytes = defaultPageBytes
		for pageBytes > minPageBytes && room/int64(pageBytes) < 4 {
			pageBytes /= 2
		}
		for pageBytes < maxPageBytes && room/int64(pageBytes) > Buckets {
			pageBytes *= 2
		}
	}
	return newGeometry(pageBytes, room/int64(pageBytes))
}

// newGeometry checks what an option or a file says.
func newGeometry(pageBytes int, pages int64) (*geometry, error) {
	switch {
	case pageBytes < minPageBytes || pageBytes > maxPageBytes || pageBytes%minPageBytes != 0:
		return nil, fmt.Errorf("pages of %d bytes: not a multiple of %d up to %d", pageBytes, minPageBytes, maxPageBytes)
	case pages < 1:
		return nil, fmt.Errorf("%w: no room for one page of %d bytes", tier.ErrTooLarge, pageBytes)
	case pages > Buckets:
		return nil, fmt.Errorf("%d pages of %d bytes: more than there are buckets; make pages larger", pages, pageBytes)
	case bits.UintSize == 32 && pages*int64(pageBytes)+fileHeaderBytes > max32Bytes:
		return nil, fmt.Errorf("%d pages of %d bytes: above the limit of 32-bit systems", pages, pageBytes)
	}
	g := &geometry{pageBytes: pageBytes, pages: int(pages), visitedAt: pageHeaderBytes}
	most := (pageBytes - pageHeaderBytes) / blockBytes
	g.heads = 2 << bits.Len(uint(most/4)) // chains of two at most on average, with the smallest entries
	g.headsAt = g.visitedAt + (most+63)/64*8
	g.blocksAt = (g.headsAt + g.heads*8 + 63) / 64 * 64
	g.blocks = (pageBytes - g.blocksAt) / blockBytes
	return g, nil
}

// fileBytes is the size of the page file.
func (g *geometry) fileBytes() int64 { return fileHeaderBytes + int64(g.pages)*int64(g.pageBytes) }

// pageOf is the one page in which a bucket lies.
func (g *geometry) pageOf(bucket uint16) int { return int(bucket) * g.pages >> 16 }

// bucketsOf is the range [first, end) of buckets that lie in page n.
func (g *geometry) bucketsOf(n int) (first, end int) {
	return (n<<16 + g.pages - 1) / g.pages, ((n+1)<<16 + g.pages - 1) / g.pages
}

// blocksFor is the number of blocks that n bytes of frame and key take.
func blocksFor(n int) int {
	if n <= firstData {
		return 1
	}
	return 1 + (n-firstData+laterData-1)/laterData
}

// maxItem is the most bytes of frame and key together that a page takes: a
// quarter of its blocks.
func (g *geometry) maxItem() int { return firstData + (g.blocks/4-1)*laterData }

// Page gives the page in which all of a bucket's entries lie.
func (c *Cache) Page(bucket uint16) int { return c.geo.pageOf(bucket) }
