package report

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// TableChart is the name of the file of the i-th table's chart; "" if it has too
// little to show, or only facts that are no headline.
func (res *Result) TableChart(i int) string {
	t, drawn := res.Tables[i], 0
	if t.Fact && !t.Headline {
		return ""
	}
	for _, r := range t.Rows {
		if len(r.Values) > 0 {
			drawn++
		}
	}
	if drawn < 2 || drawn > 12 {
		return ""
	}
	return fmt.Sprintf("%s-%d.svg", res.Name, i+1)
}

// LinesChart is the name of the file of the i-th lines' chart.
func (res *Result) LinesChart(i int) string { return fmt.Sprintf("%s-lines-%d.svg", res.Name, i+1) }

// WriteCharts writes all charts into dir, which it makes. Charts that are there
// already and are none of these are removed.
func (r *Report) WriteCharts(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.svg"))
	for _, file := range old {
		err = errors.Join(err, os.Remove(file))
	}
	if err != nil {
		return err
	}
	write := func(file string, draw func(io.Writer) error) error {
		var b strings.Builder
		if err := draw(&b); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, file), []byte(b.String()), 0o644)
	}
	for _, res := range r.Results {
		for i, t := range res.Tables {
			if file := res.TableChart(i); file != "" {
				if err := write(file, t.Bars); err != nil {
					return err
				}
			}
		}
		for i, l := range res.Lines {
			if err := write(res.LinesChart(i), l.Draw); err != nil {
				return err
			}
		}
	}
	return nil
}

// The charts' measures, in pixels.
const (
	chartWidth = 760
	barsLeft   = 310 // where bars begin
	barsRight  = 650 // where the longest ends
	rowHeight  = 26
	headHeight = 46
)

// style follows the reader's light or dark scheme, with a ground of its own: a
// page may be dark where the reader's scheme is light, and the other way round.
const style = `<style>
.b{fill:#fff}text{font:13px system-ui,sans-serif;fill:#24292f}.t{font-weight:600;font-size:14px}.n{fill:#57606a;font-size:12px}
.ours{fill:#0969da}.peer{fill:#8c959f}.aside{fill:#8c959f;opacity:.55}.w{stroke:#24292f;stroke-width:1.3;fill:none}
.g{stroke:#8c959f;stroke-opacity:.35;fill:none}.l0{stroke:#0969da}.l1{stroke:#bc4c00}.l2{stroke:#1a7f37}.l3{stroke:#8250df}.l{fill:none;stroke-width:1.8}
@media(prefers-color-scheme:dark){.b{fill:#0d1117}text{fill:#e6edf3}.n{fill:#9198a1}.ours{fill:#4493f8}.peer,.aside{fill:#656c76}.w{stroke:#e6edf3}
.l0{stroke:#4493f8}.l1{stroke:#f0883e}.l2{stroke:#3fb950}.l3{stroke:#ab7df8}}
</style>
`

func open(b *strings.Builder, height int, title string) {
	fmt.Fprintf(b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"%s\">\n%s<rect width=\"%d\" height=\"%d\" rx=\"6\" class=\"b\"/>\n",
		chartWidth, height, chartWidth, height, escape(title), style, chartWidth, height)
}

func text(b *strings.Builder, x, y float64, class, anchor, s string) {
	fmt.Fprintf(b, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\" text-anchor=\"%s\">%s</text>\n", x, y, class, anchor, escape(s))
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder takes everything
	return b.String()
}

// Bars draws a bar for each row's median, and a line from its least to its
// greatest value. Where the greatest is more than fifty times the least, the
// scale is logarithmic, and says so.
func (t *Table) Bars(w io.Writer) error {
	var rows []*Row
	least, most, aside := math.Inf(1), 0.0, false
	for _, r := range t.Rows {
		if s := r.Spread(); s.Rounds > 0 {
			aside = aside || r.Aside && !r.Ours
			rows = append(rows, r)
			most = max(most, s.Most)
			if s.Least > 0 {
				least = min(least, s.Least)
			}
		}
	}
	logarithmic := most > 50*least
	direction := "less is better"
	if t.More {
		direction = "more is better"
	}
	if t.Fact {
		direction = ""
	}
	note := strings.Join(nonEmpty(t.Unit, direction, map[bool]string{true: "logarithmic scale"}[logarithmic],
		map[bool]string{true: "pale: promises less"}[aside]), ", ")
	x := func(v float64) float64 {
		part := v / max(most, math.SmallestNonzeroFloat64)
		if logarithmic {
			from := math.Log10(least) - 0.5
			part = max((math.Log10(max(v, least/3))-from)/(math.Log10(most)-from), 0)
		}
		return barsLeft + part*(barsRight-barsLeft)
	}
	var b strings.Builder
	open(&b, headHeight+rowHeight*len(rows)+8, t.Title)
	text(&b, 8, 18, "t", "start", t.Title)
	text(&b, 8, 35, "n", "start", note)
	for i, r := range rows {
		s, y := r.Spread(), float64(headHeight+i*rowHeight)
		class := "peer"
		switch {
		case r.Ours:
			class = "ours"
		case r.Aside:
			class = "aside"
		}
		text(&b, barsLeft-8, y+17, "r", "end", r.System)
		fmt.Fprintf(&b, "<rect x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"16\" rx=\"2\" class=\"%s\"/>\n", barsLeft, y+5, max(x(s.Median)-barsLeft, 1), class)
		if s.Rounds > 1 {
			fmt.Fprintf(&b, "<path d=\"M%.1f %.1fV%.1fM%.1f %.1fH%.1fM%.1f %.1fV%.1f\" class=\"w\"/>\n",
				x(s.Least), y+9, y+17, x(s.Least), y+13, x(s.Most), x(s.Most), y+9, y+17)
		}
		text(&b, max(x(s.Most), x(s.Median))+8, y+17, "v", "start", number(s.Median))
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func nonEmpty(parts ...string) []string {
	var some []string
	for _, p := range parts {
		if p != "" {
			some = append(some, p)
		}
	}
	return some
}
