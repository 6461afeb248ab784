//go:build !wasm

package l3bolt

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/stratakv/strata/tiered/tier"
)

// The form of a segment file, little endian:
//
//	header  0 magic 8 B | 8 format u32 | 12 flags u32, 0 | 16 store id 16 B | 32 number u64
//	        40 salt u64 | 48 zero 12 B | 60 crc32c of bytes 0..60
//	record  0 magic u32 | 4 payload length u32 | 8 sequence u64
//	        16 crc32c(salted; bytes 0..16, payload) | 20 crc32c(salted; bytes 0..20)
//	        24 payload, then zeros up to a multiple of 8
//
// "Salted" means that the checksum begins with salt, store id and number of
// the segment: a record of another segment, or one that a user wrote into a
// value, is never taken for one of this segment; so a file that was a segment
// before needs no wiping. The second checksum makes the search behind a torn
// record cheap whatever the payloads hold.
const (
	segmentMagic      = "strataJ1"
	segmentFormat     = 2
	segmentHeaderSize = 64

	recordMagic      = 0x6a72_7473 // "strj"
	recordHeaderSize = 24
	recordAlign      = 8
	maxPayload       = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// segmentHeader identifies a segment.
type segmentHeader struct {
	store  [16]byte
	number uint64
	salt   uint64
}

func (h segmentHeader) encode() []byte {
	b := make([]byte, segmentHeaderSize)
	copy(b, segmentMagic)
	binary.LittleEndian.PutUint32(b[8:], segmentFormat)
	copy(b[16:], h.store[:])
	binary.LittleEndian.PutUint64(b[32:], h.number)
	binary.LittleEndian.PutUint64(b[40:], h.salt)
	binary.LittleEndian.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
	return b
}

// parseSegmentHeader reads a header; file is for the error's text.
func parseSegmentHeader(file string, b []byte) (segmentHeader, error) {
	var h segmentHeader
	if len(b) < segmentHeaderSize {
		return h, corrupt(file, 0, "segment header cut off after %d bytes", len(b))
	}
	if string(b[:8]) != segmentMagic {
		return h, corrupt(file, 0, "not a journal segment")
	}
	if binary.LittleEndian.Uint32(b[60:]) != crc32.Checksum(b[:60], castagnoli) {
		return h, corrupt(file, 0, "segment header fails its checksum")
	}
	format, flags := binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])
	if format != segmentFormat || flags != 0 {
		return h, fmt.Errorf("%w: %s has journal format %d with flags %#x; this build knows format %d without flags",
			tier.ErrUnavailable, file, format, flags, segmentFormat)
	}
	copy(h.store[:], b[16:])
	h.number = binary.LittleEndian.Uint64(b[32:])
	h.salt = binary.LittleEndian.Uint64(b[40:])
	return h, nil
}

// seed is the checksum state that all of the segment's records begin with.
func (h segmentHeader) seed() uint32 {
	var b [32]byte
	binary.LittleEndian.PutUint64(b[0:], h.salt)
	copy(b[8:], h.store[:])
	binary.LittleEndian.PutUint64(b[24:], h.number)
	return crc32.Checksum(b[:], castagnoli)
}

// recordSize is the room that a record with such a payload takes.
func recordSize(payload int64) int64 {
	return (recordHeaderSize + payload + recordAlign - 1) &^ (recordAlign - 1)
}

// sealRecord completes rec, which holds room for the header and then the
// payload, and returns it padded.
func sealRecord(seed uint32, sequence uint64, rec []byte) []byte {
	payload := rec[recordHeaderSize:]
	binary.LittleEndian.PutUint32(rec[0:], recordMagic)
	binary.LittleEndian.PutUint32(rec[4:], uint32(len(payload)))
	binary.LittleEndian.PutUint64(rec[8:], sequence)
	binary.LittleEndian.PutUint32(rec[16:], payloadSum(seed, rec, payload))
	binary.LittleEndian.PutUint32(rec[20:], crc32.Update(seed, castagnoli, rec[:20]))
	for len(rec)%recordAlign != 0 {
		rec = append(rec, 0)
	}
	return rec
}

func payloadSum(seed uint32, header, payload []byte) uint32 {
	return crc32.Update(crc32.Update(seed, castagnoli, header[:16]), castagnoli, payload)
}

// recordHeader is the checked header of a record; its payload may still be bad.
type recordHeader struct {
	length   int64
	sequence uint64
}

// parseRecordHeader reads b, at least recordHeaderSize bytes.
func parseRecordHeader(seed uint32, b []byte) (recordHeader, bool) {
	if binary.LittleEndian.Uint32(b) != recordMagic {
		return recordHeader{}, false
	}
	h := recordHeader{
		length:   int64(binary.LittleEndian.Uint32(b[4:])),
		sequence: binary.LittleEndian.Uint64(b[8:]),
	}
	ok := h.length <= maxPayload && binary.LittleEndian.Uint32(b[20:]) == crc32.Update(seed, castagnoli, b[:20])
	return h, ok
}

const (
	segmentSuffix = ".log"
	tempSuffix    = ".tmp"
)

// segmentName is the file name of segment number; names sort as numbers do.
func segmentName(number uint64) string { return fmt.Sprintf("%016x%s", number, segmentSuffix) }

// parseSegmentName is the inverse of segmentName.
func parseSegmentName(name string) (uint64, bool) {
	hex, found := strings.CutSuffix(name, segmentSuffix)
	if !found || len(hex) != 16 {
		return 0, false
	}
	number, err := strconv.ParseUint(hex, 16, 64)
	return number, err == nil && segmentName(number) == name
}
