package report

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// Where lines are drawn, in pixels.
const (
	linesLeft, linesRight = 70, chartWidth - 16
	linesTop, linesBottom = 46, 246
	linesHeight           = 296
	maxSeries             = 4
)

// Draw draws the lines from zero up. More series than it has colors are an
// error.
func (l *Lines) Draw(w io.Writer) error {
	if len(l.Series) > maxSeries {
		return fmt.Errorf("%d lines in one chart, at most %d can be told apart", len(l.Series), maxSeries)
	}
	maxX, maxY := 0.0, 0.0
	for _, s := range l.Series {
		for i := range s.X {
			maxX, maxY = max(maxX, s.X[i]), max(maxY, s.Y[i])
		}
	}
	top := niceAbove(maxY)
	x := func(v float64) float64 {
		return linesLeft + v/max(maxX, math.SmallestNonzeroFloat64)*(linesRight-linesLeft)
	}
	y := func(v float64) float64 { return linesBottom - v/top*(linesBottom-linesTop) }
	var b strings.Builder
	open(&b, linesHeight, l.Title)
	text(&b, 8, 18, "t", "start", l.Title)
	text(&b, 8, 35, "n", "start", l.YUnit)
	for i := range 5 {
		v := top * float64(i) / 4
		fmt.Fprintf(&b, "<path d=\"M%d %.1fH%d\" class=\"g\"/>\n", linesLeft, y(v), linesRight)
		text(&b, linesLeft-6, y(v)+4, "n", "end", number(v))
	}
	for i := range 5 {
		v := maxX * float64(i) / 4
		text(&b, x(v), linesBottom+18, "n", "middle", number(v))
	}
	text(&b, linesRight, linesBottom+36, "n", "end", l.XUnit)
	for n, s := range l.Series {
		var path strings.Builder
		for i := range s.X {
			fmt.Fprintf(&path, "%c%.1f %.1f", "ML"[min(i, 1)], x(s.X[i]), y(s.Y[i]))
		}
		fmt.Fprintf(&b, "<path d=\"%s\" class=\"l l%d\"/>\n", path.String(), n)
		at := float64(linesLeft + n*170)
		fmt.Fprintf(&b, "<path d=\"M%.1f %dh18\" class=\"l l%d\"/>\n", at, linesBottom+32, n)
		text(&b, at+24, linesBottom+36, "n", "start", s.Name)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// niceAbove is the least of 1, 2, 4, 5, 8 or 10 times a power of ten that v does
// not exceed.
func niceAbove(v float64) float64 {
	if v <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 2, 4, 5, 8} {
		if v <= step*power {
			return step * power
		}
	}
	return 10 * power
}
