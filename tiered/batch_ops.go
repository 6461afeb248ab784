package tiered

import (
	"iter"
	"time"

	"github.com/stratakv/strata/tiered/tier"
)

// BatchOp is one operation of a [Batch], for stores of other kinds that take
// one. Its Value is the Batch's own: read-only.
type BatchOp struct {
	Kind    tier.Kind // OpSet, OpDelete, OpTouch or OpCheck
	Key     string
	Value   []byte        // of OpSet
	TTL     time.Duration // of OpSet and OpTouch, unless Until
	Until   bool          // Expires stands, not TTL
	Expires time.Time     // zero: never
	Version uint64        // of OpCheck
}

// Ops yields the operations in their order.
func (b *Batch) Ops() iter.Seq[BatchOp] {
	return func(yield func(BatchOp) bool) {
		for _, op := range b.ops {
			if !yield(BatchOp{op.kind, op.key, op.value, op.ttl, op.until, op.expires, op.version}) {
				return
			}
		}
	}
}
