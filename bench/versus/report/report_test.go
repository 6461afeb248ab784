package report_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stratakv/strata/bench/versus/report"
)

func stamp() report.Stamp {
	return report.Stamp{
		Command: "go run ./bench -run '^set$'", Commit: "0123abc", Box: []string{"processor: 2 cores"}, Rounds: 3,
		Began: time.Date(2024, 2, 1, 9, 30, 0, 0, time.UTC), Took: 90 * time.Second,
	}
}

func example() *report.Report {
	rate := &report.Table{Title: "Sets", Unit: "per second", More: true, Headline: true, Rows: []*report.Row{
		{System: "strata", Ours: true, Values: []float64{30_000, 40_000, 20_000}},
		{System: "strata, slow", Ours: true, Values: []float64{10, 10, 10}},
		{System: "peer <A>", Values: []float64{10_000, 10_000, 10_000}},
		{System: "peer B", Values: []float64{60_000, 60_000, 60_000}, Aside: true, Note: "forgets"},
		{System: "peer C"},
	}}
	times := &report.Table{Title: "p50", Unit: "µs", Rows: []*report.Row{
		{System: "strata", Ours: true, Values: []float64{100}},
		{System: "peer <A>", Values: []float64{50}},
		{System: "peer B", Values: []float64{150}},
	}}
	disk := &report.Table{Title: "disk", Unit: "1/s", Fact: true, More: true, Rows: []*report.Row{{System: "fdatasync", Values: []float64{7000}}, {System: "strata", Ours: true, Values: []float64{7}}}}
	grid := &report.Grid{Title: "1000 records", Unit: "1/s", More: true, Systems: []string{"strata", "peer A", "peer B"}}
	for name, values := range map[string][2]float64{"reads": {10, 5}, "writes": {10, 20}} {
		grid.Add(name, "strata", values[0])
		grid.Add(name, "peer A", values[1])
	}
	return &report.Report{Results: []*report.Result{{
		Name: "set", Title: "Durable Set", How: []string{"One after the other."}, Stamp: stamp(),
		Tables: []*report.Table{rate, times, disk},
		Grids:  []*report.Grid{grid},
		Lines:  []*report.Lines{{Title: "Over time", Headline: true, XUnit: "s", YUnit: "1/s", Series: []report.Series{{Name: "a", X: []float64{0, 1, 2}, Y: []float64{3, 7, 5}}}}},
		Targets: []report.Target{
			report.Over("strata / peer <A>", rate.Row("strata"), rate.Row("peer <A>"), false, 3),
			report.Over("strata / peer B", rate.Row("strata"), rate.Row("peer B"), false, 1),
			report.Over("strata / peer C", rate.Row("strata"), rate.Row("peer C"), false, 1),
		},
		Missing: []string{"peer C: not installed"},
	}}}
}

func TestTargetsAreJudged(t *testing.T) {
	for _, c := range []struct {
		target report.Target
		want   report.Verdict
	}{
		{report.Target{AtMost: true, Bound: 1.3, Values: []float64{1, 1.3, 9}}, report.Met},
		{report.Target{AtMost: true, Bound: 1.3, Values: []float64{1, 1.31, 9}}, report.Missed},
		{report.Target{Bound: 6, Values: []float64{6}}, report.Met},
		{report.Target{Bound: 6, Values: []float64{5.9}}, report.Missed},
		{report.Target{Bound: 6}, report.NotJudged},
		{report.Target{Bound: 6, Values: []float64{1}, Because: "quick"}, report.NotJudged},
	} {
		if got := c.target.Judge(); got != c.want {
			t.Errorf("%+v: got %v, want %v", c.target, got, c.want)
		}
	}
	missed := example().Missed()
	if len(missed) != 1 || missed[0].What != "strata / peer B" {
		t.Errorf("got %v missed, want that of peer B alone", missed)
	}
	if got, want := missed[0].Want(), "≥ 1×"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Ratios are of each round with itself: 30/10, 40/10 and 20/10.
func TestRatiosAreByRound(t *testing.T) {
	got := example().Results[0].Targets[0].Got()
	if got.Median != 3 || got.Least != 2 || got.Most != 4 {
		t.Errorf("got %+v, want 3 [2-4]", got)
	}
}

// A ratio to nothing is said in words.
func TestLossAgainstNothing(t *testing.T) {
	for want, more := range map[string]bool{"theirs is 0": false, "ours is 0": true} {
		ours, theirs := 3.0, 0.0
		if more {
			ours, theirs = theirs, ours
		}
		table := &report.Table{Title: "misses", Unit: "%", More: more, Rows: []*report.Row{
			{System: "strata", Ours: true, Values: []float64{ours}}, {System: "peer", Values: []float64{theirs}},
		}}
		r := &report.Report{Results: []*report.Result{{Name: "misses", Tables: []*report.Table{table}}}}
		var b strings.Builder
		if err := r.Markdown(&b, nil); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); !strings.Contains(got, "| "+want+" |") || strings.Contains(got, "∞") || strings.Contains(got, "Inf") {
			t.Errorf("got %q, want %q in it, and no ratio", got, want)
		}
	}
}

// Where a peer is better it is told, in either direction, asides too; what is
// no contest, and rows of ours against each other, are not.
func TestLosses(t *testing.T) {
	var got []string
	for _, l := range example().Losses() {
		got = append(got, l.Table.Title+" "+l.Ours.System+" "+l.Peer.System)
		if l.Factor != 2 {
			t.Errorf("%s: got factor %v, want 2", l.Table.Title, l.Factor)
		}
	}
	if want := "Sets strata peer B, p50 strata peer <A>, 1000 records, writes strata peer A"; strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMarkdown(t *testing.T) {
	var b strings.Builder
	if err := example().Markdown(&b, func(f string) string { return "charts/" + f }); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"`go run ./bench -run '^set$'`\n1 February 2024, 09:30 UTC, commit 0123abc, 3 rounds, took 1m30s.", "- processor: 2 cores\n",
		"| set | strata / peer <A> | ≥ 3× | 3× [2–4] | met |",
		"| set | strata / peer B | ≥ 1× | 0.5× [0.333–0.667] | **missed** |",
		"| set | strata / peer C | ≥ 1× | – | not judged: not measured: peer C |",
		"| set | Sets, per second | strata: 30,000 | peer B (forgets): 60,000 | 2× |",
		"- set: peer C: not installed",
		"| **strata** | 30,000 [20,000–40,000] |  |", "| peer C | – |  |",
		"| | strata | peer A | peer B |", "| writes | 10 | 20 | – |",
		"![Sets](charts/set-1.svg)", "![Over time](charts/set-lines-1.svg)",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("there is no %q in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "quick run") {
		t.Error("it says that it was a quick run")
	}
	quick := &report.Report{Results: []*report.Result{{Stamp: report.Stamp{Quick: true}}}}
	b.Reset()
	if err := quick.Markdown(&b, nil); err != nil || !strings.Contains(b.String(), "quick run") || !strings.Contains(b.String(), "None.") {
		t.Errorf("got %q, %v, want that it was quick and lost nothing", b.String(), err)
	}
}

// Charts are well-formed, say what they are, and have the colors of both grounds.
func TestCharts(t *testing.T) {
	dir := t.TempDir()
	if err := example().WriteCharts(filepath.Join(dir, "charts")); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string][]string{
		"set-1.svg":       {"peer &lt;A&gt;", "30,000", "logarithmic", "more is better", `class="ours"`, `class="aside"`},
		"set-2.svg":       {"less is better", "peer B"},
		"set-lines-1.svg": {"Over time", ">8<", "a"},
	} {
		b, err := os.ReadFile(filepath.Join(dir, "charts", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range append(want, "prefers-color-scheme:dark", `class="b"`) {
			if !strings.Contains(string(b), part) {
				t.Errorf("%s: there is no %q in it", file, part)
			}
		}
		d := xml.NewDecoder(strings.NewReader(string(b)))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
		}
		if strings.Contains(string(b), "NaN") || strings.Contains(string(b), "Inf") {
			t.Errorf("%s has a number that is none", file)
		}
	}
	if err := (&report.Lines{Series: make([]report.Series, 5)}).Draw(io.Discard); err == nil {
		t.Error("five lines are drawn with four colors")
	}
}
