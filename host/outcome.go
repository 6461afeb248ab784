package host

import (
	"fmt"

	"github.com/stratakv/strata/tiered/tier"
)

// outcomeFormat is the first byte of an outcome; another one is not understood.
const outcomeFormat = 1

// EncodeOutcome encodes the results of a write that happened, for
// [tier.Remembered]: without what holds for the first answer alone, Own
// and Tag, and without the record that refused.
func EncodeOutcome(results []tier.Result) []byte {
	e := encoder{buf: make([]byte, 0, 2+16*len(results))}
	e.byte(outcomeFormat)
	e.uint(uint64(len(results)))
	for i := range results {
		e.flags(results[i].Applied)
		e.head(results[i].Head)
	}
	return e.buf
}

// DecodeOutcome decodes what EncodeOutcome made. ErrCorrupt: it did not.
func DecodeOutcome(outcome []byte) ([]tier.Result, error) {
	d := decoder{buf: outcome}
	if d.byte() != outcomeFormat {
		d.fail()
	}
	results := make([]tier.Result, d.count(5))
	for i := range results {
		results[i].Applied = d.flags(1)[0]
		results[i].Head = d.head()
	}
	if err := d.end(); err != nil {
		return nil, fmt.Errorf("%w: the outcome of a write", tier.ErrCorrupt)
	}
	return results, nil
}
