package report

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Summary gives what a reader wants first: the targets, the charts that are
// headlines, and against whom we lose. link is where the report is, charts gives
// the link of a chart by its file's name.
func (r *Report) Summary(link string, charts func(file string) string) string {
	var b strings.Builder
	last := r.latest()
	if len(last.Box) > 0 {
		fmt.Fprintf(&b, "Measured on %s, until %s, of %s; medians over the rounds. A ratio is ours over theirs.\n"+
			"[All figures, their spread and how they were taken](%s).\n\n",
			strings.TrimPrefix(last.Box[0], "processor: "), last.Began.UTC().Format("2 January 2006"), strings.Join(r.commits(), ", "), link)
	}
	b.WriteString("| what | want | got | |\n|---|--:|--:|---|\n")
	for _, res := range r.Results {
		for _, t := range res.Targets {
			got := t.Got()
			text := "–"
			if got.Rounds > 0 {
				text = number(got.Median) + spaced(t.Unit)
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", t.What, t.Want(), text, t.verdict())
		}
	}
	for _, res := range r.Results {
		for i, t := range res.Tables {
			if file := res.TableChart(i); t.Headline && file != "" {
				fmt.Fprintf(&b, "\n![%s](%s)\n", t.Title, charts(file))
			}
		}
		for i, l := range res.Lines {
			if l.Headline {
				fmt.Fprintf(&b, "\n![%s](%s)\n", l.Title, charts(res.LinesChart(i)))
			}
		}
	}
	r.rivals(&b)
	return b.String()
}

// commits are those that results come from.
func (r *Report) commits() []string {
	var commits []string
	for _, res := range r.Results {
		if c := res.Stamp.Commit; !slices.Contains(commits, c) {
			commits = append(commits, c)
		}
	}
	return commits
}

// rival is a peer that is better than ours somewhere in a comparison.
type rival struct {
	worst Loss
	lost  int // figures in which it is better
	both  int // figures that both have
}

// rivals gives a line for each comparison and peer that is better somewhere in
// it, with the figure in which it is so most.
func (r *Report) rivals(b *strings.Builder) {
	b.WriteString("\n### Where we lose\n\n")
	first := true
	for _, res := range r.Results {
		for _, v := range res.rivals() {
			if first {
				b.WriteString("Each peer that is better in a figure of a comparison, whatever it promises, with the one in which it is most so.\n\n" +
					"| comparison | peer | better in | most so in | ours | theirs | factor |\n|---|---|--:|---|--:|--:|--:|\n")
				first = false
			}
			l := v.worst
			fmt.Fprintf(b, "| %s | %s | %d of %d | %s, %s | %s | %s | %s |\n", res.Title, l.peer(), v.lost, v.both,
				l.Table.Title, l.Table.Unit, number(l.Ours.Spread().Median), number(l.Peer.Spread().Median), l.factor())
		}
	}
	if first {
		b.WriteString("Nowhere in these figures.\n")
	}
}

// rivals are in the order in which they are met.
func (res *Result) rivals() []*rival {
	of, order := map[string]*rival{}, []*rival(nil)
	for _, t := range res.contests() {
		for _, row := range t.peers() {
			if of[row.System] == nil {
				of[row.System] = new(rival)
				order = append(order, of[row.System])
			}
			of[row.System].both++
		}
		for _, l := range t.losses(res) {
			v := of[l.Peer.System]
			if v.lost++; l.Factor > v.worst.Factor {
				v.worst = l
			}
		}
	}
	return slices.DeleteFunc(order, func(v *rival) bool { return v.lost == 0 })
}

// peer names the peer of a loss, with its note.
func (l Loss) peer() string {
	if l.Peer.Note != "" {
		return l.Peer.System + " (" + l.Peer.Note + ")"
	}
	return l.Peer.System
}

// factor says how many times better the peer is: of nothing there is no ratio.
func (l Loss) factor() string {
	switch {
	case !math.IsInf(l.Factor, 0):
		return number(l.Factor) + "×"
	case l.Table.More:
		return "ours is 0"
	}
	return "theirs is 0"
}

// The lines between which a document has its summary.
const (
	summaryBegin = "<!-- benchmarks: what follows is written by go run ./bench -readme -->\n"
	summaryEnd   = "<!-- /benchmarks -->\n"
)

// NoSummary is what a document needs for Insert.
const NoSummary = summaryBegin + summaryEnd

// Insert puts summary into a document in place of the one that it has. The
// document must have the two lines between which a summary stands.
func Insert(document []byte, summary string) ([]byte, error) {
	before, rest, begun := bytes.Cut(document, []byte(summaryBegin))
	_, after, ended := bytes.Cut(rest, []byte(summaryEnd))
	if !begun || !ended {
		return nil, fmt.Errorf("the lines between which a summary stands are missing: %q", NoSummary)
	}
	return bytes.Join([][]byte{before, []byte(summaryBegin), []byte(summary), []byte(summaryEnd), after}, nil), nil
}
