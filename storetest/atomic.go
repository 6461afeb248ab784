package storetest

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/stratakv/strata/tiered"
)

var atomicCases = []testCase{
	{
		name: "BatchShowsAtOnce",
		why:  "who has met one record of a batch meets all of that batch or of a later one",
		run:  func(p *probe) { batchBeside(p, false) },
	},
	{
		name: "RefusedNeverShows",
		why:  "P3: nothing of a refused batch is ever visible to anyone",
		run:  func(p *probe) { batchBeside(p, true) },
	},
	{
		name: "MoneyIsKept",
		why:  "batches with Checks, beside each other, move value between keys without loss",
		run:  moneyIsKept,
	},
}

const (
	batchKeys   = 8
	batchRounds = 120
	maxRounds   = 4000 // while readers are behind
	batchReads  = 300
)

// batchBeside writes batches that set all keys to their number, every second
// one refused if refuse says so, while readers look at the keys in both
// orders.
func batchBeside(p *probe, refuse bool) {
	write := func(n int, fail bool) error {
		var b tiered.Batch
		for i := range batchKeys {
			b.Set(fmt.Sprint(i), fmt.Append(nil, n), 0)
		}
		if fail {
			b.Check("0", 0)
		}
		return p.store.Write(p.ctx, &b)
	}
	p.must("Write", write(0, false))
	var stop atomic.Bool
	var made atomic.Int64
	var wait waiter
	for r := range 2 {
		wait.Go(func() {
			for !stop.Load() {
				p.readInOrder(r == 1, refuse)
				made.Add(1)
				runtime.Gosched()
			}
		})
	}
	defer wait.Wait()
	defer stop.Store(true)
	for n := 1; n <= batchRounds || n < maxRounds && made.Load() < batchReads; n++ {
		fail := refuse && n%2 == 1
		err := write(n, fail)
		if fail {
			p.want("Write", err, tiered.ErrVersion)
		} else {
			p.must("Write", err)
		}
		runtime.Gosched() // wasm has one thread
	}
}

// readInOrder reads all keys one after another: their numbers never go back.
func (p *probe) readInOrder(backwards, onlyEven bool) {
	last := 0
	for i := range batchKeys {
		if backwards {
			i = batchKeys - 1 - i
		}
		value, err := p.store.Get(p.ctx, fmt.Sprint(i))
		if err != nil {
			p.Errorf("Get beside batches: got %v, want nil", err)
			return
		}
		n := number(value)
		if n < last {
			p.Errorf("Get beside batches: got batch %d after a record of batch %d", n, last)
		}
		if onlyEven && n%2 == 1 {
			p.Errorf("Get beside batches: got the value of batch %d, which was refused", n)
		}
		last = n
	}
}

// moneyIsKept moves single coins between purses, each move a batch that
// checks both purses.
func moneyIsKept(p *probe) {
	const purses, coins, workers, moves = 4, 50, 4, 40
	purse := func(i int) string { return fmt.Sprintf("purse %d", i%purses) }
	for i := range purses {
		p.set(purse(i), fmt.Sprint(coins), 0)
	}
	beside(workers, func(w int) {
		for done, tries := 0, 0; done < moves && tries < moves*1000; tries++ {
			items, err := p.store.GetMany(p.ctx, []string{purse(w + tries), purse(w + tries + 1)})
			if err != nil {
				p.Errorf("GetMany: got %v, want nil", err)
				return
			}
			from, to := items[purse(w+tries)], items[purse(w+tries+1)]
			var b tiered.Batch
			b.Check(from.Key, from.Version)
			b.Check(to.Key, to.Version)
			b.Set(from.Key, fmt.Append(nil, number(from.Value)-min(1, number(from.Value))), 0)
			b.Set(to.Key, fmt.Append(nil, number(to.Value)+min(1, number(from.Value))), 0)
			switch err := p.store.Write(p.ctx, &b); {
			case err == nil:
				done++
			case !errors.Is(err, tiered.ErrVersion):
				p.Errorf("Write: got %v, want nil or ErrVersion", err)
				return
			}
		}
	})
	total := 0
	for i := range purses {
		total += number(p.item(purse(i)).Value)
	}
	if total != purses*coins {
		p.Errorf("coins in all purses: got %d, want %d", total, purses*coins)
	}
}
