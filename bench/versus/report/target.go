package report

import (
	"fmt"

	"github.com/stratakv/strata/bench/versus/measure"
)

// Target is a figure that has to be reached.
type Target struct {
	What    string  // what is compared with what
	AtMost  bool    // else at least
	Bound   float64 // in Unit
	Unit    string  // "×": a ratio
	Values  []float64
	Because string // why it is not judged; "": it is
}

// Verdict is what becomes of a target.
type Verdict int

// The verdicts.
const (
	Met Verdict = iota
	Missed
	NotJudged
)

// String gives "met", "missed" or "not judged".
func (v Verdict) String() string { return [...]string{"met", "missed", "not judged"}[v] }

// Got is the middle of the target's values.
func (t Target) Got() measure.Spread { return measure.SpreadOf(t.Values) }

// Judge compares the median of the values with the bound. Without values there
// is nothing to judge.
func (t Target) Judge() Verdict {
	got := t.Got()
	switch {
	case t.Because != "" || got.Rounds == 0:
		return NotJudged
	case t.AtMost && got.Median <= t.Bound, !t.AtMost && got.Median >= t.Bound:
		return Met
	}
	return Missed
}

// verdict is what stands in a table.
func (t Target) verdict() string {
	switch {
	case t.Judge() == Missed:
		return "**missed**"
	case t.Because != "":
		return t.Judge().String() + ": " + t.Because
	}
	return t.Judge().String()
}

// Want is the bound in words, such as "≤ 1.3×".
func (t Target) Want() string {
	sign := "≥"
	if t.AtMost {
		sign = "≤"
	}
	return fmt.Sprintf("%s %s%s", sign, number(t.Bound), spaced(t.Unit))
}

// Missed gives the targets of all results that are missed.
func (r *Report) Missed() []Target {
	var missed []Target
	for _, res := range r.Results {
		for _, t := range res.Targets {
			if t.Judge() == Missed {
				missed = append(missed, t)
			}
		}
	}
	return missed
}

// Over makes the target of a ratio between two rows of a table, round by round:
// ours over theirs. If one of them was not measured it is not judged.
func Over(what string, ours, theirs *Row, atMost bool, bound float64) Target {
	t := Target{What: what, AtMost: atMost, Bound: bound, Unit: "×", Values: measure.Ratios(ours.Values, theirs.Values)}
	if len(t.Values) == 0 {
		t.Because = "not measured: " + theirs.System
	}
	return t
}
