package scs

import (
	"bytes"
	"encoding/gob"
	"maps"
	"reflect"
	"time"
)

// Codec encodes and decodes sessions: scs's own interface, which every codec of
// a SessionManager has.
type Codec interface {
	Encode(deadline time.Time, values map[string]any) ([]byte, error)
	Decode(data []byte) (deadline time.Time, values map[string]any, err error)
}

// gobCodec has the encoding of scs's GobCodec.
type gobCodec struct{}

type gobSession struct {
	Deadline time.Time
	Values   map[string]any
}

func (gobCodec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(gobSession{deadline, values})
	return b.Bytes(), err
}

func (gobCodec) Decode(data []byte) (time.Time, map[string]any, error) {
	var session gobSession
	err := gob.NewDecoder(bytes.NewReader(data)).Decode(&session)
	return session.Deadline, session.Values, err
}

// session is one of the three sides of a merge.
type session struct {
	deadline time.Time
	values   map[string]any
}

// merge does to stored what mine did to base: it sets and deletes the keys that
// differ, and the deadline. The session lives for as long as the later of the
// two commits says, but not beyond its deadline.
func (s *Store) merge(base, mine []byte, stored record, expiry time.Time) ([]byte, time.Time, error) {
	var sides [3]session
	for i, data := range [][]byte{base, mine, stored.data} {
		deadline, values, err := s.opts.Codec.Decode(bytes.Clone(data))
		if err != nil { // it may tell values
			return nil, expiry, ErrConflict
		}
		sides[i] = session{deadline, values}
	}
	was, have, merged := sides[0], sides[1], sides[2]
	if merged.values == nil {
		merged.values = make(map[string]any)
	}
	for k, v := range have.values {
		if !same(was, have, k) {
			merged.values[k] = v
		}
	}
	maps.DeleteFunc(merged.values, func(k string, _ any) bool {
		_, kept := have.values[k]
		return !kept && !same(was, have, k)
	})
	if !have.deadline.Equal(was.deadline) {
		merged.deadline = have.deadline
	}
	data, err := s.opts.Codec.Encode(merged.deadline, merged.values)
	if err != nil {
		return nil, expiry, ErrConflict
	}
	if stored.expires.After(expiry) {
		expiry = stored.expires
	}
	if expiry.After(merged.deadline) {
		expiry = merged.deadline
	}
	return data, expiry, nil
}

// same says whether a and b agree about k.
func same(a, b session, k string) bool {
	x, inA := a.values[k]
	y, inB := b.values[k]
	return inA == inB && reflect.DeepEqual(x, y)
}
