//go:build !wasm

package tiered

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
type queue struct {
	*committer
	room      *semaphore.Weighted // bytes of requests from entry until run has passed them
	roomBytes int64

	mu      sync.Mutex // guards pending and closed
	pending []job
	closed  bool
	wake    chan struct{} // capacity 1: pending is not empty, or closed
	done    chan struct{} // closed when the committing goroutine has ended
	stop    chan struct{} // closed to end the background goroutine
	stopped chan struct{} // closed when it has ended
	once    sync.Once
	closing error // written in once

	release func() error // of what lies above the durable tier, at Close
}

// job is what the committing goroutine does: a request, or a call of its own.
type job struct {
	req    *request      // of no ops for a call
	call   func()        // nil for a request
	weight int64         // what run gives back to room
	answer chan struct{} // closed when it is done
}

func newQueue(c *committer, o *Options, release func() error) *queue {
	q := &queue{
		committer: c,
		release:   release,
		room:      semaphore.NewWeighted(o.Limits.QueueBytes),
		roomBytes: o.Limits.QueueBytes,
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
	r := newRequest(ops)
	if err := q.enter(ctx, job{req: r}); err != nil {
		return nil, err
	}
	return r.results, r.err
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
	var err error
	errDone := q.enter(ctx, job{req: newRequest(nil), call: func() { err = fn() }})
	if errDone != nil {
		return errDone
	}
	return err
}

// enter puts j into the queue and waits until it is done.
func (q *queue) enter(ctx context.Context, j job) error {
	j.weight, j.answer = min(j.req.bytes, q.roomBytes), make(chan struct{})
	if err := q.room.Acquire(ctx, j.weight); err != nil {
		return err
	}
	if !q.put(j) {
		q.room.Release(j.weight)
		return tier.ErrClosed
	}
	select {
	case <-j.answer:
		return nil
	case <-ctx.Done():
	}
	if j.req.cancel() {
		return ctx.Err()
	}
	select {
	case <-j.answer: // while the ctx ended: known
		return nil
	default:
		return fmt.Errorf("%w: %w", tier.ErrUnknownOutcome, ctx.Err())
	}
}

// expireBatch removes what is due, at most sweepBatch records.
func (q *queue) expireBatch(ctx context.Context) (int, error) {
	removed := make(chan int, 1)
	err := q.do(ctx, func() error {
		n, err := q.expire(q.clock.moment(), sweepBatch)
		removed <- n
		return err
	})
	select {
	case n := <-removed:
		return n, err
	default:
		return 0, err
	}
}

func (q *queue) put(j job) bool {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return false
	}
	q.pending = append(q.pending, j)
	q.mu.Unlock()
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
	for range q.wake {
		for {
			jobs, closed := q.take()
			if len(jobs) > 0 {
				q.work(jobs)
				continue
			}
			if closed {
				return
			}
			break
		}
	}
}

// take empties the queue.
func (q *queue) take() (jobs []job, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	jobs, q.pending = q.pending, nil
	return jobs, q.closed
}

// work commits jobs in their order, in as few groups as groupBytes and the
// calls between them allow.
func (q *queue) work(jobs []job) {
	var group []job
	var bytes int64
	for _, j := range jobs {
		switch {
		case !j.req.take():
			q.room.Release(j.weight)
			continue
		case j.call != nil:
			q.group(group)
			group, bytes = nil, 0
			j.call()
			q.room.Release(j.weight)
			close(j.answer)
			continue
		case len(group) > 0 && bytes+j.req.bytes > q.groupBytes:
			q.group(group)
			group, bytes = nil, 0
		}
		group, bytes = append(group, j), bytes+j.req.bytes
	}
	q.group(group)
}

// group commits one group and answers it.
func (q *queue) group(jobs []job) {
	if len(jobs) == 0 {
		return
	}
	reqs := make([]*request, len(jobs))
	for i, j := range jobs {
		reqs[i] = j.req
	}
	q.commit(reqs)
	failpoint.Pass("tiered-ended")
	for _, j := range jobs {
		q.room.Release(j.weight)
		close(j.answer)
	}
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
