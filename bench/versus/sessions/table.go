package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// leastOfMemstore is the target of reads, in parts of scs with its memstore.
const leastOfMemstore = 0.9

func printTable(w io.Writer, entrants []*entrant) {
	for _, l := range loads {
		fmt.Fprintf(w, "### %s\n\n| sessions | a write survives | requests/s | p99, µs | store reads / request | store writes / request |\n|---|---|--:|--:|--:|--:|\n", l.name)
		for _, e := range entrants {
			if e.missing != nil {
				fmt.Fprintf(w, "| %s | %s | %v | | | |\n", e.name, e.survives, e.missing)
				continue
			}
			var rates, tails []float64
			for _, r := range e.results[l.name] {
				rates = append(rates, r.perSecond)
				tails = append(tails, float64(r.p99)/float64(time.Microsecond))
			}
			fmt.Fprintf(w, "| %s | %s | %s | %s | %s |\n", e.name, e.survives, spread(rates, "%.0f"), spread(tails, "%.1f"), e.callsOf(l))
		}
		fmt.Fprintln(w)
	}
	if slices.ContainsFunc(entrants, func(e *entrant) bool { return e.system != nil && e.system.volatile }) {
		fmt.Fprint(w, "The files were in memory: nothing survives a power cut.\n\n")
	}
}

// callsOf gives the last two columns.
func (e *entrant) callsOf(l load) string {
	if c, counted := e.calls[l.name]; counted {
		return fmt.Sprintf("%.2f | %.2f", c.reads, c.writes)
	}
	return "– | –"
}

// spread gives the median, the least and the greatest of values.
func spread(values []float64, format string) string {
	values = slices.Sorted(slices.Values(values))
	if len(values) == 0 {
		return "–"
	}
	return fmt.Sprintf(format+" ["+format+"–"+format+"]", median(values), values[0], values[len(values)-1])
}

// median is that of sorted values.
func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// printTargets says which targets are met, and reports whether all are. Rounds
// are compared with themselves: what else the machine did is in both.
func printTargets(w io.Writer, entrants []*entrant) (met bool) {
	find := func(name string) []result {
		i := slices.IndexFunc(entrants, func(e *entrant) bool { return e.name == name })
		return entrants[i].results["read"]
	}
	mine, theirs := find(strata), find(memory)
	var parts []float64
	for round := range mine {
		parts = append(parts, mine[round].perSecond/theirs[round].perSecond)
	}
	slices.Sort(parts)
	met = len(parts) > 0 && median(parts) >= leastOfMemstore
	fmt.Fprintf(w, "Target: reads of %s have at least %.2f of the requests/s of %s. %s: %s.\n",
		strata, leastOfMemstore, memory, map[bool]string{true: "Met", false: "Missed"}[met], spread(parts, "%.2f"))
	return met
}
