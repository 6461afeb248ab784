package report

import (
	"time"

	"github.com/stratakv/strata/bench/versus/measure"
)

// Report is what is known: the last result of each comparison, which may come
// from different runs.
type Report struct {
	Results []*Result // in the order in which they are printed
}

// Result is what came of one comparison.
type Result struct {
	Name  string // as -run selects it
	Title string
	How   []string // how it was measured, a sentence or two each
	Stamp Stamp
	// Tables are in the order in which they are printed.
	Tables  []*Table
	Grids   []*Grid
	Lines   []*Lines
	Targets []Target
	// Missing says which systems were not measured, and why.
	Missing []string
}

// Stamp says when and on what a result was measured.
type Stamp struct {
	Command string // that repeats it
	Commit  string
	Began   time.Time
	Took    time.Duration
	Box     []string // what it ran on, a line each
	Quick   bool
	Rounds  int // unless its text says otherwise
}

// Table is one figure of several systems.
type Table struct {
	Title string
	Unit  string
	// More says whether more is better.
	More bool
	// Fact: no rivals stand in it, so nobody wins or loses.
	Fact bool
	// Headline: the summary shows its chart.
	Headline bool
	Rows     []*Row
}

// Row is one system's values, one for each round.
type Row struct {
	System string
	Ours   bool
	// Aside: shown, not compared: it promises less than ours does, or it is no
	// store. The reason stands in Note.
	Aside  bool
	Note   string
	Values []float64
}

// Lines is a chart of values over time.
type Lines struct {
	Title, XUnit, YUnit string
	Headline            bool // the summary shows it
	Series              []Series
}

// Series is one line, its points in the order of X.
type Series struct {
	Name string
	X, Y []float64
}

// Row returns the row of system, and adds it if there is none.
func (t *Table) Row(system string) *Row {
	for _, r := range t.Rows {
		if r.System == system {
			return r
		}
	}
	r := &Row{System: system}
	t.Rows = append(t.Rows, r)
	return r
}

// Add adds a round's value to system's row.
func (t *Table) Add(system string, value float64) *Row {
	r := t.Row(system)
	r.Values = append(r.Values, value)
	return r
}

// Spread sums up the row.
func (r *Row) Spread() measure.Spread { return measure.SpreadOf(r.Values) }

// better says whether a is better than b.
func (t *Table) better(a, b float64) bool {
	if t.More {
		return a > b
	}
	return a < b
}
