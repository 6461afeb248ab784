package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/stratakv/strata/bench/versus/machine"
	"github.com/stratakv/strata/bench/versus/measure"
	"github.com/stratakv/strata/bench/versus/peer"
	"github.com/stratakv/strata/bench/versus/records"
	"github.com/stratakv/strata/bench/versus/report"
	"github.com/stratakv/strata/tiered"
)

var reopenHow = []string{
	"A process sets records from 64 goroutines and is killed by kill -9 in the midst of it; the time is from Open to the answer of a first Get. \"Not in the kernel's cache\": its files were dropped from there before, as far as it lets go of them; so it is after a reboot; two rounds of it.",
}

func reopen(ctx context.Context, b *bench, res *report.Result) error {
	n := b.set.large()
	t := fact(res, fmt.Sprintf("Reopening after kill -9, %s records", count(n)), "ms")
	journal := fact(res, "What lay in the journal", "MiB")
	warm, cold := "in the kernel's cache", "not in the kernel's cache"
	turn := func(name string) func(context.Context) error {
		return func(ctx context.Context) error {
			dir, err := b.strataDir(ctx, n)
			if err != nil {
				return err
			}
			line, err := b.interrupted(ctx, dir, n)
			if err != nil {
				return err
			}
			if name == cold {
				if err := machine.Forget(dir); err != nil {
					return err
				}
			}
			begin := time.Now()
			s, err := peer.OpenStrata(dir, b.shared, tiered.Options{})
			if err != nil {
				return err
			}
			_, err = s.Get(ctx, records.Key(n/2))
			took := time.Since(begin)
			t.Add(name, micros(took)/1000)
			var bytes float64
			_, scanErr := fmt.Sscan(line, &bytes)
			journal.Add(name, bytes/(1<<20))
			return errors.Join(err, scanErr, s.Close())
		}
	}
	var sides []*side
	for _, name := range []string{warm, cold} {
		sides = append(sides, &side{name: name, ours: true, few: name == cold, setup: func(ctx context.Context) error { return loadStrata(ctx, b, n) }, turn: turn(name)})
	}
	if err := b.alternate(ctx, res, b.set.rounds, sides...); err != nil {
		return err
	}
	b.judge(res, n, 10_000_000, report.Target{What: fmt.Sprintf("reopening after kill -9, %s records", count(n)), AtMost: true, Bound: 1000, Unit: "ms", Values: t.Row(warm).Values})
	return nil
}

// interrupted lets a child write into the store of n records until it is killed.
func (b *bench) interrupted(ctx context.Context, dir string, n int) (line string, err error) {
	// What is killed removes nothing.
	caches, err := os.MkdirTemp(b.shared, "killed-")
	if err != nil {
		return "", err
	}
	patience := min(5*b.set.length, 10*time.Second)
	line, err = b.killed(ctx, childWriter, dir, caches, fmt.Sprint(n), fmt.Sprint(b.set.values), fmt.Sprint(patience.Milliseconds()))
	return line, errors.Join(err, os.RemoveAll(caches))
}

// journalWanted is how much lies in the journal when the child is killed, if
// checkpoints let it.
const journalWanted = 96 << 20

// writeForEver is the child: it sets records until it is killed. It prints how
// much lies in the journal when that is much, or when it has waited long enough.
func writeForEver(ctx context.Context, dir, shared string, n, values int, patience time.Duration) error {
	s, err := peer.OpenStrata(dir, shared, tiered.Options{})
	if err != nil {
		return err
	}
	v, keys := records.NewValues(values), measure.Uniform(n)
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		begin := time.Now()
		for range tick.C {
			if lies := s.Store.Stats().L3.JournalBytes; lies >= journalWanted || time.Since(begin) > patience {
				fmt.Println(lies)
				return
			}
		}
	}()
	_, err = measure.Closed(ctx, 64, time.Minute, func(c *measure.Caller) error {
		return s.Set(ctx, records.Key(keys.Next(c.Rng)), v.At(c.Rng.Int()))
	})
	return errors.Join(err, errors.New("nobody killed it"))
}
