package kv

import (
	"github.com/stratakv/strata/tiered/tier"
)

// maxChunk bounds the records that one call visits.
const maxChunk = 1024

// Range selects the records of one chunk.
type Range struct {
	Prefix   string // keys that begin with it
	From     string // and are at or behind it
	Records  int    // visit at most so many, expired ones too; 0 or above 1,024: 256
	MaxBytes int    // stop behind the record that reaches so many bytes of keys and values; 0: 1 MiB
	KeysOnly bool   // values are nil
}

func (r Range) resolve() Range {
	if r.Records <= 0 || r.Records > maxChunk {
		r.Records = 256
	}
	if r.MaxBytes <= 0 {
		r.MaxBytes = 1 << 20
	}
	return r
}

// Scan visits one chunk of live records in the order of their keys, as of one
// moment. next is the From of the chunk that follows; more is false at the end.
// Key, value and next are lent, the latter until the next call. A chunk may be
// empty although there is more.
func (s *Store) Scan(r Range, boot float64, visit func(key string, h tier.Head, value []byte)) (next string, more bool, err error) {
	r = r.resolve()
	now, err := s.ready(r.Prefix, boot)
	if err != nil {
		return "", false, err
	}
	bytes := 0
	var value []byte
	var fault error
	more = s.walk(r, !r.KeysOnly, func(rec tier.Record) bool {
		if rec.Expired(now.ms) {
			return true
		}
		if !r.KeysOnly {
			value, fault = s.coder.Unpack(s.frames, rec.Frame, rec.RawLen)
			if fault != nil {
				return false
			}
			s.frames = value[:0]
		}
		visit(rec.Key, rec.Head, value)
		bytes += len(rec.Key) + len(value)
		return bytes < r.MaxBytes
	})
	s.trim()
	return lent(s.cursor), more, fault
}

// walk visits raw records and leaves the place behind the last one in s.cursor.
func (s *Store) walk(r Range, frames bool, visit func(rec tier.Record) bool) (more bool) {
	cursor := s.cursor[:0] // r.From may lie in it, but it is not read any more when this is written
	raw := tier.Range{Prefix: r.Prefix, From: r.From, Records: r.Records}
	s.scratch, more = s.mem.Walk(raw, s.scratch, frames, func(rec tier.Record) bool {
		cursor = append(append(cursor[:0], rec.Key...), 0)
		return visit(rec)
	})
	s.cursor = cursor
	return more
}

// DeletePrefix removes one chunk of the records whose keys begin with prefix,
// and returns how many of them were live, and whether there may be more.
func (s *Store) DeletePrefix(prefix string, limit int, boot float64) (removed int, more bool, err error) {
	r := Range{Prefix: prefix, Records: limit}.resolve()
	now, err := s.ready(prefix, boot)
	if err != nil {
		return 0, false, err
	}
	defer s.forget()
	version := s.version
	s.ends = s.ends[:0]
	more = s.walk(r, false, func(rec tier.Record) bool {
		s.frames = append(s.frames, rec.Key...)
		s.ends = append(s.ends, len(s.frames))
		if rec.Live(now.ms) {
			removed++
		}
		return true
	})
	at := 0
	for _, end := range s.ends {
		version++
		s.ops = append(s.ops, tier.Change{Key: lent(s.frames[at:end]), Head: tier.Head{Version: version}})
		at = end
	}
	return removed, more, s.commit(version, now)
}
