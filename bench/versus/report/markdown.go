package report

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Markdown writes the report. charts gives the link of a table's or of lines'
// chart by its file's name; nil: without charts.
func (r *Report) Markdown(w io.Writer, charts func(file string) string) error {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\n")
	if r.Quick {
		b.WriteString("**A quick run**: fewer rounds and records than the targets are for. What depends on them is not judged.\n\n")
	}
	fmt.Fprintf(&b, "Written by `%s`. The systems of a comparison take turns, %d rounds unless it says otherwise;\n"+
		"a figure is the median over the rounds, and in brackets the least and the greatest. A ratio is that of each round with\n"+
		"itself, and then the median.\n\n", r.Command, r.Rounds)
	for _, line := range r.Box {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	r.targets(&b)
	r.losses(&b)
	r.missing(&b)
	for _, res := range r.Results {
		res.markdown(&b, charts)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) targets(b *strings.Builder) {
	b.WriteString("\n## Targets\n\n| comparison | what | want | got | |\n|---|---|--:|--:|---|\n")
	for _, res := range r.Results {
		for _, t := range res.Targets {
			verdict := t.Judge().String()
			switch {
			case t.Judge() == Missed:
				verdict = "**missed**"
			case t.Because != "":
				verdict += ": " + t.Because
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", res.Name, t.What, t.Want(), spread(t.Values, t.Unit), verdict)
		}
	}
}

func (r *Report) losses(b *strings.Builder) {
	b.WriteString("\n## Where we lose\n\nEvery figure below in which a peer is better, whatever it promises.\n\n")
	losses := r.Losses()
	if len(losses) == 0 {
		b.WriteString("None in this run.\n")
		return
	}
	b.WriteString("| comparison | figure | ours | peer | factor |\n|---|---|--:|--:|--:|\n")
	for _, l := range losses {
		name := l.Peer.System
		if l.Peer.Note != "" {
			name += " (" + l.Peer.Note + ")"
		}
		fmt.Fprintf(b, "| %s | %s, %s | %s: %s | %s: %s | %s× |\n", l.Result.Name, l.Table.Title, l.Table.Unit,
			l.Ours.System, number(l.Ours.Spread().Median), name, number(l.Peer.Spread().Median), number(l.Factor))
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

func (res *Result) markdown(b *strings.Builder, charts func(string) string) {
	fmt.Fprintf(b, "\n## %s\n\n", res.Title)
	fmt.Fprintf(b, "`-run '^%s$'`", res.Name)
	for _, how := range res.How {
		fmt.Fprintf(b, "\n%s", how)
	}
	b.WriteString("\n")
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
