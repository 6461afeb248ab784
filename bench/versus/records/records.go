// Package records is what all systems keep while they are compared: the same
// keys, and the same values for the same keys, session records as JSON of 150 to
// 2,000 bytes, evenly in the logarithm of their length.
//
// [Values] are made once; reading them is safe for concurrent use.
package records

import (
	"fmt"
	"time"

	"github.com/stratakv/strata/internal/sessiondata"
)

// TTL is the lifetime of every record, longer than any run.
const TTL = 30 * 24 * time.Hour

// Key is the key of record i: 24 bytes. Neighbors are far apart in order.
func Key(i int) string {
	const digits = "0123456789abcdef"
	key := [24]byte{'s', 'e', 's', 's', 'i', 'o', 'n', ':'}
	for n, at := uint64(i)*0x9e3779b97f4a7c15, len(key)-1; at >= 8; at-- {
		key[at] = digits[n&15]
		n >>= 4
	}
	return string(key[:])
}

// Values are different session records. A dictionary that is trained on some of
// them has no room for more than a few whole ones.
type Values struct {
	all   [][]byte
	bytes int
}

// NewValues makes n of them, a power of two, the same in every run.
func NewValues(n int) *Values {
	if n <= 0 || n&(n-1) != 0 {
		panic(fmt.Sprintf("records: %d is no power of two", n))
	}
	source := sessiondata.New(7)
	v := &Values{all: make([][]byte, n)}
	for i := range v.all {
		v.all[i] = source.JSON(source.Size())
		v.bytes += len(v.all[i])
	}
	return v
}

// At is a value of record i. The next one, after a write, is that of another i.
// It must not be changed.
func (v *Values) At(i int) []byte {
	return v.all[uint64(i)*0x9e3779b97f4a7c15>>32&uint64(len(v.all)-1)]
}

// MeanBytes is how long they are on average.
func (v *Values) MeanBytes() int { return v.bytes / len(v.all) }
