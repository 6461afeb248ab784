package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/stratakv/strata/bench/versus/machine"
	"github.com/stratakv/strata/bench/versus/peer"
	"github.com/stratakv/strata/bench/versus/records"
	"github.com/stratakv/strata/bench/versus/report"
	"github.com/stratakv/strata/tiered"
)

var memoryHow = []string{
	"Two processes open the same store and read the same records, one with L1 of 64 MiB, one without. What the one has more of private memory (RssAnon) is L1's: when L1 is full and the garbage is collected and given back, and after three times as many other records have gone through it, each read twice, as a full L1 takes only what is asked for again; then with the garbage that Go lets stand (GOGC=100).",
}

const memoryBudget = 64 << 20

// phases are when a child looks at its memory.
const (
	phaseFull = iota
	phaseOver
	phases
)

func memory(ctx context.Context, b *bench, res *report.Result) error {
	t := fact(res, "Resident memory of L1 / its budget", "times 64 MiB")
	n := b.set.base()
	dir := ""
	s := &side{
		name: strata, ours: true,
		setup: func(ctx context.Context) (err error) {
			dir, err = b.strataDir(ctx, n)
			return err
		},
		turn: func(ctx context.Context) error {
			var with, without [phases]int64
			for budget, into := range map[int64]*[phases]int64{memoryBudget: &with, -1: &without} {
				out, err := b.runChild(ctx, childMemory, dir, b.shared, fmt.Sprint(budget), fmt.Sprint(n), fmt.Sprint(b.set.values))
				if err != nil {
					return err
				}
				if _, err := fmt.Sscan(out, &into[phaseFull], &into[phaseOver]); err != nil {
					return fmt.Errorf("the child said %q: %w", out, err)
				}
			}
			for phase, name := range []string{phaseFull: "full", phaseOver: "turned over, with garbage"} {
				t.Add(name, float64(with[phase]-without[phase])/memoryBudget)
			}
			return nil
		},
	}
	if err := b.alternate(ctx, res, b.set.rounds, s); err != nil {
		return err
	}
	for _, row := range t.Rows {
		b.judge(res, n, 200_000, report.Target{What: "L1 resident memory / its budget, " + row.System, AtMost: true, Bound: 1.3, Unit: "×", Values: row.Values})
	}
	return nil
}

// reportMemory is the child: it fills L1 and prints its memory.
func reportMemory(ctx context.Context, dir, shared string, budget int64, n, values int) error {
	s, err := peer.OpenStrata(dir, shared, tiered.Options{L1Bytes: budget, L2Bytes: -1})
	if err != nil {
		return err
	}
	defer s.Close()
	v := records.NewValues(values)
	fill := memoryBudget / v.MeanBytes()
	read := func(first, count int) error {
		for i := range count {
			if _, err := s.Get(ctx, records.Key((first+i)%n)); err != nil {
				return err
			}
		}
		return nil
	}
	// Twice, as a cache may not take at once what it has not met before.
	if err := read(0, fill); err != nil {
		return err
	}
	if err := read(0, fill); err != nil {
		return err
	}
	debug.FreeOSMemory()
	full, err := machine.PrivateBytes()
	if err != nil {
		return err
	}
	const block = 1000
	for first := fill; first < 4*fill; first += block {
		if err := errors.Join(read(first, block), read(first, block)); err != nil {
			return err
		}
	}
	over, err := machine.PrivateBytes()
	fmt.Println(full, over)
	return err
}
