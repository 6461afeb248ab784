package report

import (
	"fmt"
	"strings"
)

// Grid is one figure of some systems, the first of which is ours, in many cases.
type Grid struct {
	Title, Unit string
	More        bool
	Systems     []string
	Cases       []*Case // in the order of their first value
}

// Case is a line of a Grid.
type Case struct {
	Name   string
	Values map[string][]float64 // by system, one for each round
}

// Add adds a round's value.
func (g *Grid) Add(name, system string, value float64) {
	c := g.find(name)
	c.Values[system] = append(c.Values[system], value)
}

func (g *Grid) find(name string) *Case {
	for _, c := range g.Cases {
		if c.Name == name {
			return c
		}
	}
	c := &Case{name, map[string][]float64{}}
	g.Cases = append(g.Cases, c)
	return c
}

// tables gives a table for each case, so that a peer that is better there is
// found as anywhere else.
func (g *Grid) tables() []*Table {
	var all []*Table
	for _, c := range g.Cases {
		t := &Table{Title: g.Title + ", " + c.Name, Unit: g.Unit, More: g.More}
		for i, system := range g.Systems {
			t.Rows = append(t.Rows, &Row{System: system, Ours: i == 0, Values: c.Values[system]})
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
	for i, t := range g.tables() {
		fmt.Fprintf(b, "| %s |", g.Cases[i].Name)
		for _, row := range t.Rows {
			if len(row.Values) == 0 {
				b.WriteString(" – |")
				continue
			}
			fmt.Fprintf(b, " %s |", number(row.Spread().Median))
		}
		b.WriteString("\n")
	}
}
