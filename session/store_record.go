package session

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strings"
	"time"

	"github.com/stratakv/strata/tiered"
)

// part says what of a record a key names.
type part uint8

const (
	partOther   part = iota // the whole value
	partSession             // parts of the record of an id
	partFlash
	partExpires // its deadline
)

// location is where a Store keeps what is under a key.
type location struct {
	key  string // in the tiered store
	part part
}

// maxStoreName bounds the prefix in a key `prefix:id`.
const maxStoreName = 255

// locate finds the place of key; ok is false if it is malformed.
func (s *Store) locate(key string) (at location, ok bool) {
	name, id, _ := strings.Cut(key, ":")
	if name == "" || id == "" || len(name) > maxStoreName {
		return location{}, false
	}
	switch name {
	case "session":
		at.part = partSession
	case "flash":
		at.part = partFlash
	case "expires":
		at.part = partExpires
	}
	if at.part != partOther {
		name = "session"
	}
	at.key = s.prefix + name + ":" + hash(id).String()
	return at, true
}

// storeRecord is the record of an id.
type storeRecord struct {
	session, flash []byte // encoded values, nil: absent
	expires        int64  // unix seconds, of expires:ID
	timed          bool   // whether expires:ID is stored
}

// part is where the value of p, which is not partExpires, stands.
func (r *storeRecord) part(p part) *[]byte {
	if p == partFlash {
		return &r.flash
	}
	return &r.session
}

// remove takes p away; tiered.Keep if it is absent.
func (r *storeRecord) remove(p part) error {
	switch {
	case p == partExpires && r.timed:
		r.timed = false
	case p != partExpires && *r.part(p) != nil:
		*r.part(p) = nil
	default:
		return tiered.Keep
	}
	return nil
}

// The form of a record's value: a byte for the form, one for what there is, and
// with a session the length of its value, its value, and that of flash. A record
// that holds expires:ID alone is two bytes.
const (
	storeForm  = 1
	hasSession = 1 << 0
	hasFlash   = 1 << 1
)

func (r *storeRecord) encode() []byte {
	data := make([]byte, 2, 2+binary.MaxVarintLen64+len(r.session)+len(r.flash))
	data[0] = storeForm
	if r.session != nil {
		data[1] |= hasSession
		data = binary.AppendUvarint(data, uint64(len(r.session)))
		data = append(data, r.session...)
	}
	if r.flash != nil {
		data[1] |= hasFlash
		data = append(data, r.flash...)
	}
	return data
}

// parseStoreRecord takes a record's value apart; the parts point into it.
func parseStoreRecord(value []byte) (r storeRecord, err error) {
	if len(value) < 2 || value[0] != storeForm || value[1]&^(hasSession|hasFlash) != 0 {
		return storeRecord{}, corruptRecord(0)
	}
	rest := value[2:]
	if value[1]&hasSession != 0 {
		n, size := binary.Uvarint(rest) // 0 if it has no end
		if n == 0 || n > uint64(len(rest)-size) {
			return storeRecord{}, corruptRecord(2)
		}
		end := size + int(n)
		r.session, rest = rest[size:end:end], rest[end:]
	}
	if (value[1]&hasFlash != 0) != (len(rest) > 0) {
		return storeRecord{}, corruptRecord(len(value) - len(rest))
	}
	if len(rest) > 0 {
		r.flash = rest
	}
	return r, nil
}

func corruptRecord(at int) error {
	return fmt.Errorf("%w: session record at byte %d", tiered.ErrCorrupt, at)
}

// storedSeconds is the expires:ID that a record's deadline stands for; false if
// there is none (2).
func storedSeconds(expires time.Time) (int64, bool) {
	if expires.IsZero() || expires.UnixMilli()%1000 != 0 {
		return 0, false
	}
	return expires.Unix(), true
}

// secondsAt is the deadline that an expires:ID stands for. All of the past is
// one: the zero time would be no deadline.
func secondsAt(expires int64) time.Time { return time.Unix(max(expires, 0), 0) }

// deadline is that of the record if it is written now.
func (s *Store) deadline(r *storeRecord) time.Time {
	switch {
	case r.timed:
		return secondsAt(r.expires)
	case s.ttl < 0:
		return time.Time{}
	}
	at := s.store.Now().Add(s.ttl)
	if _, whole := storedSeconds(at); whole {
		at = at.Add(time.Millisecond) // (2)
	}
	return at
}

// maxSeconds is the latest deadline that a record can have.
const maxSeconds = math.MaxInt64/1000 - 1

// toSeconds is an expires:ID: an integer of any of Go's own types.
func toSeconds(value any) (int64, error) {
	v := reflect.ValueOf(value)
	n, isBig := value.(*big.Int)
	switch {
	case isBig && n != nil && n.IsInt64():
		return checkSeconds(n.Int64())
	case !v.IsValid() || v.Type().PkgPath() != "":
	case v.CanInt():
		return checkSeconds(v.Int())
	case v.CanUint() && v.Kind() != reflect.Uintptr:
		return checkSeconds(int64(min(v.Uint(), math.MaxInt64)))
	}
	return 0, fmt.Errorf("%w: expires takes an integer, unix seconds", ErrArgument)
}

func checkSeconds(n int64) (int64, error) {
	if n > maxSeconds {
		return 0, fmt.Errorf("%w: expires is out of range", ErrArgument)
	}
	return n, nil
}
