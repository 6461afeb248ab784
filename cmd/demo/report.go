package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"
)

var errNoVersion = errors.New("no version in ETag")

// operation counts one kind of request of the load; the workers write it.
type operation struct {
	latencies
	missed, failed, wrong atomic.Uint64
}

// tally counts errors by their text, in bounded memory.
type tally struct {
	mu    sync.Mutex // guards what follows
	all   uint64
	texts map[string]uint64
}

const tallyTexts = 8

func (t *tally) add(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all++
	text := err.Error()
	if _, seen := t.texts[text]; !seen && len(t.texts) >= tallyTexts {
		text = "others"
	}
	if t.texts == nil {
		t.texts = make(map[string]uint64)
	}
	t.texts[text]++
}

func (t *tally) total() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all
}

func (t *tally) print(out io.Writer, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	texts := slices.SortedFunc(maps.Keys(t.texts), func(a, b string) int { return cmp.Compare(t.texts[b], t.texts[a]) })
	for _, text := range texts {
		fmt.Fprintf(out, "%s: %s × %s\n", name, grouped(t.texts[text]), text)
	}
}

// printTable prints what the run found. The load is a closed loop: a worker
// sends its next request after the answer, so that a stall delays few requests
// and shows in the throughput rather than in the quantiles.
func (l *loader) printTable(out io.Writer, took time.Duration) {
	fmt.Fprintf(out, "%.1f s, %d connections in a closed loop, %s sessions, %g%% writes\n\n",
		took.Seconds(), l.config.workers, grouped(uint64(l.config.keys)), l.config.writes*100)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tops\tops/s\tp50\tp99\tp99.9\tnot found\terrors\twrong\t")
	rate := func(n uint64) string { return grouped(uint64(float64(n)/took.Seconds() + 0.5)) }
	for _, row := range []struct {
		name string
		op   *operation
	}{{"get", &l.get}, {"put", &l.put}} {
		n := row.op.count()
		fmt.Fprintf(table, "%s\t%s\t%s\t%v\t%v\t%v\t%s\t%s\t%s\t\n", row.name, grouped(n), rate(n),
			row.op.quantile(0.5), row.op.quantile(0.99), row.op.quantile(0.999),
			grouped(row.op.missed.Load()), grouped(row.op.failed.Load()), grouped(row.op.wrong.Load()))
	}
	n := l.get.count() + l.put.count()
	fmt.Fprintf(table, "all\t%s\t%s\t\t\t\t%s\t%s\t%s\t\n", grouped(n), rate(n), grouped(l.get.missed.Load()),
		grouped(l.failed.total()), grouped(l.wrong.total()))
	table.Flush()
	l.failed.print(out, "error")
	l.wrong.print(out, "wrong")
}

// grouped writes n with a comma after each three digits.
func grouped(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
