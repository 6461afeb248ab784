package measure

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Caller is one of those that call at once. It belongs to its goroutine.
type Caller struct {
	N    int        // which of them, from 0
	Turn int        // how many operations it has done
	Rng  *rand.Rand // its own
	// Class is for the operation to set: in which of Run.Classes its time is
	// counted. It is 0 before each.
	Class int

	times [Classes]*Histogram
}

// Classes is how many classes of operations are told apart.
const Classes = 4

func newCaller(n int, seed int64) *Caller {
	return &Caller{N: n, Rng: rand.New(rand.NewPCG(uint64(n), uint64(seed)))}
}

// add counts an operation.
func (c *Caller) add(took time.Duration) {
	if c.times[c.Class] == nil {
		c.times[c.Class] = new(Histogram)
	}
	c.times[c.Class].Add(took)
	c.Class = 0
	c.Turn++
}

// collect puts together what callers counted.
func collect(callers []*Caller, took time.Duration) Run {
	r := Run{Times: new(Histogram), Took: took}
	for i := range r.Classes {
		r.Classes[i] = new(Histogram)
		for _, c := range callers {
			if c.times[i] != nil {
				r.Classes[i].Merge(c.times[i])
			}
		}
		r.Times.Merge(r.Classes[i])
	}
	return r
}

// Run is what a loop measured.
type Run struct {
	Times   *Histogram          // of all operations
	Classes [Classes]*Histogram // of those of each class
	Took    time.Duration       // of the whole
}

// PerSecond is the rate of operations.
func (r Run) PerSecond() float64 {
	if r.Took <= 0 {
		return 0
	}
	return float64(r.Times.Count()) / r.Took.Seconds()
}

// Closed lets so many callers repeat op for a while, each beginning the next
// when the last one has ended. It ends early with ctx, or with the first error
// of op. The clock is read once for each operation.
func Closed(ctx context.Context, callers int, length time.Duration, op func(*Caller) error) (Run, error) {
	return closed(ctx, callers, length, op, nil)
}

// Watched is Closed, and tells each operation's end and duration to watch, in
// the callers' goroutines.
func Watched(ctx context.Context, callers int, length time.Duration, op func(*Caller) error, watch func(c *Caller, end time.Time, took time.Duration)) (Run, error) {
	return closed(ctx, callers, length, op, watch)
}

func closed(ctx context.Context, callers int, length time.Duration, op func(*Caller) error, watch func(*Caller, time.Time, time.Duration)) (Run, error) {
	var (
		stop    atomic.Bool
		running sync.WaitGroup
		all     = make([]*Caller, callers)
		errs    = make([]error, callers)
	)
	timer := time.AfterFunc(length, func() { stop.Store(true) })
	defer timer.Stop()
	defer context.AfterFunc(ctx, func() { stop.Store(true) })()
	begin := time.Now()
	for i := range callers {
		c := newCaller(i, begin.UnixNano())
		all[i] = c
		running.Go(func() {
			for last := time.Now(); !stop.Load(); {
				if errs[i] = op(c); errs[i] != nil {
					stop.Store(true)
					return
				}
				now := time.Now()
				if watch != nil {
					watch(c, now, now.Sub(last))
				}
				c.add(now.Sub(last))
				last = now
			}
		})
	}
	running.Wait()
	return collect(all, time.Since(begin)), errors.Join(append(errs, ctx.Err())...)
}
