package tiered

import (
	"sync"
	"sync/atomic"

	"github.com/stratakv/strata/tiered/tier"
)

// requestOverhead is what a request and one of its ops cost in memory besides
// keys and frames, for the queue's limit.
const requestOverhead = 256

// The states of a request: the caller and the committer agree by one
// compare-and-swap on whether it is taken or cancelled, and by another on
// whether its caller still waits when it is answered.
const (
	requestWaiting int32 = iota
	requestTaken
	requestCancelled
	requestAnswered
	requestLeft
)

// request is one Write, or one call, on its way through the committer. Who may
// touch it:
//
//  1. From entry until its answer it is the committer's; its caller may only
//     cancel it, and wait.
//  2. Whoever takes it answers it, exactly once, and does not touch it after
//     that: it is its caller's again.
//  3. It is used again only by way of the caller who has received its answer. A
//     caller who gives up, cancelled in time or with an unknown outcome, leaves
//     it for good: it may be in the queue or in a group still.
type request struct {
	ops     []tier.Op
	bytes   int64
	state   atomic.Int32 // written by the caller (cancel, leave) and the committer (take, finish)
	results []tier.Result
	err     error

	// ticket is that of another process's write, whose outcome encode encodes for
	// the durable tier to remember with its group; nil: it is this process's own, and
	// nothing is remembered.
	ticket tier.Ticket
	encode func([]tier.Result) []byte

	posted any // what it is to whoever gets it back through the queue's back; nil: its caller waits

	call   func() error  // instead of ops: of the committing goroutine between two groups
	weight int64         // what the queue gives back to room
	answer chan struct{} // capacity 1; nil where nobody waits

	// Room for the most frequent request, of one op.
	oneOp     [1]tier.Op
	oneResult [1]tier.Result
}

// requests are those that no caller and no committer has.
type requests struct{ free sync.Pool }

// get gives a request of no ops.
func (rs *requests) get() *request {
	if r, _ := rs.free.Get().(*request); r != nil {
		return r
	}
	return &request{answer: make(chan struct{}, 1)}
}

// put takes back a request that was answered, or never entered (3). The caller
// has copied what it wants of it.
func (rs *requests) put(r *request) {
	*r = request{answer: r.answer}
	rs.free.Put(r)
}

// newRequest gives a request for a committer that nobody waits for.
func newRequest(ops []tier.Op) *request {
	r := new(request)
	r.use(ops)
	return r
}

// use makes ops the request's.
func (r *request) use(ops []tier.Op) {
	r.ops, r.bytes = ops, requestOverhead
	for i := range ops {
		r.bytes += int64(len(ops[i].Key)+len(ops[i].Frame)) + requestOverhead
	}
}

// useOne makes op the request's only one.
func (r *request) useOne(op *tier.Op) {
	r.oneOp[0] = *op
	r.use(r.oneOp[:])
}

// begin gives the request zero results to be judged anew.
func (r *request) begin() {
	r.err = nil
	if len(r.ops) == 1 {
		r.results = r.oneResult[:]
		clear(r.results)
		return
	}
	r.results = make([]tier.Result, len(r.ops))
}

// first is the result of the first op, zero where there is none.
func (r *request) first() (res tier.Result) {
	if len(r.results) > 0 {
		res = r.results[0]
	}
	return res
}

// memory is what is to be remembered of a request that was judged: nothing unless
// it makes a version.
func (r *request) memory() (m tier.Remembered, ok bool) {
	if r.encode == nil || r.err != nil {
		return m, false
	}
	for i := range r.results {
		if r.results[i].Applied {
			return tier.Remembered{Ticket: r.ticket, Outcome: r.encode(r.results)}, true
		}
	}
	return m, false
}

// done gives the request back to its caller.
func (r *request) done() {
	select {
	case r.answer <- struct{}{}:
	default:
		panic("invariant request 2: answered twice")
	}
}

// take claims the request for a group; false if its caller has given up.
func (r *request) take() bool {
	return r.state.CompareAndSwap(requestWaiting, requestTaken)
}

// cancel withdraws the request; false if a group has it already.
func (r *request) cancel() bool {
	return r.state.CompareAndSwap(requestWaiting, requestCancelled)
}

// finish claims the right to answer; false if its caller has left. Either way
// the answer is due.
func (r *request) finish() bool {
	return r.state.CompareAndSwap(requestTaken, requestAnswered)
}

// leave gives the request up; false if its answer is known, and there at once.
func (r *request) leave() bool {
	return r.state.CompareAndSwap(requestTaken, requestLeft)
}
