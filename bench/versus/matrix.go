package main

import (
	"context"
	"fmt"

	"github.com/stratakv/strata/bench/versus/measure"
	"github.com/stratakv/strata/bench/versus/peer"
	"github.com/stratakv/strata/bench/versus/report"
	"github.com/stratakv/strata/tiered"
)

var matrixHow = []string{
	"Operations a second: reads of 100, 95, 90 and 50 %, all others durable Sets; 1, 64 and 512 callers; keys by Zipf's law (0.99) and evenly; two sizes of the store, and the largest for strata alone. Medians over at most 2 rounds of a quarter of the length; a system stays open for all cells of a size and distribution, the cells warmed in turn. Redis by rueidis as it comes.",
}

func matrix(ctx context.Context, b *bench, res *report.Result) error {
	sizes := []int{b.set.small(), b.set.base(), b.set.large()}
	for at, n := range sizes {
		if at > 0 && n == sizes[at-1] {
			continue
		}
		for _, by := range []struct {
			name string
			keys *measure.Keys
		}{{"Zipf", measure.Zipf(n)}, {"uniform", measure.Uniform(n)}} {
			g := &report.Grid{Title: fmt.Sprintf("%s records, %s", count(n), by.name), Unit: "operations a second", More: true}
			res.Grids = append(res.Grids, g)
			systems := []system{strataWith(strata, "", tiered.Options{})}
			if at < 2 {
				systems = append(systems, bbolt(true), pebbleSync(), redis("always", peer.Pipelined, 0))
			}
			var sides []*side
			for _, s := range systems {
				g.Systems = append(g.Systems, s.name)
				sides = append(sides, b.over(s, n, func(ctx context.Context, kv peer.KV) error {
					return b.cells(ctx, kv, by.keys, s.name, g)
				}))
			}
			if err := b.alternate(ctx, res, min(b.set.rounds, 2), sides...); err != nil {
				return err
			}
		}
	}
	return nil
}

// cells measures a system in all cells.
func (b *bench) cells(ctx context.Context, kv peer.KV, keys *measure.Keys, name string, g *report.Grid) error {
	for _, reads := range []int{100, 95, 90, 50} {
		for _, callers := range []int{1, 64, 512} {
			op := b.mix(ctx, kv, keys, reads)
			if err := warmed(ctx, callers, b.set.length/8, op); err != nil {
				return err
			}
			run, err := measure.Closed(ctx, callers, b.set.length/4, op)
			if err != nil {
				return err
			}
			g.Add(fmt.Sprintf("reads %d %%, %s", reads, several(callers, "caller")), name, run.PerSecond())
		}
	}
	return nil
}
