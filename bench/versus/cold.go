package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/stratakv/strata/bench/versus/measure"
	"github.com/stratakv/strata/bench/versus/peer"
	"github.com/stratakv/strata/bench/versus/records"
	"github.com/stratakv/strata/bench/versus/report"
	"github.com/stratakv/strata/tiered"
)

var coldHow = []string{
	"One goroutine gets records in a random order, none twice in a turn. Each system is opened anew for its turn.",
	"What is compared is a Get that no cache of the store answers and the disk is not asked for: the files were read, and all records once in the order of their keys, so that the kernel has the files in memory and the process has them mapped, for bbolt as well. (After a start the first look at each part of the file costs a page fault, with either.) strata's caches take nothing of that; \"caches empty\" begins with them so, and pays for their first use of memory; \"caches full\" has read a third of the records before, none of which it is asked for, as a store that has run for a while.",
}

// warmReads are the records that are read before caches are called empty.
const warmReads = 5000

// errTier: what is measured is not what the row says.
var errTier = errors.New("too many Gets were answered by another tier")

func l3Get(ctx context.Context, b *bench, res *report.Result) error {
	n := b.set.base()
	var t *report.Table
	served := fact(res, "of these, served by L3", "part of all")
	var last kept
	turn := func(name string, before int) func(context.Context, peer.KV) error {
		return func(ctx context.Context, kv peer.KV) error {
			read := func(i int) error {
				v, err := kv.Get(ctx, records.Key(measure.Scatter(i, n)))
				last.value = v
				return err
			}
			if err := kv.(peer.Walker).Walk(ctx); err != nil {
				return err
			}
			for i := range before {
				if err := errors.Join(read(n-1-i), ctx.Err()); err != nil {
					return err
				}
			}
			share := servedBy(kv, tiered.TierL3)
			most, gets := n-before, 0
			took, err := perOperation(ctx, b.set.length, 64, func(int) error {
				gets++
				return read((gets - 1) % most)
			})
			t.Add(name, float64(took.Nanoseconds())/1000)
			if _, is := kv.(*peer.Strata); is && err == nil {
				served.Add(name, share(gets)).Ours = true
				if gets <= most { // else some were read twice
					err = answered(share, gets, tiered.TierL3)
				}
			}
			return err
		}
	}
	few, many := min(warmReads, n/4), n/3
	systems := []struct {
		system
		before int
	}{
		{strataWith("strata, caches empty", "all tiers", tiered.Options{}), few},
		{strataWith("strata, caches full", "all tiers", tiered.Options{}), many},
		{strataWith("strata, without caches", "L3 alone", tiered.Options{L1Bytes: -1, L2Bytes: -1}), few},
		{bbolt(false), few},
	}
	var sides []*side
	for _, s := range systems {
		if s.name == "bbolt, Update" {
			s.name = "bbolt, View and Get"
		}
		s.aside = s.name == "strata, without caches" // nobody's choice: it is no answer to a peer
		side := b.over(s.system, n, turn(s.name, s.before))
		side.turn = b.afterReading(s.system, n, side.turn)
		sides = append(sides, side)
	}
	t = table(res, fmt.Sprintf("Get over %s records", count(n)), "µs", false, sides...)
	t.Headline = true
	if err := b.alternate(ctx, res, b.set.rounds, sides...); err != nil {
		return err
	}
	for _, s := range systems[:2] {
		b.judge(res, n, 1_000_000, report.Over("Get served by L3 ("+s.name+") / bbolt View and Get", t.Row(s.name), t.Row("bbolt, View and Get"), true, 1.5))
	}
	return nil
}

// servedBy begins to count what a tier answers. What it gives says which part of
// so many Gets that was; of a peer, none.
func servedBy(kv peer.KV, by tiered.Tier) func(gets int) float64 {
	hits := func() uint64 {
		s, is := kv.(*peer.Strata)
		if !is {
			return 0
		}
		stats := s.Store.Stats()
		return map[tiered.Tier]uint64{tiered.TierL1: stats.L1.Hits, tiered.TierL2: stats.L2.Hits, tiered.TierL3: stats.L3.Hits}[by]
	}
	before := hits()
	return func(gets int) float64 { return float64(hits()-before) / float64(max(gets, 1)) }
}

// answered is an error if a tier has answered too few of so many Gets. Of a run
// that was over at once it says nothing.
func answered(share func(gets int) float64, gets int, by tiered.Tier) error {
	if part := share(gets); gets > 2*hotKeys && part < 0.95 {
		return fmt.Errorf("%w: %.2f of them by %v", errTier, part, by)
	}
	return nil
}

// afterReading reads the files of a system's n records before its turn.
func (b *bench) afterReading(s system, n int, turn func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := readFiles(ctx, filepath.Join(b.data, fmt.Sprintf("%s-%d", s.files, n))); err != nil {
			return err
		}
		return turn(ctx)
	}
}

// readFiles reads the files below dir, so that they are in the kernel's cache as
// far as it has room.
func readFiles(ctx context.Context, dir string) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return errors.Join(err, ctx.Err())
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, f)
		return errors.Join(err, f.Close(), ctx.Err())
	})
}
