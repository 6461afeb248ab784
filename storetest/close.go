package storetest

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/stratakv/strata/tiered"
)

var closeCases = []testCase{
	{
		name: "ErrClosed",
		why:  "P10: after Close every call is ErrClosed",
		run: func(p *probe) {
			p.set("key", "value", 0)
			it := p.item("key")
			p.must("Close", p.store.Close())
			for call, err := range calls(p.ctx, p.store, it) {
				p.want(call+" after Close", err, tiered.ErrClosed)
			}
			p.store.Stats() // may be called still
		},
	},
	{
		name: "CloseTwice",
		why:  "P10: Close is idempotent, also when several call it at once",
		run: func(p *probe) {
			p.set("key", "value", 0)
			beside(4, func(int) {
				if err := p.store.Close(); err != nil {
					p.Errorf("Close beside Close: got %v, want nil", err)
				}
			})
			p.must("Close again", p.store.Close())
		},
	},
	{
		name: "CloseBesideCalls",
		why:  "P10: Close may race any call: each ends, with its result or with ErrClosed",
		run:  func(p *probe) { closeBesideCalls(p) },
	},
	{
		name:   "CloseKeepsWhatWasAcknowledged",
		why:    "P1: what was acknowledged beside Close is there after a reopening, and what was ErrClosed is not",
		reopen: true,
		run: func(p *probe) {
			acknowledged := closeBesideCalls(p)
			p.reopen(func() {})
			for w, n := range acknowledged {
				p.wantValue("acknowledged before Close", fmt.Sprintf("writer %d", w), fmt.Sprint(n))
			}
		},
	},
}

// closeBesideCalls closes the store while writers, readers and scans are at
// it, and gives the number that each writer had acknowledged last.
func closeBesideCalls(p *probe) []int64 {
	const writers = 4
	acknowledged := make([]int64, writers)
	for w := range writers {
		p.set(fmt.Sprintf("writer %d", w), "0", 0)
	}
	var made atomic.Int64
	var wait waiter
	run := func(call func(i int) error) {
		wait.Go(func() {
			for i := 0; ; i++ {
				err := call(i)
				if errors.Is(err, tiered.ErrClosed) {
					return
				}
				if err != nil && !errors.Is(err, tiered.ErrNotFound) {
					p.Errorf("call beside Close: got %v, want its result or ErrClosed", err)
					return
				}
				made.Add(1)
				runtime.Gosched()
			}
		})
	}
	for w := range writers {
		run(func(i int) error {
			err := p.store.Set(p.ctx, fmt.Sprintf("writer %d", w), fmt.Append(nil, i), 0)
			if err == nil {
				acknowledged[w] = int64(i)
			}
			return err
		})
	}
	run(func(i int) error { _, err := p.store.Get(p.ctx, fmt.Sprintf("writer %d", i%writers)); return err })
	run(func(int) error { _, err := p.store.Update(p.ctx, "counter", increment); return err })
	run(func(int) error { _, err := p.store.DeleteExpired(p.ctx); return err })
	run(func(int) error { p.store.Stats(); _, err := p.store.GetMany(p.ctx, []string{"counter"}); return err })
	run(func(int) error {
		var last error
		for _, err := range p.store.Scan(p.ctx, "") {
			last = err
		}
		if last == nil { // a Scan may have met nothing
			_, last = p.store.Get(p.ctx, "writer 0")
		}
		return last
	})
	for made.Load() < 300 && p.Err() == nil && p.ctx.Err() == nil {
		runtime.Gosched()
	}
	if err := p.store.Close(); err != nil {
		p.Errorf("Close beside calls: got %v, want nil", err)
	}
	wait.Wait()
	return acknowledged
}
