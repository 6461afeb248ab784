package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Markdown writes the report. charts gives the link of a table's or of lines'
// chart by its file's name; nil: without charts.
func (r *Report) Markdown(w io.Writer, charts func(file string) string) error {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\n" +
		"Written by `go run ./bench`; each part says by which call of it, when, and of which commit. The systems of a comparison\n" +
		"take turns; a figure is the median over the rounds, and in brackets the least and the greatest. A ratio is that of each\n" +
		"round with itself, and then the median.\n\n")
	box := r.latest().Box
	for _, line := range box {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	r.targets(&b)
	r.losses(&b)
	r.missing(&b)
	for _, res := range r.Results {
		res.markdown(&b, box, charts)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) targets(b *strings.Builder) {
	b.WriteString("\n## Targets\n\n| comparison | what | want | got | |\n|---|---|--:|--:|---|\n")
	for _, res := range r.Results {
		for _, t := range res.Targets {
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", res.Name, t.What, t.Want(), spread(t.Values, t.Unit), t.verdict())
		}
	}
}

func (r *Report) losses(b *strings.Builder) {
	b.WriteString("\n## Where we lose\n\nEvery figure below in which a peer is better, whatever it promises.\n\n")
	losses := r.Losses()
	if len(losses) == 0 {
		b.WriteString("None.\n")
		return
	}
	b.WriteString("| comparison | figure | ours | peer | factor |\n|---|---|--:|--:|--:|\n")
	for _, l := range losses {
		fmt.Fprintf(b, "| %s | %s, %s | %s: %s | %s: %s | %s |\n", l.Result.Name, l.Table.Title, l.Table.Unit,
			l.Ours.System, number(l.Ours.Spread().Median), l.peer(), number(l.Peer.Spread().Median), l.factor())
	}
}

func (r *Report) missing(b *strings.Builder) {
	first := true
	for _, res := range r.Results {
		for _, m := range res.Missing {
			if first {
				b.WriteString("\n## Not measured\n\n")
				first = false
			}
			fmt.Fprintf(b, "- %s: %s\n", res.Name, m)
		}
	}
}

func (res *Result) markdown(b *strings.Builder, box []string, charts func(string) string) {
	fmt.Fprintf(b, "\n## %s\n\n", res.Title)
	for _, how := range res.How {
		fmt.Fprintf(b, "%s\n", how)
	}
	res.Stamp.markdown(b, box)
	for i, t := range res.Tables {
		t.markdown(b)
		if file := res.TableChart(i); charts != nil && file != "" {
			fmt.Fprintf(b, "\n![%s](%s)\n", t.Title, charts(file))
		}
	}
	for _, g := range res.Grids {
		g.markdown(b)
	}
	for i, l := range res.Lines {
		if charts != nil {
			fmt.Fprintf(b, "\n![%s](%s)\n", l.Title, charts(res.LinesChart(i)))
		}
	}
}

// markdown says what the result comes from; and on what, if that is not box.
func (s Stamp) markdown(b *strings.Builder, box []string) {
	fmt.Fprintf(b, "\n`%s`\n%s, commit %s, %d rounds, took %v.\n", s.Command, s.Began.UTC().Format("2 January 2006, 15:04 UTC"), s.Commit, s.Rounds, s.Took.Round(time.Second))
	if s.Quick {
		b.WriteString("**A quick run**: fewer rounds and records than the targets are for. What depends on them is not judged.\n")
	}
	if !slices.Equal(s.Box, box) {
		fmt.Fprintf(b, "On another machine: %s.\n", strings.Join(s.Box, "; "))
	}
}

func (t *Table) markdown(b *strings.Builder) {
	direction := "less is better"
	if t.More {
		direction = "more is better"
	}
	if t.Fact {
		direction = t.Unit
	} else {
		direction = t.Unit + "; " + direction
	}
	fmt.Fprintf(b, "\n| %s | %s | |\n|---|--:|---|\n", t.Title, direction)
	for _, r := range t.Rows {
		name := r.System
		if r.Ours {
			name = "**" + name + "**"
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", name, spread(r.Values, ""), r.Note)
	}
}

// spread gives median, least and greatest; of one value, that alone.
func spread(values []float64, unit string) string {
	s := (&Row{Values: values}).Spread()
	switch s.Rounds {
	case 0:
		return "–"
	case 1:
		return number(s.Median) + spaced(unit)
	}
	return fmt.Sprintf("%s%s [%s–%s]", number(s.Median), spaced(unit), number(s.Least), number(s.Most))
}

func spaced(unit string) string {
	if unit == "" || unit == "×" {
		return unit
	}
	return " " + unit
}

// number gives three digits that count, or all of those before the point, in
// groups of three.
func number(v float64) string {
	abs := math.Abs(v)
	decimals := 0
	switch {
	case abs == 0 || math.IsInf(v, 0) || math.IsNaN(v):
		return strconv.FormatFloat(v, 'f', -1, 64)
	case abs < 0.01:
		decimals = 4
	case abs < 1:
		decimals = 3
	case abs < 10:
		decimals = 2
	case abs < 100:
		decimals = 1
	}
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Contains(text, ".") {
		return strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
