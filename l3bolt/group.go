//go:build !wasm

package l3bolt

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/tiered/tier"
)

// The payload of a journal record, little endian:
//
//	0 format u8 | 1 zero 3 B | 4 zero u32 | 8 last version u64
//	16 usage: records, live, raw, stored bytes, 4 × i64
//	48 stamp: store, boot, slew, slew from, 4 × i64 ns; boot id: length u8, bytes
//	sections: kind u8, length u32, bytes
//
// Section 1 holds the changes: kind u8, key (uvarint length, bytes), version
// uvarint; a put, blind or not, then has its frame (uvarint length, bytes), a
// touch its deadline i64. Section 2, which is there if it is not empty, holds what
// is to be remembered: client 16 B, sequence and low uvarint, outcome (uvarint
// length, bytes). A section of another kind means another format: refused.
const (
	groupFormat    = 1
	groupFixedSize = 81
	sectionChanges = 1
	sectionMemory  = 2
	sectionHeader  = 5

	kindPut    = 1
	kindRemove = 2
	kindTouch  = 3
	kindBlind  = 4 // a put whose group counts what it replaced as if it were still there

	maxKeyBytes    = 32_000
	maxBootIDBytes = 255
)

// change is one change as the journal holds it.
type change struct {
	kind     byte
	key      string
	version  uint64
	deadline int64  // of a touch
	frame    []byte // of a put
}

// group is a decoded payload.
type group struct {
	version uint64
	usage   tier.Usage
	stamp   tier.Stamp
	changes []change
	memory  []tier.Remembered
}

// checkGroup refuses what could not be read back: nothing that replay would
// refuse may ever reach the journal.
func checkGroup(g *tier.Group) error {
	if len(g.Stamp.BootID) > maxBootIDBytes {
		return fmt.Errorf("%w: boot id of %d bytes", tier.ErrUnavailable, len(g.Stamp.BootID))
	}
	size := int64(groupFixedSize + len(g.Stamp.BootID) + sectionHeader)
	for i := range g.Changes {
		c := &g.Changes[i]
		if len(c.Key) > maxKeyBytes {
			return fmt.Errorf("%w: key of %d bytes", tier.ErrTooLarge, len(c.Key))
		}
		if c.Blind && (c.Frame == nil || c.Touch) {
			return fmt.Errorf("%w: change %d is blind and no put", tier.ErrUnavailable, i)
		}
		size += int64(len(c.Key)) + 1 + 2*binary.MaxVarintLen64
		if c.Frame == nil {
			continue
		}
		if !c.Touch { // of which the journal has no frame
			size += int64(len(c.Frame)) + binary.MaxVarintLen64
		}
		head, err := codec.Head(c.Key, c.Frame)
		if err != nil {
			return fmt.Errorf("%w: frame of change %d: %w", tier.ErrUnavailable, i, err)
		}
		if head != c.Head {
			return fmt.Errorf("%w: head of change %d is not its frame's", tier.ErrUnavailable, i)
		}
	}
	for i := range g.Memory {
		size += int64(len(g.Memory[i].Outcome)) + 16 + 3*binary.MaxVarintLen64
	}
	if size > maxPayload {
		return fmt.Errorf("%w: group of %d bytes", tier.ErrTooLarge, size)
	}
	return nil
}

// appendGroup appends g's payload to b.
func appendGroup(b []byte, g *tier.Group) []byte {
	b = append(b, groupFormat, 0, 0, 0, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, g.Version)
	b = appendUsage(b, g.Usage)
	b = appendStamp(b, g.Stamp)
	b = append(b, sectionChanges)
	start := len(b)
	b = binary.LittleEndian.AppendUint32(b, 0)
	for i := range g.Changes {
		b = appendChange(b, &g.Changes[i])
	}
	binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return appendMemory(b, g.Memory)
}

func appendMemory(b []byte, all []tier.Remembered) []byte {
	if len(all) == 0 {
		return b
	}
	b = append(b, sectionMemory)
	start := len(b)
	b = binary.LittleEndian.AppendUint32(b, 0)
	for i := range all {
		r := &all[i]
		b = append(b, r.Client[:]...)
		for _, n := range [...]uint64{r.Seq, r.Low, uint64(len(r.Outcome))} {
			b = binary.AppendUvarint(b, n)
		}
		b = append(b, r.Outcome...)
	}
	binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}

func appendChange(b []byte, c *tier.Change) []byte {
	kind := byte(kindPut)
	switch {
	case c.Frame == nil:
		kind = kindRemove
	case c.Touch:
		kind = kindTouch
	case c.Blind:
		kind = kindBlind
	}
	b = append(b, kind)
	b = binary.AppendUvarint(b, uint64(len(c.Key)))
	b = append(b, c.Key...)
	b = binary.AppendUvarint(b, c.Version)
	switch kind {
	case kindPut, kindBlind:
		b = binary.AppendUvarint(b, uint64(len(c.Frame)))
		b = append(b, c.Frame...)
	case kindTouch:
		b = binary.LittleEndian.AppendUint64(b, uint64(c.Deadline))
	}
	return b
}

func appendUsage(b []byte, u tier.Usage) []byte {
	for _, n := range [...]int64{u.Records, u.LiveBytes, u.RawBytes, u.StoredBytes} {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	return b
}

func appendStamp(b []byte, s tier.Stamp) []byte {
	for _, ns := range [...]int64{s.Store, int64(s.Boot), int64(s.Slew), int64(s.SlewFrom)} {
		b = binary.LittleEndian.AppendUint64(b, uint64(ns))
	}
	b = append(b, byte(len(s.BootID)))
	return append(b, s.BootID...)
}

// decodeGroup reads a payload whose checksum was right, into the memory of
// changes, which may be nil. It copies what it keeps.
func decodeGroup(payload []byte, changes []change) (group, error) {
	r := reader{b: payload}
	format := r.u8()
	zero := r.bytes(7)
	g := group{version: r.u64(), usage: r.usage(), stamp: r.stamp(), changes: changes[:0]}
	if r.bad || format != groupFormat || string(zero) != "\x00\x00\x00\x00\x00\x00\x00" {
		return group{}, fmt.Errorf("%w: group of unknown form", tier.ErrCorrupt)
	}
	for len(r.b) > 0 {
		kind := r.u8()
		body := r.bytes(uint64(r.u32()))
		var err error
		switch {
		case !r.bad && kind == sectionChanges:
			g.changes, err = decodeChanges(g.changes, body)
		case !r.bad && kind == sectionMemory:
			g.memory, err = decodeMemory(g.memory, body)
		default:
			err = fmt.Errorf("%w: group section of unknown form", tier.ErrCorrupt)
		}
		if err != nil {
			return group{}, err
		}
	}
	return g, nil
}

func decodeMemory(all []tier.Remembered, body []byte) ([]tier.Remembered, error) {
	r := reader{b: body}
	for len(r.b) > 0 {
		var m tier.Remembered
		copy(m.Client[:], r.bytes(16))
		m.Seq, m.Low = r.uvarint(), r.uvarint()
		m.Outcome = append([]byte(nil), r.bytes(r.uvarint())...)
		if r.bad || m.Seq == 0 {
			return nil, fmt.Errorf("%w: memory of unknown form", tier.ErrCorrupt)
		}
		all = append(all, m)
	}
	return all, nil
}

func decodeChanges(changes []change, body []byte) ([]change, error) {
	r := reader{b: body}
	for len(r.b) > 0 {
		c := change{kind: r.u8()}
		c.key = string(r.key())
		if c.version = r.uvarint(); c.version == 0 {
			r.bad = true
		}
		switch c.kind {
		case kindPut, kindBlind:
			c.frame = append([]byte(nil), r.bytes(r.uvarint())...)
		case kindRemove:
		case kindTouch:
			c.deadline = int64(r.u64())
		default:
			r.bad = true
		}
		if r.bad {
			return nil, fmt.Errorf("%w: change %d of unknown form", tier.ErrCorrupt, len(changes))
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// reader takes fields off b; once bad, it gives zeros.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) bytes(n uint64) []byte {
	if r.bad || n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) u8() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

// key reads a length and so many bytes; longer than any key is bad.
func (r *reader) key() []byte {
	n := r.uvarint()
	if n > maxKeyBytes {
		r.bad = true
	}
	return r.bytes(n)
}

func (r *reader) usage() tier.Usage {
	return tier.Usage{
		Records: int64(r.u64()), LiveBytes: int64(r.u64()),
		RawBytes: int64(r.u64()), StoredBytes: int64(r.u64()),
	}
}

func (r *reader) stamp() tier.Stamp {
	s := tier.Stamp{
		Store: int64(r.u64()), Boot: time.Duration(r.u64()),
		Slew: time.Duration(r.u64()), SlewFrom: time.Duration(r.u64()),
	}
	s.BootID = string(r.bytes(uint64(r.u8())))
	return s
}
