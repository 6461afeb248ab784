package gorilla

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/stratakv/strata/tiered"
)

// idBytes is how much randomness an id has.
const idBytes = 32

var idEncoding = base64.RawURLEncoding.Strict()

func newID() string {
	var b [idBytes]byte
	rand.Read(b[:]) // never fails
	return idEncoding.EncodeToString(b[:])
}

// validID says whether id is one that newID could have made.
func validID(id string) bool {
	if len(id) != idEncoding.EncodedLen(idBytes) {
		return false
	}
	b, err := idEncoding.DecodeString(id)
	return err == nil && len(b) == idBytes
}

// key is the store's key of a session. Only the hash of the id is in it, so that
// neither the store's files nor its errors give sessions away.
func (s *Store) key(name, id string) string {
	hash := sha256.Sum256([]byte(id))
	return s.prefix + name + ":" + idEncoding.EncodeToString(hash[:])
}

// The first byte of a record says what follows.
const (
	isValues = 'v' // the session's Values, encoded
	isMoved  = 'm' // the key that a renewed session has now
)

func (s *Store) encode(values map[any]any) ([]byte, error) {
	data, err := s.codec.Encode(values)
	if err != nil {
		return nil, fmt.Errorf("gorilla: encode: %w", err)
	}
	return append([]byte{isValues}, data...), nil
}

func (s *Store) decode(record []byte) (map[any]any, error) {
	if len(record) == 0 || record[0] != isValues {
		return nil, fmt.Errorf("gorilla: decode: %w: unknown kind of record", tiered.ErrCorrupt)
	}
	var values map[any]any
	if err := s.codec.Decode(record[1:], &values); err != nil {
		return nil, fmt.Errorf("gorilla: decode: %w", err)
	}
	if values == nil { // handlers write to it
		values = make(map[any]any)
	}
	return values, nil
}

func moved(key string) []byte { return append([]byte{isMoved}, key...) }

// movedTo is the key that moved was given, "" for other records.
func movedTo(record []byte) string {
	if len(record) == 0 || record[0] != isMoved {
		return ""
	}
	return string(record[1:])
}
