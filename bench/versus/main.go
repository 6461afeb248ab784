package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/stratakv/strata/bench/versus/machine"
	"github.com/stratakv/strata/bench/versus/report"
)

func main() {
	if done, code := child(); done {
		os.Exit(code)
	}
	// Until the end: a second Ctrl-C must not cut the tidying short.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run does what the arguments say, and gives the exit code.
func run(ctx context.Context, args []string, out, log io.Writer) int {
	set, err := parse(args, log)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(log, "bench:", err)
		return 2
	case set.list:
		for _, c := range comparisons {
			fmt.Fprintf(out, "%-12s %s\n", c.name, c.title)
		}
		return 0
	}
	r, err := compare(ctx, set, log)
	if err == nil || len(r.Results) > 0 {
		err = errors.Join(err, write(r, set.out, out))
	}
	if err != nil {
		fmt.Fprintln(log, "bench:", err)
		return 2
	}
	missed := r.Missed()
	for _, t := range missed {
		fmt.Fprintf(log, "bench: missed: %s: want %s, got %.3g\n", t.What, t.Want(), t.Got().Median)
	}
	if len(missed) > 0 {
		return 1
	}
	return 0
}

// compare runs the comparisons that are chosen. With an error the report has
// those that came to their end.
func compare(ctx context.Context, set settings, log io.Writer) (r *report.Report, err error) {
	b, err := newBench(set, log)
	if err != nil {
		return &report.Report{}, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	r = &report.Report{
		Command: set.command(), Quick: set.quick, Rounds: set.rounds, Box: machine.Describe(ctx, b.data),
	}
	if !machine.OnDisk(b.data) {
		r.Box = append(r.Box, "**The stores were in memory: nothing was durable, and the durable figures mean nothing.**")
	}
	begin := time.Now()
	for _, c := range comparisons {
		if !set.run.MatchString(c.name) {
			continue
		}
		at := time.Now()
		res := &report.Result{Name: c.name, Title: c.title, How: c.how}
		if err := c.run(ctx, b, res); err != nil {
			return r, fmt.Errorf("%s: %w", c.name, err)
		}
		r.Results = append(r.Results, res)
		b.say("%s: done in %v", c.name, time.Since(at).Round(time.Second))
	}
	r.Box = append(r.Box, fmt.Sprintf("the run took %v", time.Since(begin).Round(time.Second)))
	if len(r.Results) == 0 {
		return r, fmt.Errorf("no comparison matches -run '%s'", set.run)
	}
	return r, nil
}

// write prints the report, and leaves it with its charts in dir.
func write(r *report.Report, dir string, out io.Writer) error {
	const charts = "benchmarks"
	if err := r.WriteCharts(filepath.Join(dir, charts)); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, "benchmarks.md"))
	if err != nil {
		return err
	}
	err = r.Markdown(f, func(file string) string { return charts + "/" + file })
	return errors.Join(err, f.Close(), r.Markdown(out, nil))
}
