package scs

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/stratakv/strata/tiered"
)

// The first byte of a record says what it is.
const (
	kindEnded  = 0 // a tombstone, nothing else
	kindHashed = 1 // 32 bytes, the token's SHA-256; the data
	kindClear  = 2 // length as a uvarint, the token; the data
)

// record is what the store has under key. One that is not there has version 0.
type record struct {
	key     string
	version uint64
	expires time.Time
	kind    byte
	head    []byte // what comes before data
	name    string // what All gives for it: a handle, or the token in clear
	data    []byte
}

func (r record) live() bool  { return r.version != 0 && r.kind != kindEnded }
func (r record) ended() bool { return r.version != 0 && r.kind == kindEnded }

// encode is the value of a record for token with data.
func (s *Store) encode(token string, data []byte) []byte {
	if s.opts.ClearTokens {
		value := binary.AppendUvarint([]byte{kindClear}, uint64(len(token)))
		return append(append(value, token...), data...)
	}
	sum := sha256.Sum256([]byte(token))
	value := make([]byte, 0, 1+len(sum)+len(data))
	return append(append(append(value, kindHashed), sum[:]...), data...)
}

// decode takes a record apart, which then shares its Value.
func decode(it tiered.Item) (record, error) {
	rec := record{key: it.Key, version: it.Version, expires: it.Expires}
	if len(it.Value) == 0 {
		return rec, errCorrupt()
	}
	rec.kind = it.Value[0]
	from, to := 1, 1 // the token or its hash
	switch rec.kind {
	case kindEnded:
		if len(it.Value) == 1 {
			return rec, nil
		}
		return rec, errCorrupt()
	case kindHashed:
		to = from + sha256.Size
	case kindClear:
		n, width := binary.Uvarint(it.Value[1:])
		if width <= 0 || n > uint64(len(it.Value)) {
			return rec, errCorrupt()
		}
		from += width
		to = from + int(n)
	default:
		return rec, errCorrupt()
	}
	if to > len(it.Value) {
		return rec, errCorrupt()
	}
	rec.head, rec.data = it.Value[:to], it.Value[to:]
	rec.name = string(rec.head[from:])
	if rec.kind == kindHashed {
		rec.name = handle(rec.head[from:])
	}
	return rec, nil
}

func errCorrupt() error { return fmt.Errorf("scs: not a session's record: %w", tiered.ErrCorrupt) }

// load reads key; that it is absent is no error.
func (s *Store) load(ctx context.Context, key string) (record, error) {
	it, err := s.store.GetItem(ctx, key)
	if errors.Is(err, tiered.ErrNotFound) {
		return record{key: key}, nil
	}
	if err != nil {
		return record{key: key}, err
	}
	return decode(it)
}
