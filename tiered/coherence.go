package tiered

import "github.com/stratakv/strata/tiered/tier"

// coherence is what the committer tells the caches above its durable tier. Its
// calls are the committer's own, one group at a time.
//
//  1. From begin to end of a group nobody trusts a cached copy of a bucket that
//     it touches.
//  2. After end, no copy that was made before begin is trusted.
type coherence interface {
	// begin marks the buckets of reqs' keys as in flight.
	begin(reqs []*request) *group
	// committing notes the versions that are about to be committed.
	committing(g *group, first, last uint64)
	// commit brings the shared cache up to date with changes, which are
	// durable and published.
	committed(g *group, changes []tier.Change, now int64)
	// end ends the brackets and tells reqs which of their results may be kept
	// by their callers, and how to tag them.
	end(g *group, reqs []*request, version uint64)
}

// uncached is the coherence of a durable tier with nothing above it.
type uncached struct{}

func (uncached) begin([]*request) *group                { return nil }
func (uncached) committing(*group, uint64, uint64)      {}
func (uncached) committed(*group, []tier.Change, int64) {}
func (uncached) end(_ *group, _ []*request, _ uint64)   {}

// group is one group's brackets. It is reused: nobody has it after end.
type group struct {
	buckets []groupBucket
	index   map[uint16]int32    // of each bucket in buckets
	ops     []int32             // the place in buckets of each op of each request, in their order
	met     map[string]struct{} // tell's
}

// groupBucket is one bucket of a group in flight.
type groupBucket struct {
	number uint16
	ops    int // how many ops touch it
	// left are the keys whose frames could not be brought up to date in the
	// shared cache, because their page was locked. The bucket stays in flight
	// until the background has removed them.
	left []string
	// tag is the generation that the end of the bracket made; 0: none.
	tag uint64
}
