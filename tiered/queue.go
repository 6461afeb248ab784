//go:build !wasm

package tiered

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/stratakv/strata/internal/failpoint"
	"github.com/stratakv/strata/tiered/tier"
)

// queue is the authority over a durable tier whose commits wait for a disk:
// writes queue up while the last group is being synced, and one goroutine
// takes the whole queue as the next group. There is no idle delay, and the
// order of the groups is the commit order.
//
//  1. Every request that entered is either answered by the committing
//     goroutine or cancelled by its caller before that goroutine took it.
//  2. Only the committing goroutine calls Commit and Due.
//  3. The queue holds at most Limits.QueueBytes; callers wait for room.
//  4. A group waits for callers that are on their way, never for nobody, see
//     gather.
//
// Who has a request when is said at [request].
type queue struct {
	*committer
	requests  requests
	room      *semaphore.Weighted // bytes of requests from entry until run has passed them
	roomBytes int64

	taken  []*request // what run has in hand, reused
	gather gather     // how long run waits for more

	back  func([]*request) // takes posted requests that are answered
	given []*request       // what back is given, reused

	mu      sync.Mutex // guards pending and closed
	pending []*request
	closed  bool
	wake    chan struct{} // capacity 1: pending is not empty, or closed
	done    chan struct{} // closed when the committing goroutine has ended
	stop    chan struct{} // closed to end the background goroutine
	stopped chan struct{} // closed when it has ended
	once    sync.Once
	closing error // written in once

	release func() error // of what lies above the durable tier, at Close
}

func newQueue(c *committer, o *Options, release func() error) *queue {
	q := &queue{
		committer: c,
		release:   release,
		room:      semaphore.NewWeighted(o.Limits.QueueBytes),
		roomBytes: o.Limits.QueueBytes,
		gather:    newGather(),
		wake:      make(chan struct{}, 1),
		done:      make(chan struct{}),
		stop:      make(chan struct{}),
		stopped:   make(chan struct{}),
	}
	go q.run()
	go q.background(o.SweepEvery, o.Logger)
	return q
}

// Write implements [tier.Authority].
func (q *queue) Write(ctx context.Context, ops []tier.Op) ([]tier.Result, error) {
	r := q.requests.get()
	r.use(ops)
	return q.write(ctx, r)
}

func (q *queue) write(ctx context.Context, r *request) ([]tier.Result, error) {
	if err := q.enter(ctx, r); err != nil {
		return nil, err
	}
	results, err := r.results, r.err
	if len(r.ops) == 1 {
		results = slices.Clone(results)
	}
	q.requests.put(r)
	return results, err
}

// writeWith is Write, whose outcome is remembered under ticket in its own commit.
func (q *queue) writeWith(ctx context.Context, ops []tier.Op, ticket tier.Ticket, encode func([]tier.Result) []byte) ([]tier.Result, error) {
	r := q.requests.get()
	r.use(ops)
	r.ticket, r.encode = ticket, encode
	return q.write(ctx, r)
}

// WriteOne implements [tier.Authority].
func (q *queue) WriteOne(ctx context.Context, op tier.Op) (tier.Result, error) {
	r := q.requests.get()
	r.useOne(&op)
	if err := q.enter(ctx, r); err != nil {
		return tier.Result{}, err
	}
	res, err := r.first(), r.err
	q.requests.put(r)
	return res, err
}

// DeleteExpired implements [tier.Authority].
func (q *queue) DeleteExpired(ctx context.Context) (int, error) {
	total := 0
	for {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		n, err := q.expireBatch(ctx)
		total += n
		if err != nil || n < sweepBatch {
			return total, err
		}
	}
}

// Close implements [tier.Authority].
func (q *queue) Close() error {
	q.once.Do(func() {
		close(q.stop)
		<-q.stopped
		q.mu.Lock()
		q.closed = true
		q.mu.Unlock()
		q.signal()
		<-q.done
		q.gate.shut()
		q.closing = errors.Join(q.release(), q.durable.Close())
	})
	return q.closing
}

// do runs fn on the committing goroutine, between two groups, and returns its
// error. If ctx ends first, its error alone says that fn does not run.
func (q *queue) do(ctx context.Context, fn func() error) error {
	r := q.requests.get()
	r.use(nil)
	r.call = fn
	if err := q.enter(ctx, r); err != nil {
		return err
	}
	err := r.err
	q.requests.put(r)
	return err
}

// enter puts r into the queue and waits until it is answered. With an error it
// is not, and the caller must let go of it.
func (q *queue) enter(ctx context.Context, r *request) error {
	r.weight = min(r.bytes, q.roomBytes)
	if err := q.room.Acquire(ctx, r.weight); err != nil {
		return err
	}
	if !q.put(r) {
		q.room.Release(r.weight)
		return tier.ErrClosed
	}
	over := ctx.Done()
	if over == nil {
		<-r.answer
		q.gather.arrived()
		return nil
	}
	select {
	case <-r.answer:
		q.gather.arrived()
		return nil
	case <-over:
	}
	if r.cancel() {
		return ctx.Err()
	}
	if r.leave() {
		return fmt.Errorf("%w: %w", tier.ErrUnknownOutcome, ctx.Err())
	}
	<-r.answer // it came while the ctx ended: known
	q.gather.arrived()
	return nil
}

// expireBatch removes what is due, at most sweepBatch records. A follower's call
// that is cut off because this process closes (cause ErrClosed) waits for the batch
// in work: its removals are counted, and Close waits for it anyway.
func (q *queue) expireBatch(ctx context.Context) (int, error) {
	removed := make(chan int, 1)
	err := q.do(ctx, func() error {
		n, err := q.expire(q.clock.moment(), sweepBatch)
		removed <- n
		return err
	})
	if errors.Is(err, tier.ErrUnknownOutcome) && errors.Is(context.Cause(ctx), tier.ErrClosed) {
		return <-removed, err // it was taken, so it runs
	}
	select {
	case n := <-removed:
		return n, err
	default:
		return 0, err
	}
}

// post puts the first of reqs into the queue, as many as it returns: those that
// there is room for. They are given to back when they are answered.
func (q *queue) post(reqs []*request) int {
	n := 0
	for _, r := range reqs {
		r.weight = min(r.bytes, q.roomBytes)
		if !q.room.TryAcquire(r.weight) {
			break
		}
		n++
	}
	if q.put(reqs[:n]...) {
		return n
	}
	for _, r := range reqs[:n] {
		q.room.Release(r.weight)
	}
	return 0
}

func (q *queue) put(reqs ...*request) bool {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return false
	}
	q.pending = append(q.pending, reqs...)
	n := len(q.pending)
	q.mu.Unlock()
	q.gather.queued(n)
	q.signal()
	return true
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// run is the committing goroutine. It ends when the queue is closed and empty.
func (q *queue) run() {
	defer close(q.done)
	var took time.Duration
	for range q.wake {
		for {
			q.gather.wait(q.waiting, took)
			closed := q.take()
			if len(q.taken) > 0 {
				began := time.Now()
				q.work()
				took = time.Since(began)
				continue
			}
			if closed {
				return
			}
			break
		}
	}
}

// waiting is the number of requests that are queued.
func (q *queue) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.pending)
}

// take empties the queue into taken.
func (q *queue) take() (closed bool) {
	clear(q.taken)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.taken, q.pending = q.pending, q.taken[:0]
	return q.closed
}

// work commits what was taken in its order, in as few groups as groupBytes and
// the calls between them allow.
func (q *queue) work() {
	group, bytes := q.taken[:0], int64(0) // in place: never ahead of what it reads
	for i, r := range q.taken {
		if !r.take() {
			q.cancelled(r)
			continue
		}
		if len(group) > 0 && (r.call != nil || bytes+r.bytes > q.groupBytes) {
			q.group(group)
			group, bytes = group[len(group):], 0
		}
		if r.call != nil {
			r.err = r.call()
			q.answer(q.taken[i : i+1])
			continue
		}
		group, bytes = append(group, r), bytes+r.bytes
	}
	if len(group) > 0 {
		q.group(group)
	}
}

// group commits one group and answers it.
func (q *queue) group(reqs []*request) {
	q.commit(reqs)
	failpoint.Pass("tiered-ended")
	q.answer(reqs)
}

// answer gives reqs back to their callers.
func (q *queue) answer(reqs []*request) {
	weight, waiting := int64(0), 0
	for _, r := range reqs {
		weight += r.weight
		if r.posted == nil && r.finish() {
			waiting++
		}
	}
	q.room.Release(weight)
	q.gather.answered(waiting)
	given := q.given[:0]
	for _, r := range reqs {
		if r.posted == nil {
			r.done()
		} else {
			given = append(given, r)
		}
	}
	if len(given) > 0 {
		q.back(given)
		clear(given)
		q.given = given[:0]
	}
}

// cancelled lets go of a request whose caller has given up. A posted one goes back
// nevertheless.
func (q *queue) cancelled(r *request) {
	if r.posted != nil {
		r.err = context.Canceled
		q.answer([]*request{r})
		return
	}
	q.room.Release(r.weight)
}

// background sweeps every so often and keeps the clock's stamp young. It ends
// with the queue, or when nothing can be written any more. A fault of its work
// is told once.
func (q *queue) background(every time.Duration, log *slog.Logger) {
	defer close(q.stopped)
	sweep, stamp := time.NewTicker(every), time.NewTicker(stampEvery)
	defer sweep.Stop()
	defer stamp.Stop()
	told := false
	for !q.dead.Load() {
		var err error
		select {
		case <-q.stop:
			return
		case <-stamp.C:
			if q.stampIsOld() {
				err = q.do(context.Background(), q.keepStamp)
			}
		case <-sweep.C:
			err = q.sweepAll()
		}
		if err != nil && !told {
			told = true
			log.Warn("strata: expired records or the clock cannot be written back", slog.String("package", "tiered"), slog.Any("error", err))
		}
	}
	<-q.stop
}

// sweepAll removes all that is due, in bounded groups between which writers
// get their turn.
func (q *queue) sweepAll() error {
	for {
		select {
		case <-q.stop:
			return nil
		default:
		}
		n, err := q.expireBatch(context.Background())
		if err != nil || n < sweepBatch {
			return err
		}
	}
}
