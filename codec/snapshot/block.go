package snapshot

import (
	"encoding/binary"
	"hash/crc32"
	"strconv"

	"github.com/stratakv/strata/tiered/tier"
)

// HeaderSize is the number of bytes of a block before its body.
const HeaderSize = 32

// MaxBody is the longest body of a block: it has room for the longest record.
const MaxBody = 1 << 30

// MaxKey is the longest key.
const MaxKey = 1<<16 - 1

// MaxVersion is the largest last version that a snapshot may have. Versions
// count writes: far below it nobody gets, and above it a store that took the
// snapshot could come to the end of what a double holds.
const MaxVersion = 1 << 52

const (
	magic  = 0x74536e53 // "SnSt"
	format = 1
)

// Where the header's fields begin.
const (
	atMagic  = 0
	atLength = 4
	atCRC    = 8
	atIndex  = 12
	atID     = 16
	atKind   = 24
)

const (
	kindHead    = 1
	kindRecords = 2
	kindEnd     = 3
)

const (
	headSize   = 24
	endSize    = 8
	recordSize = 8 // of a record before its key
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Head is what a snapshot says of the store that it is of.
type Head struct {
	Version uint64 // the last version that the store had given
	Clock   int64  // the store's time, unix milliseconds
}

// sum is the checksum of a whole block.
func sum(block []byte) uint32 { return crc32.Checksum(block[atIndex:], castagnoli) }

// Length is the length of the block that begins with b, header included; 0 if b
// is shorter than a header.
func Length(b []byte) (int, error) {
	if len(b) < HeaderSize {
		return 0, nil
	}
	if binary.LittleEndian.Uint32(b[atMagic:]) != magic {
		return 0, corrupt(0, atMagic, "no block of a snapshot")
	}
	n := binary.LittleEndian.Uint32(b[atLength:])
	if n > MaxBody {
		return 0, corrupt(0, atLength, "block is too long")
	}
	return HeaderSize + int(n), nil
}

// blockError says where in a snapshot which rule is broken.
type blockError struct {
	block uint32
	at    int
	rule  string
}

func corrupt(block uint32, at int, rule string) error { return &blockError{block, at, rule} }

func (e *blockError) Error() string {
	return tier.ErrCorrupt.Error() + ": snapshot block " + strconv.FormatUint(uint64(e.block), 10) +
		", offset " + strconv.Itoa(e.at) + ": " + e.rule
}

func (e *blockError) Unwrap() error { return tier.ErrCorrupt }
