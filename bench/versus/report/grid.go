package report

import (
	"fmt"
	"strings"

	"github.com/stratakv/strata/bench/versus/measure"
)

// Grid is one figure of some systems, the first of which is ours, in many cases.
type Grid struct {
	Title, Unit string
	More        bool
	Systems     []string

	cases []string // in the order of their first value
	cells map[[2]string][]float64
}

// Add adds a round's value.
func (g *Grid) Add(name, system string, value float64) {
	if g.cells == nil {
		g.cells = map[[2]string][]float64{}
	}
	if !g.has(name) {
		g.cases = append(g.cases, name)
	}
	cell := [2]string{name, system}
	g.cells[cell] = append(g.cells[cell], value)
}

func (g *Grid) has(name string) bool {
	for _, c := range g.cases {
		if c == name {
			return true
		}
	}
	return false
}

// tables gives a table for each case, so that a peer that is better there is
// found as anywhere else.
func (g *Grid) tables() []*Table {
	var all []*Table
	for _, name := range g.cases {
		t := &Table{Title: g.Title + ", " + name, Unit: g.Unit, More: g.More}
		for i, system := range g.Systems {
			t.Rows = append(t.Rows, &Row{System: system, Ours: i == 0, Values: g.cells[[2]string{name, system}]})
		}
		all = append(all, t)
	}
	return all
}

func (g *Grid) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n**%s**, %s\n\n| |", g.Title, g.Unit)
	for _, system := range g.Systems {
		fmt.Fprintf(b, " %s |", system)
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|", len(g.Systems)) + "\n")
	for _, name := range g.cases {
		fmt.Fprintf(b, "| %s |", name)
		for _, system := range g.Systems {
			values := g.cells[[2]string{name, system}]
			if len(values) == 0 {
				b.WriteString(" – |")
				continue
			}
			fmt.Fprintf(b, " %s |", number(measure.SpreadOf(values).Median))
		}
		b.WriteString("\n")
	}
}
