//go:build !wasm

package l3bolt

import (
	"encoding/binary"
	"fmt"

	"github.com/stratakv/strata/tiered/tier"
)

// A record in bbolt: key "k"+key, because bbolt refuses the empty key; value
// uvarint(index slot + 1, or 0 if it is not in the expiry index) and frame.
// An entry of the expiry index: key be64(slot)+key, value empty.

// slotBits makes a slot of 1,024 ms.
const slotBits = 10

// slotOf is the slot of the expiry index in which deadline falls.
func slotOf(deadline int64) uint64 {
	if deadline < 0 {
		return 0
	}
	return uint64(deadline) >> slotBits
}

// appendRecordKey appends the bbolt key of a record.
func appendRecordKey(b []byte, key string) []byte { return append(append(b, 'k'), key...) }

// entryKey is the place of a key in an expiry index, on disk and in memory.
func entryKey(slot uint64, key string) string {
	b := make([]byte, 0, 8+len(key))
	return string(append(binary.BigEndian.AppendUint64(b, slot), key...))
}

// value is a record's bbolt value, taken apart.
type value struct {
	indexed bool
	slot    uint64 // if indexed
	frame   []byte // points into the bbolt value
}

func appendValue(b []byte, v value) []byte {
	slot := uint64(0)
	if v.indexed {
		slot = v.slot + 1
	}
	return append(binary.AppendUvarint(b, slot), v.frame...)
}

func parseValue(b []byte) (value, error) {
	slot, size := binary.Uvarint(b)
	if size <= 0 {
		return value{}, fmt.Errorf("%w: record value of unknown form", tier.ErrCorrupt)
	}
	v := value{frame: b[size:]}
	if slot != 0 {
		v.indexed, v.slot = true, slot-1
	}
	return v, nil
}
