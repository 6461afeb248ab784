//go:build !wasm

package l2mmap

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/zeebo/xxh3"
)

// layout grows with every change of how the files are read. It is part of
// their names, so that programs of different layouts never meet in one file.
const layout = 2

// byteOrder reads as another number in the other byte order.
const byteOrder = 0x0102030405060708

// The control file: header, state, slots, words.
const (
	atControlMagic = 0
	atControlForm  = 8  // layout
	atControlOrder = 16 // byteOrder
	atControlID    = 24
	atStoreID      = 40
	atSeed         = 56
	atControlSum   = 64 // of all above

	// The state. Of each cache line one thing is written: the opening is read by
	// every Get, version and group are written by every group.
	atOpening   = 256 // of the binding, 0: none, or one under way
	atBoot      = 264 // hash of the boot id, 16 bytes
	atPageBytes = 280 // geometry of the owner's page file, 0: it has none
	atPages     = 288
	atClosed    = 296 // the opening whose owner closed the file in order
	atVersion   = 320 // last version of the last ended group
	atFirst     = 328 // versions of the group in flight
	atLast      = 336 // 0: no group
	atClock     = 384 // number of the writing of the clock's plan, odd in one
	atPlan      = 392 // the plan, 4 words
	atPlanSum   = 424 // its checksum

	atSlots = 4096 // incarnation | process id, 8 bytes each
	slots   = 1024 // 0 stands for no slot
	atWords = atSlots + slots*16

	controlBytes = atWords + Buckets*8

	controlMagic = 0x3163617461727473 // "stratac1"
)

// The page file: header, state, pages.
const (
	atFileMagic     = 0
	atFileForm      = 8
	atFileOrder     = 16
	atFileID        = 24
	atFileControl   = 40 // the control file's id
	atFilePageBytes = 56
	atFilePages     = 64
	atFileSeed      = 72
	atFileSum       = 80

	atFileMark   = 256 // of the binding that keeps the pages in step, 0: none
	atFileClosed = 264 // of the binding whose owner closed the file in order

	fileMagic = 0x3170617461727473 // "stratap1"
)

// checksum covers the words of a header up to end.
func (m memory) checksum(end int) uint64 {
	var b []byte
	for at := 0; at < end; at += 8 {
		b = binary.LittleEndian.AppendUint64(b, m.load(at))
	}
	return xxh3.Hash(b)
}

func (m memory) id(at int) (id [16]byte) {
	binary.LittleEndian.PutUint64(id[:8], m.load(at))
	binary.LittleEndian.PutUint64(id[8:], m.load(at+8))
	return id
}

func (m memory) setID(at int, id [16]byte) {
	m.store(at, binary.LittleEndian.Uint64(id[:8]))
	m.store(at+8, binary.LittleEndian.Uint64(id[8:]))
}

// writeControlHeader makes a zeroed memory a control file.
func writeControlHeader(m memory, id, storeID [16]byte, seed uint64) {
	m.store(atControlMagic, controlMagic)
	m.store(atControlForm, layout)
	m.store(atControlOrder, byteOrder)
	m.setID(atControlID, id)
	m.setID(atStoreID, storeID)
	m.store(atSeed, seed)
	m.store(atControlSum, m.checksum(atControlSum))
}

// checkControlHeader refuses what is not the store's control file.
func checkControlHeader(m memory, storeID [16]byte, seed uint64) error {
	if err := checkForm(m, controlMagic, atControlSum); err != nil {
		return err
	}
	if m.id(atStoreID) != storeID || m.load(atSeed) != seed {
		return fmt.Errorf("%w: it belongs to another store", ErrMismatch)
	}
	return nil
}

// writeFileHeader makes a zeroed memory a page file.
func writeFileHeader(m memory, id, control [16]byte, g *geometry, seed uint64) {
	m.store(atFileMagic, fileMagic)
	m.store(atFileForm, layout)
	m.store(atFileOrder, byteOrder)
	m.setID(atFileID, id)
	m.setID(atFileControl, control)
	m.store(atFilePageBytes, uint64(g.pageBytes))
	m.store(atFilePages, uint64(g.pages))
	m.store(atFileSeed, seed)
	m.store(atFileSum, m.checksum(atFileSum))
}

// checkFileHeader refuses what is not the control file's page file of that
// geometry.
func checkFileHeader(m memory, control [16]byte, g *geometry, seed uint64) error {
	if err := checkForm(m, fileMagic, atFileSum); err != nil {
		return err
	}
	switch {
	case m.id(atFileControl) != control || m.load(atFileSeed) != seed:
		return fmt.Errorf("%w: it belongs to another control file", ErrMismatch)
	case m.load(atFilePageBytes) != uint64(g.pageBytes) || m.load(atFilePages) != uint64(g.pages):
		return fmt.Errorf("%w: %d pages of %d bytes, not %d of %d", ErrMismatch,
			m.load(atFilePages), m.load(atFilePageBytes), g.pages, g.pageBytes)
	}
	return nil
}

// checkForm checks what both headers begin with, and their checksum.
func checkForm(m memory, magic uint64, sumAt int) error {
	switch {
	case m.load(0) != magic:
		return fmt.Errorf("%w: not a file of this kind", errDamagedFile)
	case m.load(16) != byteOrder:
		return fmt.Errorf("%w: other byte order", ErrMismatch)
	case m.load(8) != layout:
		return fmt.Errorf("%w: layout %d, not %d", ErrMismatch, m.load(8), layout)
	case m.load(sumAt) != m.checksum(sumAt):
		return fmt.Errorf("%w: header checksum", errDamagedFile)
	}
	return nil
}

// controlName is the name of the control file in its directory.
func controlName() string { return fmt.Sprintf("%s%d", controlPrefix, layout) }

// controlPrefix begins the names of all control files, of any layout.
const controlPrefix = "control-v"

// pagesPrefix begins the names of all page files, of any layout.
const pagesPrefix = "pages-v"

// pagesName is the name of a control file's page file of that geometry.
func pagesName(control [16]byte, g *geometry) string {
	return fmt.Sprintf("%s%d-%s-%dx%d", pagesPrefix, layout, hex.EncodeToString(control[:8]), g.pages, g.pageBytes)
}
