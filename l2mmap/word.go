//go:build !wasm

package l2mmap

// Buckets is the number of slices of the key space, each with a coherence word.
const Buckets = 1 << 16

// BucketOf gives the bucket of a key's hash: its top 16 bits.
func BucketOf(hash uint64) uint16 { return uint16(hash >> 48) }

// Word is a bucket's coherence word: generation in the upper 48 bits, the
// number of groups in flight in the lower 16.
type Word uint64

const (
	inFlightBits = 16
	inFlightMask = 1<<inFlightBits - 1
	oneInFlight  = 1
	// maxInFlight bounds what a word can say: a count above it is damage, and
	// it is reached long before the count could carry into the generation.
	maxInFlight = 1 << (inFlightBits - 1)
	// maxGeneration bounds the generation: the bit above it says that a word is
	// poison, which no begin and no end that comes late takes away.
	maxGeneration = 1<<47 - 1
	// poison is in every word of a control file whose owner found damage. Both
	// parts are far from their ends, so that what is added late to one does not
	// reach the other, and something stays in flight.
	poison = Word(0xC000_0000_0000_C000)
)

// Generation grows with every group that touched the bucket.
func (w Word) Generation() uint64 { return uint64(w) >> inFlightBits }

// InFlight is the number of groups between begin and end; above 0 nobody
// trusts a copy of the bucket's records.
func (w Word) InFlight() uint64 { return uint64(w) & inFlightMask }

// possible is false for a word that no sequence of begins and ends makes.
func (w Word) possible() bool {
	return w.InFlight() <= maxInFlight && w.Generation() <= maxGeneration
}

// endOf is what the end of n groups adds to a word: generation+1 and n fewer
// in flight.
func endOf(n uint64) uint64 { return 1<<inFlightBits - n }
