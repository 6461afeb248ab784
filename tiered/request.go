package tiered

import (
	"sync/atomic"

	"github.com/stratakv/strata/tiered/tier"
)

// requestOverhead is what a request and one of its ops cost in memory besides
// keys and frames, for the queue's limit.
const requestOverhead = 256

// The states of a request: the caller and the committer agree by one
// compare-and-swap on whether it is taken or cancelled.
const (
	requestWaiting int32 = iota
	requestTaken
	requestCancelled
)

// request is one Write on its way through the committer.
type request struct {
	ops     []tier.Op
	bytes   int64
	state   atomic.Int32 // written by the caller (cancel) and the committer (take)
	results []tier.Result
	err     error
}

func newRequest(ops []tier.Op) *request {
	r := &request{ops: ops, bytes: requestOverhead}
	for i := range ops {
		r.bytes += int64(len(ops[i].Key)+len(ops[i].Frame)) + requestOverhead
	}
	return r
}

// take claims the request for a group; false if its caller has given up.
func (r *request) take() bool {
	return r.state.CompareAndSwap(requestWaiting, requestTaken)
}

// cancel withdraws the request; false if a group has it already.
func (r *request) cancel() bool {
	return r.state.CompareAndSwap(requestWaiting, requestCancelled)
}
