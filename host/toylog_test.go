//go:build linux || darwin

package host_test

import (
	"encoding/binary"
	"os"
	"path/filepath"

	"github.com/stratakv/strata/tiered/tier"
)

// toyEntry is an entry of a toyStore's log.
type toyEntry struct {
	Ops     []tier.Op
	Version uint64 // of the last op
	Client  [16]byte
	Seq     uint64
	Outcome []byte
}

func (l *toyEntry) encode() []byte {
	b := binary.AppendUvarint(nil, l.Version)
	b = append(b, l.Client[:]...)
	b = binary.AppendUvarint(b, l.Seq)
	b = appendToy(b, l.Outcome)
	b = binary.AppendUvarint(b, uint64(len(l.Ops)))
	for _, op := range l.Ops {
		b = append(b, byte(op.Kind))
		b = appendToy(b, []byte(op.Key))
		b = appendToy(b, op.Frame)
		b = binary.AppendUvarint(b, uint64(op.RawLen))
		b = binary.AppendVarint(b, op.Life.Deadline)
	}
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...)
}

func appendToy(b, part []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(part))), part...)
}

// toyReader reads what encode wrote.
type toyReader []byte

func (r *toyReader) uint() uint64 {
	v, n := binary.Uvarint(*r)
	*r = (*r)[n:]
	return v
}

func (r *toyReader) int() int64 {
	v, n := binary.Varint(*r)
	*r = (*r)[n:]
	return v
}

func (r *toyReader) bytes(n uint64) []byte {
	b := (*r)[:n:n]
	*r = (*r)[n:]
	return b
}

func (r *toyReader) entry() (l toyEntry) {
	l.Version = r.uint()
	copy(l.Client[:], r.bytes(16))
	l.Seq = r.uint()
	l.Outcome = r.bytes(r.uint())
	l.Ops = make([]tier.Op, r.uint())
	for i := range l.Ops {
		op := &l.Ops[i]
		op.Kind = tier.Kind(r.bytes(1)[0])
		op.Key = string(r.bytes(r.uint()))
		op.Frame = r.bytes(r.uint())
		op.RawLen = int(r.uint())
		op.Life.Deadline = r.int()
	}
	return l
}

// readToy reads the log, and cuts a torn last entry, of a killed writer.
func readToy(dir string) (entries []toyEntry, err error) {
	name := filepath.Join(dir, "log")
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	rest := raw
	for len(rest) >= 4 {
		n := binary.LittleEndian.Uint32(rest)
		if uint64(len(rest)) < 4+uint64(n) {
			break
		}
		r := toyReader(rest[4 : 4+n])
		entries = append(entries, r.entry())
		rest = rest[4+n:]
	}
	if len(rest) > 0 {
		return entries, os.Truncate(name, int64(len(raw)-len(rest)))
	}
	return entries, nil
}
