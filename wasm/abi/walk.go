package abi

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/stratakv/strata/tiered/tier"
	"github.com/stratakv/strata/wasm/kv"
)

const flagKeysOnly = 1 << 0

// Scan gives one chunk of the records whose keys begin with the prefix in the
// buffer's first p bytes and are at or behind the f bytes that follow. It
// returns 1 if there may be more, which begin at the cursor, Cells.Next bytes
// behind the records. A record: u32 length of the key · u32 length of the value ·
// u64 version · f64 deadline · key · value.
func (in *Instance) Scan(h, p, f, records, maxBytes, flags int32, boot float64) (code int32) {
	defer in.guard(h, &code)
	s, err := in.enter(h, p, f)
	if err != nil {
		return Code(err)
	}
	if flags&^flagKeysOnly != 0 || records < 0 || maxBytes < 0 {
		return CodeArgument
	}
	r := kv.Range{
		Prefix: in.text(0, p), From: in.text(p, f),
		Records: int(records), MaxBytes: int(maxBytes), KeysOnly: flags&flagKeysOnly != 0,
	}
	next, more, err := s.Store.Scan(r, boot, func(key string, head tier.Head, value []byte) {
		b := binary.LittleEndian.AppendUint32(in.out, uint32(len(key)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
		b = binary.LittleEndian.AppendUint64(b, head.Version)
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(head.Deadline)))
		in.out = append(append(b, key...), value...)
		in.Cells.Count++
	})
	if err != nil {
		return Code(err)
	}
	n := len(in.out)
	in.out = append(in.out, next...)
	in.give()
	in.Cells.Len = uint32(n)
	in.Cells.Next = uint32(len(next))
	return flag(more)
}

// DeletePrefix removes one chunk of at most limit records and returns 1 if there
// may be more; the cells' count is how many live ones it removed.
func (in *Instance) DeletePrefix(h, p, limit int32, boot float64) (code int32) {
	defer in.guard(h, &code)
	s, err := in.enter(h, p)
	if err != nil {
		return Code(err)
	}
	n, more, err := s.Store.DeletePrefix(in.text(0, p), int(limit), boot)
	if err != nil {
		return Code(err)
	}
	in.Cells.Count = uint32(n)
	return flag(more)
}

// ExportBegin begins a snapshot; one that is under way is dropped.
func (in *Instance) ExportBegin(h int32) (code int32) {
	defer in.guard(h, &code)
	s, err := in.enter(h)
	if err == nil {
		s.export = s.NewExport()
	}
	return Code(err)
}

// ExportNext gives the next block, perhaps of no bytes, and returns 1 if there
// are more.
func (in *Instance) ExportNext(h, maxBytes int32, boot float64) (code int32) {
	defer in.guard(h, &code)
	s, err := in.enter(h)
	if err != nil {
		return Code(err)
	}
	if s.export == nil {
		return CodeArgument
	}
	block, more, err := s.export.Next(in.out, int(maxBytes), boot)
	if err != nil {
		return Code(err)
	}
	in.out = block
	in.give()
	if !more {
		s.export = nil
	}
	return flag(more)
}

// ImportBegin begins to take a snapshot, or with check 1 to look at it; one that
// is under way is dropped.
func (in *Instance) ImportBegin(h, check int32) (code int32) {
	defer in.guard(h, &code)
	s, err := in.enter(h)
	if err == nil && (check < 0 || check > 1) {
		err = kv.ErrArgument
	}
	if err == nil {
		s.load = s.NewImport(check == 1)
	}
	return Code(err)
}

// ImportNext takes the block in the first n bytes of the buffer and returns 1 if
// it was the last. An error ends the import.
func (in *Instance) ImportNext(h, n int32, boot float64) (code int32) {
	defer in.guard(h, &code)
	s, err := in.enter(h, n)
	if err != nil {
		return Code(err)
	}
	if s.load == nil {
		return CodeArgument
	}
	done, err := s.load.Block(in.in[:n], boot)
	if done || err != nil {
		s.load = nil
	}
	if err != nil {
		return Code(err)
	}
	return flag(done)
}

// Stats gives the counters as doubles, in the order of StatNames.
func (in *Instance) Stats(h int32) (code int32) {
	defer in.guard(h, &code)
	s, err := in.enter(h)
	if err != nil {
		return Code(err)
	}
	st := s.Store.Stats()
	for _, v := range []float64{
		float64(st.Hits), float64(st.Misses), float64(st.Writes), float64(st.Swept), float64(st.Evictions),
		float64(st.Usage.Records), float64(st.Usage.LiveBytes), float64(st.Usage.RawBytes), float64(st.Usage.StoredBytes),
		float64(st.UsedBytes), float64(st.MaxBytes), float64(st.Version), float64(st.Clock),
	} {
		in.out = binary.LittleEndian.AppendUint64(in.out, math.Float64bits(v))
		in.Cells.Count++
	}
	in.give()
	return CodeOK
}

// StatNames are the fields that Stats gives.
var StatNames = [...]string{
	"hits", "misses", "writes", "swept", "evictions", "records", "liveBytes", "rawBytes", "storedBytes",
	"usedBytes", "maxBytes", "version", "clock",
}

func flag(v bool) int32 {
	if v {
		return 1
	}
	return 0
}

// lent is b as a string, as long as nobody writes to b.
func lent(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
